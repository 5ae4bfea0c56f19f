/** Turns what a scheduler does into steps, and has a director choose them. */
import type { StepWatch, TaskView } from '../engine/scheduling.ts';
import { ADD, READ, WRITE } from './footprint.ts';
import type { Sum } from './hash.ts';
import type { Locations } from './locations.ts';
import type { Step } from './past.ts';
import type { Recorder } from './recorder.ts';

/** Chooses the steps of a walk. */
export interface Director {
  /** The place in `tasks` of the one that has the next step; null ends the walk here. */
  pick(tasks: readonly number[]): number | null;
  /** Is the step just picked to be recorded? Otherwise it is not pushed: it is known. */
  isNew(): boolean;
  push(step: Step): void;
  /** Nothing can go on. `waiting` are the tasks that wait for locks, with the locks' locations. */
  rest(waiting: readonly (readonly [task: number, lock: number])[]): void;
}

/** Thrown through the scheduler where the director ends a walk. */
export const CUT = Symbol('cut');

export interface Watched {
  readonly watch: StepWatch;
  readonly choose: (runnable: readonly TaskView[]) => number;
  /** From here on the director chooses. */
  begin(): void;
  /** Nothing can go on any more. */
  end(): void;
}

/** A task of a walk. */
interface Walker {
  readonly id: number;
  readonly key: string;
  readonly parent: Step['parent'];
  steps: number;
  children: number;
  /** What was read to tell whether it can go on, last. */
  guard: Map<number, number>;
  wants: number | null;
}

/** The step under way. */
interface Open {
  readonly walker: Walker;
  readonly isNew: boolean;
  readonly footprint: Map<number, number>;
  readonly saw: Sum;
  readonly change: Sum;
  readonly started: number[];
  took: number | null;
  gave: number | null;
  isEnd: boolean;
}

/** What the callbacks of one walk share. */
interface Work {
  readonly locations: Locations;
  readonly tasks: Map<string, number>;
  readonly recorder: Recorder;
  readonly director: Director;
  readonly walkers: Map<TaskView, Walker>;
  readonly roots: Map<string, number>;
  isOn: boolean;
  open: Open | null;
}

/** @param tasks numbers of tasks by who started them, for all walks of an exploration. */
export function watchSteps(
  locations: Locations,
  tasks: Map<string, number>,
  recorder: Recorder,
  director: Director,
): Watched {
  const work: Work = {
    ...{ locations, tasks, recorder, director, isOn: false, open: null },
    ...{ walkers: new Map(), roots: new Map() },
  };
  return {
    watch: { ...watchTasks(work), ...watchLocks(work) },
    choose: (runnable) => decide(work, runnable),
    begin() {
      work.isOn = true;
    },
    end() {
      close(work);
      const waiting = [...work.walkers.values()].flatMap(({ id, wants }) =>
        wants === null ? [] : [[id, wants] as const],
      );
      director.rest(waiting);
    },
  };
}

type TaskWatch = Pick<StepWatch, 'started' | 'asks' | 'picked' | 'asked' | 'looked' | 'ended'>;

function watchTasks(work: Work): TaskWatch {
  const { locations, tasks, recorder, director, walkers, roots } = work;
  const tasksNamed = (name: string) => locations.named(`tasks called ${name.split(' ')[0]}`);
  const running = locations.named('the machine runs');
  return {
    started(task) {
      const parent = work.open?.walker ?? null;
      const key =
        parent === null ? rootKey(roots, task.name) : `${parent.key}>${parent.children++}`;
      const id = tasks.get(key) ?? tasks.size;
      tasks.set(key, id);
      walkers.set(task, {
        ...{ id, key, steps: 0, children: 0, guard: new Map(), wants: null },
        parent: parent === null ? null : { task: parent.id, steps: parent.steps + 1 },
      });
      work.open?.started.push(id);
      recorder.note(tasksNamed(task.name), ADD);
    },
    asks(task, joined) {
      const walker = walkerOf(work, task);
      walker.guard = new Map();
      recorder.sink = walker.guard;
      if (joined !== null) recorder.note(tasksNamed(joined), READ);
    },
    picked(task, runnable) {
      if (!work.isOn) return;
      if (runnable.length === 1) decide(work, runnable);
      open(work, walkerOf(work, task), director.isNew());
      recorder.note(running, READ);
    },
    asked() {
      recorder.memory = null;
    },
    looked: (name) => recorder.note(tasksNamed(name), READ),
    ended(task, isHalt) {
      recorder.note(tasksNamed(task.name), ADD);
      if (isHalt) recorder.note(running, WRITE);
      if (work.open !== null) work.open.isEnd = true;
    },
  };
}

function watchLocks(work: Work): Pick<StepWatch, 'wants' | 'locked'> {
  const { locations, recorder } = work;
  return {
    wants(lock) {
      if (work.open !== null) work.open.walker.wants = locations.named(`lock ${lock}`);
    },
    locked(lock, isTaken) {
      const location = locations.named(`lock ${lock}`);
      recorder.note(location, WRITE);
      if (work.open === null) return;
      const holder = work.open.walker.id + 1;
      if (isTaken) recorder.changed(location, 0, holder);
      else recorder.changed(location, holder, 0);
      if (isTaken) work.open.took = location;
      else work.open.gave = location;
    },
  };
}

/** Ends the step before, and has the next one chosen. */
function decide(work: Work, runnable: readonly TaskView[]): number {
  if (!work.isOn) return 0;
  close(work);
  const picked = work.director.pick(runnable.map((task) => walkerOf(work, task).id));
  if (picked === null) throw CUT;
  return picked;
}

function open(work: Work, walker: Walker, isNew: boolean): void {
  const { recorder } = work;
  const step: Open = {
    ...{
      walker,
      isNew,
      footprint: walker.guard,
      started: [],
      took: null,
      gave: null,
      isEnd: false,
    },
    ...{ saw: { high: 0, low: 0 }, change: { high: 0, low: 0 } },
  };
  work.open = step;
  walker.guard = new Map();
  walker.wants = null;
  recorder.sink = isNew ? step.footprint : null;
  recorder.memory = isNew ? step.saw : null;
  recorder.change = isNew ? step.change : null;
}

/** Ends the step under way: where it left its task waiting, it looked at what that waits for. */
function close(work: Work): void {
  const { recorder, director, open: step } = work;
  recorder.sink = null;
  recorder.memory = null;
  recorder.change = null;
  work.open = null;
  if (step === null) return;
  const { walker, isNew, footprint, saw, change, started, took, gave, isEnd } = step;
  for (const [location, use] of walker.guard)
    footprint.set(location, (footprint.get(location) ?? 0) | use);
  walker.steps += 1;
  if (!isNew) return;
  const { id: task, parent } = walker;
  director.push({ task, parent, footprint, took, gave, saw, change, started, isEnd });
}

function walkerOf({ walkers }: Work, task: TaskView): Walker {
  const walker = walkers.get(task);
  if (walker === undefined) throw new Error(`the task ${task.name} was never started`);
  return walker;
}

function rootKey(roots: Map<string, number>, name: string): string {
  const nth = roots.get(name) ?? 0;
  roots.set(name, nth + 1);
  return nth === 0 ? name : `${name} ${nth}`;
}
