/** One run of one stimulus, under a director that chooses every step and is told what it did. */
import { partsOf, type Rest } from '../engine/rest.ts';
import { createRun, type Run } from '../engine/run.ts';
import type { StepWatch, TaskView } from '../engine/scheduler.ts';
import type { KernelEvent } from '../events/event.ts';
import type { KernelSpec, Machine } from '../events/machine.ts';
import type { Stimulus } from '../events/stimulus.ts';
import { type Checker, createChecker } from '../invariants/checker.ts';
import { createFlights, type Flights } from '../invariants/flights.ts';
import type { Invariant, Violation } from '../invariants/invariant.ts';
import { ADD, READ, WRITE } from './footprint.ts';
import type { Step } from './past.ts';
import { createLocations, createRecorder, type Locations, type Recorder } from './recorder.ts';

/** What all walks of an exploration share. */
export interface Ground {
  readonly kernel: KernelSpec;
  readonly machine: Machine;
  readonly invariants: readonly Invariant[];
  readonly eventsMax: number;
  readonly locations: Locations;
  /** Tasks by who started them, as numbers. */
  readonly tasks: Map<string, number>;
}

/** Where a stimulus finds the system: what was given since a rest, and how that went. */
export interface Situation {
  /** Null for the system before anything happened. */
  readonly base: Rest | null;
  readonly since: readonly Stimulus[];
  readonly choices: readonly number[];
}

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

export interface Walk {
  readonly run: Run;
  /** Choices made since the rest that it began from. */
  readonly choices: readonly number[];
  readonly violations: readonly Violation[];
}

export function createGround(
  { kernel, machine }: Pick<Ground, 'kernel' | 'machine'>,
  invariants: readonly Invariant[],
  eventsMax: number,
): Ground {
  return {
    ...{ kernel, machine, invariants, eventsMax },
    locations: createLocations(),
    tasks: new Map(),
  };
}

/** Thrown through the scheduler where the director ends a walk. */
const CUT = Symbol('cut');

/**
 * Walks one schedule.
 *
 * @returns null where the director ended it early.
 */
export function walk(
  ground: Ground,
  { base, since, choices }: Situation,
  stimulus: Stimulus,
  director: Director,
): Walk | null {
  const { kernel, machine, invariants, eventsMax, locations } = ground;
  const recorder = createRecorder(locations, partsOf(machine));
  const steps = watchSteps(ground, recorder, director);
  let checker: Checker | null = null;
  const run = createRun(
    { kernel, machine },
    {
      ...(base === null ? {} : { from: base }),
      choices,
      eventsMax,
      view: recorder.view,
      choose: steps.choose,
      watch: steps.watch,
      oracle(dev, drv) {
        recorder.note(locations.named(`probes of ${dev} by ${drv}`), WRITE);
        return null;
      },
      onEvent(recorded, index, state) {
        checker ??= createChecker(ground, state, invariants, recordedFlights(recorder, locations));
        checker.onEvent(recorded, index);
      },
    },
  );
  const violations = (): readonly Violation[] => checker?.violations ?? [];
  try {
    for (const one of since) run.give(one);
    steps.begin();
    run.give(stimulus);
    steps.end();
  } catch (error) {
    if (error !== CUT) throw error;
    return null;
  }
  return { run, choices: run.scheduler.choices, violations: violations() };
}

/** What is under way, which the checker knows beside the state. */
function recordedFlights(recorder: Recorder, { named }: Locations): Flights {
  const flights = createFlights();
  return {
    note(event: KernelEvent) {
      const isNoted = FLIGHTS.includes(event.type);
      if (isNoted && 'dev' in event) recorder.note(named(`flights of ${event.dev}`), WRITE);
      flights.note(event);
    },
    quiet(dev) {
      recorder.note(named(`flights of ${dev}`), READ);
      return flights.quiet(dev);
    },
    idle: flights.idle,
  };
}
const FLIGHTS: readonly string[] = [
  ...['probe.matched', 'driver.unbinding', 'probe.finished', 'driver.unbound', 'device.added'],
];

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
  took: number | null;
  gave: number | null;
}

/** Turns what the scheduler does into steps for the director. */
function watchSteps(ground: Ground, recorder: Recorder, director: Director) {
  const { named } = ground.locations;
  const walkers = new Map<TaskView, Walker>();
  const roots = new Map<string, number>();
  let isOn = false;
  let open: Open | null = null;

  const tasksNamed = (name: string): number => named(`tasks called ${name.split(' ')[0]}`);
  const idOf = (key: string): number => {
    const id = ground.tasks.get(key) ?? ground.tasks.size;
    ground.tasks.set(key, id);
    return id;
  };
  const walkerOf = (task: TaskView): Walker => {
    const known = walkers.get(task);
    if (known === undefined) throw new Error(`the task ${task.name} was never started`);
    return known;
  };
  /** Ends the step under way: where it left its task waiting, it looked at what that waits for. */
  const close = (): void => {
    recorder.sink = null;
    if (open === null) return;
    const { walker, isNew, footprint, took, gave } = open;
    open = null;
    for (const [location, use] of walker.guard)
      footprint.set(location, (footprint.get(location) ?? 0) | use);
    walker.steps += 1;
    if (isNew) director.push({ task: walker.id, parent: walker.parent, footprint, took, gave });
  };
  const decide = (runnable: readonly TaskView[]): number => {
    if (!isOn) return 0;
    close();
    const picked = director.pick(runnable.map((task) => walkerOf(task).id));
    if (picked === null) throw CUT;
    return picked;
  };
  const watch: StepWatch = {
    started(task) {
      const parent = open?.walker ?? null;
      const key =
        parent === null ? rootKey(roots, task.name) : `${parent.key}>${parent.children++}`;
      walkers.set(task, {
        ...{ id: idOf(key), key, steps: 0, children: 0, guard: new Map(), wants: null },
        parent: parent === null ? null : { task: parent.id, steps: parent.steps + 1 },
      });
      recorder.note(tasksNamed(task.name), ADD);
    },
    asks(task, joined) {
      const walker = walkerOf(task);
      walker.guard = new Map();
      recorder.sink = walker.guard;
      if (joined !== null) recorder.note(tasksNamed(joined), READ);
    },
    picked(task, runnable) {
      if (!isOn) return;
      if (runnable.length === 1) decide(runnable);
      const walker = walkerOf(task);
      const isNew = director.isNew();
      open = { walker, isNew, footprint: walker.guard, took: null, gave: null };
      walker.guard = new Map();
      walker.wants = null;
      recorder.sink = isNew ? open.footprint : null;
      recorder.note(named('the machine runs'), READ);
    },
    locked(lock, isTaken) {
      const location = named(`lock ${lock}`);
      recorder.note(location, WRITE);
      if (open === null) return;
      if (isTaken) open.took = location;
      else open.gave = location;
    },
    wants(lock) {
      if (open !== null) open.walker.wants = named(`lock ${lock}`);
    },
    looked: (name) => recorder.note(tasksNamed(name), READ),
    ended(task, isHalt) {
      recorder.note(tasksNamed(task.name), ADD);
      if (isHalt) recorder.note(named('the machine runs'), WRITE);
    },
  };
  return {
    watch,
    choose: decide,
    begin(): void {
      isOn = true;
    },
    end(): void {
      close();
      const waiting = [...walkers.values()].flatMap(({ id, wants }) =>
        wants === null ? [] : [[id, wants] as const],
      );
      director.rest(waiting);
    },
  };
}

function rootKey(roots: Map<string, number>, name: string): string {
  const nth = roots.get(name) ?? 0;
  roots.set(name, nth + 1);
  return nth === 0 ? name : `${name} ${nth}`;
}
