/**
 * Runs kernel paths as tasks, one step at a time, under a scheduler whose choices are data.
 *
 * Deterministic: the same system, stimuli, probe and choices give the same events. (A probe makes the
 * calls that it watches steps of their own, where there is a choice.)
 */
import { assert } from '../assert.ts';
import { ReprobeError } from '../error.ts';
import type { KernelEvent, Recorded } from '../events/event.ts';
import type { Kernel, Task } from '../model/context.ts';
import type { Frame, Path, Spawn, Step } from '../model/path.ts';
import { rootFrame } from '../model/path.ts';
import { reduce } from '../model/state/reduce.ts';
import type { State } from '../model/state/state.ts';
import type { Interrupts, Label, SchedulerOptions } from './scheduling.ts';
import {
  canRun,
  createTaskTable,
  describeBlock,
  endOfTask,
  endTask,
  type RunningTask,
  releaseLock,
  resumeTask,
  startTask,
  type TaskEnd,
  type TaskTable,
  takeLock,
} from './tasks.ts';

/** A kernel whose current task the scheduler sets. */
export type ScheduledKernel = Kernel & { task: Task };

export interface Scheduler {
  readonly events: readonly Recorded[];
  /** The decisions made, where there was more than one task to choose from; 0 is the present task. */
  readonly choices: readonly number[];
  /** Starts a task and runs everything until nothing can run. */
  run(name: string, first: KernelEvent, path: Path<number>): TaskEnd;
  /** Starts a task that runs with the next `settle`; none starts once the machine has stopped. */
  start(name: string, first: KernelEvent, path: Path<number>): void;
  /** Runs everything until nothing can run. */
  settle(): void;
  /** How a task that was started stands now. */
  endOf(name: string): TaskEnd;
  /** No task is left, and no lock held. */
  isIdle(): boolean;
  /** Records an event that did not come from a path. */
  record(event: KernelEvent): void;
}

const IMPLIED: Label = { origin: 'implied', line: null, timeUs: null };
const EVENTS_MAX = 5_000_000;
/** Steps without an event after which a run is taken to go on like that for ever. */
const STEPS_MAX = 100_000;
/** The task that boots the kernel; without it the machine stops. */
export const INIT_TASK = 'swapper/0';

const NONE: Interrupts = { beforeLine: () => false, atRest: () => false };

/** Everything a scheduler works on. */
interface Core {
  readonly state: State;
  readonly kernel: ScheduledKernel;
  readonly options: SchedulerOptions;
  readonly table: TaskTable;
  readonly events: Recorded[];
  readonly choices: number[];
  readonly root: Frame;
  readonly interrupts: Interrupts;
  halted: boolean;
}

/** Makes a scheduler for a kernel that reads `state`. */
export function createScheduler(
  state: State,
  kernel: ScheduledKernel,
  options: SchedulerOptions,
  interrupts: Interrupts = NONE,
): Scheduler {
  const core: Core = {
    state,
    kernel,
    options,
    table: createTaskTable(),
    events: [],
    choices: [],
    root: rootFrame(),
    interrupts,
    halted: false,
  };
  const start: Scheduler['start'] = (name, first, path) => {
    if (core.halted) return;
    record(core, first, name, core.root);
    addTask(core, name, path);
  };
  return {
    events: core.events,
    choices: core.choices,
    run(name, first, path) {
      start(name, first, path);
      runAll(core);
      return endOfTask(core.table, name);
    },
    start,
    settle: () => runAll(core),
    endOf: (name) => endOfTask(core.table, name),
    isIdle: () => core.table.running.length === 0 && core.table.locks.size === 0,
    record: (event) => record(core, event, 'log', core.root),
  };
}

function record(core: Core, event: KernelEvent, task: string, frame: Frame): void {
  const { events, options, state } = core;
  const most = options.eventsMax ?? EVENTS_MAX;
  if (events.length >= most)
    throw new ReprobeError('TOO_LARGE', `the run does not end within ${most} events`);
  const { origin, line, timeUs } = options.label?.(event) ?? IMPLIED;
  const recorded: Recorded = { event, task, stack: frame.names, origin, line, timeUs };
  events.push(recorded);
  reduce(state, event);
  options.onEvent?.(recorded, events.length - 1, state);
}

/** Runs tasks until none can run, then says which ones wait and for what. */
function runAll(core: Core): void {
  const { table, kernel, root, options, interrupts } = core;
  let current: RunningTask | null = null;
  let until = core.events.length;
  let idle = 0;
  for (;;) {
    current = pick(core, current);
    idle = core.events.length === until ? idle + 1 : 0;
    until = core.events.length;
    if (idle > STEPS_MAX) throw endless(current);
    if (current === null) {
      if (interrupts.atRest()) continue;
      break;
    }
    const { at } = current;
    if (at?.type === 'printk' && interrupts.beforeLine(at)) {
      current = table.running.at(-1) ?? null;
      continue;
    }
    current.at = null;
    if (at?.type === 'printk') record(core, at, current.name, current.calls.frame);
    if (at !== null && at.type !== 'sleep') continue;
    if (current.block !== null) resume(core, current);
    kernel.task = current;
    const next: IteratorResult<Step, number> = current.calls.next();
    options.watch?.asked();
    if (next.done === true) {
      record(core, { type: 'task.finished', ret: next.value }, current.name, root);
      endTask(table, current, { kind: 'returned', ret: next.value });
      options.watch?.ended(current, false);
    } else if (perform(core, current, next.value)) current = null;
  }
  for (const task of table.running) tellBlocked(core, task);
}

function endless(task: RunningTask | null): ReprobeError {
  const where = [task?.name ?? 'at rest', ...(task?.calls.frame.names.slice(-4) ?? [])].join(' > ');
  return new ReprobeError(
    'TOO_LARGE',
    `the run makes ${STEPS_MAX} steps without an event: ${where}`,
  );
}

/** The task to go on with: the current one if it can, unless a choice says otherwise. */
function pick(core: Core, current: RunningTask | null): RunningTask | null {
  const { table, state, options } = core;
  const { watch } = options;
  if (isAlone(core)) {
    const [only] = table.running;
    return only !== undefined && canRun(table, only, state) ? only : null;
  }
  const runnable = table.running.filter((task) => {
    const { block } = task;
    if (block !== null && block.kind !== 'lock')
      watch?.asks(task, block.kind === 'join' ? block.what : null);
    return canRun(table, task, state);
  });
  const at = current === null ? -1 : runnable.indexOf(current);
  if (at > 0 && current !== null) {
    runnable.splice(at, 1);
    runnable.unshift(current);
  }
  const picked = runnable[runnable.length < 2 ? 0 : choose(core, runnable)] ?? null;
  if (picked !== null) watch?.picked(picked, runnable);
  return picked;
}

function choose({ options, choices }: Core, runnable: readonly RunningTask[]): number {
  const choice = options.choices?.[choices.length] ?? options.choose?.(runnable) ?? 0;
  assert(choice < runnable.length, `choice ${choice} among ${runnable.length} tasks`);
  choices.push(choice);
  return choice;
}

function addTask({ table, options, root }: Core, name: string, path: Path<number>): void {
  const task = startTask(table, name, path, root);
  options.watch?.started(task);
}

function resume({ table, options }: Core, task: RunningTask): void {
  const { block } = task;
  const isTaken = resumeTask(table, task);
  if (isTaken && block?.kind === 'lock') options.watch?.locked(block.lock, true);
}

/**
 * Carries out one step of a task, or leaves it standing before it.
 *
 * @returns whether all other tasks go first.
 */
function perform(core: Core, task: RunningTask, step: Step): boolean {
  const { table, options } = core;
  const { watch } = options;
  switch (step.type) {
    case 'printk':
    case 'call':
    case 'sleep':
      task.at = step;
      return false;
    case 'lock':
      if (isAlone(core) && takeLock(table, task, step.lock) > 0) return false;
      task.block = { kind: 'lock', lock: step.lock };
      watch?.wants(step.lock);
      return false;
    case 'unlock':
      if (releaseLock(table, task, step.lock)) watch?.locked(step.lock, false);
      return false;
    case 'wait':
      task.block = { kind: 'wait', on: step.on, until: step.until };
      return false;
    case 'join':
      task.block = { kind: 'join', what: step.what };
      return false;
    case 'cond_resched':
      table.running.push(...table.running.splice(table.running.indexOf(task), 1));
      return true;
    case 'spawn':
      spawn(core, step);
      return false;
    default:
      record(core, step, task.name, task.calls.frame);
      if (step.type === 'kernel.oopsed') kill(core, task);
      return false;
  }
}

/** Is there one task, so that nobody can get ahead of it, and nobody who watches? */
const isAlone = ({ table, options }: Core): boolean =>
  options.watch === undefined && table.running.length === 1;

function spawn(core: Core, { what, path, single }: Spawn): void {
  if (single === true) {
    core.options.watch?.looked(what);
    if (core.table.running.some((other) => other.name === what)) return;
  }
  addTask(core, what, path());
}

/** An oops kills the task with all its locks held; the machine stops with its first task. */
function kill(core: Core, task: RunningTask): void {
  endTask(core.table, task, { kind: 'dead' });
  core.options.watch?.ended(task, task.name === INIT_TASK);
  if (task.name !== INIT_TASK) return;
  core.halted = true;
  for (const other of core.table.running.slice()) endTask(core.table, other, { kind: 'dead' });
}

function tellBlocked(core: Core, task: RunningTask): void {
  if (task.told || task.block === null) return;
  task.told = true;
  const on = describeBlock(core.table, task.block);
  record(core, { type: 'task.blocked', on }, task.name, task.calls.frame);
}
