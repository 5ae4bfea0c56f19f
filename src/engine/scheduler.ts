/**
 * Runs kernel paths as tasks, one step at a time, under a scheduler whose choices are data.
 *
 * Deterministic: the same system, stimuli and choices give the same events.
 */
import { assert } from '../assert.ts';
import { ReprobeError } from '../error.ts';
import type { KernelEvent, Origin, Recorded } from '../events/event.ts';
import type { Kernel } from '../model/context.ts';
import type { Frame, Path, Step } from '../model/path.ts';
import { rootFrame } from '../model/path.ts';
import { reduce } from '../model/state/reduce.ts';
import type { ReadState, State } from '../model/state/state.ts';

/** Where an event of a guided run comes from. */
export interface Label {
  readonly origin: Origin;
  readonly line: number | null;
  readonly timeUs: number | null;
}

/** What may be decided or watched from outside. */
export interface SchedulerOptions {
  /** Decisions to replay; 0 (stay) where they end. */
  readonly choices?: readonly number[];
  /** Decides where `choices` end: gets the number of tasks that can run, returns an index below it. */
  readonly choose?: (runnable: number) => number;
  /** Labels each event as it is recorded. */
  readonly label?: (event: KernelEvent) => Label;
  /** Called after each event, with the state that it led to. */
  readonly onEvent?: (recorded: Recorded, index: number, state: ReadState) => void;
  /** Stops a run that does not end. */
  readonly eventsMax?: number;
}

type Block =
  | { readonly kind: 'lock'; readonly lock: string }
  | { readonly kind: 'wait'; readonly on: string; readonly until: (state: ReadState) => boolean }
  | { readonly kind: 'join'; readonly what: string };

interface RunningTask {
  readonly name: string;
  readonly path: Path<number>;
  frame: Frame;
  block: Block | null;
  /** A `task.blocked` event was recorded for the present block. */
  told: boolean;
}

/** How a task stands when nothing can run any more. */
export type TaskEnd =
  | { readonly kind: 'returned'; readonly ret: number }
  | { readonly kind: 'blocked'; readonly on: string }
  /** The task hit an oops, or the machine had stopped before. */
  | { readonly kind: 'dead' };

export interface Scheduler {
  readonly events: readonly Recorded[];
  /** The decisions made, where there was more than one task to choose from. */
  readonly choices: readonly number[];
  /** The machine panicked: its first task died. */
  readonly halted: boolean;
  /** Starts a task and runs everything until nothing can run. */
  run(name: string, first: KernelEvent, path: Path<number>): TaskEnd;
  /** How a task that was started stands now. */
  endOf(name: string): TaskEnd;
  /** Records an event from outside the kernel. */
  record(event: KernelEvent): void;
}

const IMPLIED: Label = { origin: 'implied', line: null, timeUs: null };
const EVENTS_MAX = 5_000_000;

/** The state and the function that appends an event to the run. */
interface Recorder {
  readonly events: Recorded[];
  record(event: KernelEvent, task: string, frame: Frame): void;
}

function recorder(state: State, options: SchedulerOptions): Recorder {
  const events: Recorded[] = [];
  const { label, onEvent } = options;
  const eventsMax = options.eventsMax ?? EVENTS_MAX;
  return {
    events,
    record(event, task, frame) {
      if (events.length >= eventsMax)
        throw new ReprobeError('TOO_LARGE', `the run does not end within ${eventsMax} events`);
      const { origin, line, timeUs } = label === undefined ? IMPLIED : label(event);
      const recorded: Recorded = { event, task, stack: frame.names, origin, line, timeUs };
      events.push(recorded);
      reduce(state, event);
      onEvent?.(recorded, events.length - 1, state);
    },
  };
}

/** Makes a scheduler for the kernel `k`, which reads `state`. */
export function createScheduler(
  state: State,
  k: Kernel & { task: { name: string; frame: Frame } },
  options: SchedulerOptions,
): Scheduler {
  const { events, record } = recorder(state, options);
  const root = rootFrame();
  const tasks: RunningTask[] = [];
  const ends = new Map<string, TaskEnd>();
  const locks = new Map<string, { readonly task: RunningTask; depth: number }>();
  const choices: number[] = [];
  let halted = false;

  const start = (name: string, path: Path<number>): RunningTask => {
    const task: RunningTask = { name, path, frame: root, block: null, told: false };
    tasks.push(task);
    return task;
  };

  const isNamed = (task: RunningTask, what: string): boolean =>
    task.name === what || task.name.startsWith(`${what} `);

  const canRun = (task: RunningTask): boolean => {
    const { block } = task;
    if (block === null) return true;
    switch (block.kind) {
      case 'lock':
        return (locks.get(block.lock)?.task ?? task) === task;
      case 'wait':
        return block.until(state);
      case 'join':
        return !tasks.some((other) => other !== task && isNamed(other, block.what));
    }
  };

  const resume = (task: RunningTask): void => {
    if (task.block?.kind === 'lock') take(task, task.block.lock);
    task.block = null;
    task.told = false;
  };

  const take = (task: RunningTask, lock: string): void => {
    const held = locks.get(lock);
    if (held === undefined) locks.set(lock, { task, depth: 1 });
    else held.depth += 1;
  };

  const release = (task: RunningTask, lock: string): void => {
    const held = locks.get(lock);
    assert(held?.task === task, `task ${task.name} unlocks ${lock}, which it does not hold`);
    held.depth -= 1;
    if (held.depth === 0) locks.delete(lock);
  };

  const finish = (task: RunningTask, end: TaskEnd): void => {
    tasks.splice(tasks.indexOf(task), 1);
    ends.set(task.name, end);
  };

  /** An oops kills the task with all its locks held; without its first task the machine stops. */
  const kill = (task: RunningTask): void => {
    finish(task, { kind: 'dead' });
    if (task.name === 'swapper/0') {
      halted = true;
      for (const other of tasks.slice()) finish(other, { kind: 'dead' });
    }
  };

  /** Carries out one step of a task. */
  const perform = (task: RunningTask, step: Step): void => {
    switch (step.type) {
      case 'lock': {
        task.block = { kind: 'lock', lock: step.lock };
        if (canRun(task)) resume(task);
        return;
      }
      case 'unlock':
        release(task, step.lock);
        return;
      case 'wait':
        task.block = { kind: 'wait', on: step.on, until: step.until };
        return;
      case 'join':
        task.block = { kind: 'join', what: step.what };
        return;
      case 'cond_resched':
        tasks.push(...tasks.splice(tasks.indexOf(task), 1));
        return;
      case 'spawn':
        if (!tasks.some((other) => other.name === step.what)) start(step.what, step.path());
        return;
      default:
        record(step, task.name, task.frame);
        if (step.type === 'kernel.oopsed') kill(task);
    }
  };

  /** The task to go on with: the current one if it can, unless a choice says otherwise. */
  const pick = (current: RunningTask | null): RunningTask | null => {
    if (tasks.length === 1) {
      const [only] = tasks;
      return only !== undefined && canRun(only) ? only : null;
    }
    const runnable = tasks.filter(canRun);
    const at = current === null ? -1 : runnable.indexOf(current);
    if (at > 0 && current !== null) {
      runnable.splice(at, 1);
      runnable.unshift(current);
    }
    if (runnable.length < 2) return runnable[0] ?? null;
    const choice = options.choices?.[choices.length] ?? options.choose?.(runnable.length) ?? 0;
    assert(choice < runnable.length, `choice ${choice} among ${runnable.length} tasks`);
    choices.push(choice);
    return runnable[choice] ?? null;
  };

  const runAll = (): void => {
    let current: RunningTask | null = null;
    for (;;) {
      current = pick(current);
      if (current === null) break;
      if (current.block !== null) resume(current);
      k.task = current;
      const next: IteratorResult<Step, number> = current.path.next();
      if (!next.done) {
        perform(current, next.value);
        if (next.value.type === 'cond_resched') current = null;
      } else {
        record({ type: 'task.finished', ret: next.value }, current.name, root);
        finish(current, { kind: 'returned', ret: next.value });
      }
    }
    for (const task of tasks) tellBlocked(task);
  };

  const describeBlock = (block: Block): string => {
    switch (block.kind) {
      case 'lock':
        return `${block.lock}, held by ${locks.get(block.lock)?.task.name ?? 'nobody'}`;
      case 'wait':
        return block.on;
      case 'join':
        return `the end of ${block.what}`;
    }
  };

  const tellBlocked = (task: RunningTask): void => {
    if (task.told || task.block === null) return;
    task.told = true;
    record({ type: 'task.blocked', on: describeBlock(task.block) }, task.name, task.frame);
  };

  const endOf = (name: string): TaskEnd => {
    const running = tasks.find((task) => task.name === name);
    if (running?.block != null) return { kind: 'blocked', on: describeBlock(running.block) };
    return ends.get(name) ?? { kind: 'dead' };
  };

  return {
    events,
    choices,
    get halted() {
      return halted;
    },
    run(name, first, path) {
      if (halted) return { kind: 'dead' };
      record(first, name, root);
      start(name, path);
      runAll();
      return endOf(name);
    },
    endOf,
    record: (event) => record(event, 'log', root),
  };
}
