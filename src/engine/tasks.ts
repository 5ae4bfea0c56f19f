/** Tasks, what they wait for, and the locks they hold. */
import { assert } from '../assert.ts';
import type { Frame, Path, Pause } from '../model/path.ts';
import type { ReadState } from '../model/state/state.ts';
import { type Calls, createCalls } from './calls.ts';

/** What keeps a task from running. */
type Block =
  | { readonly kind: 'lock'; readonly lock: string }
  | { readonly kind: 'wait'; readonly on: string; readonly until: (state: ReadState) => boolean }
  | { readonly kind: 'join'; readonly what: string };

export interface RunningTask {
  readonly name: string;
  readonly calls: Calls<number>;
  block: Block | null;
  /** Where it stands until it is picked: a task that was just started sleeps. */
  at: Pause | null;
  /** A `task.blocked` event was recorded for the present block. */
  told: boolean;
}

/** How a task stands when nothing can run any more. */
export type TaskEnd =
  | { readonly kind: 'returned'; readonly ret: number }
  | { readonly kind: 'blocked'; readonly on: string }
  /** The task hit an oops, or the machine had stopped before. */
  | { readonly kind: 'dead' };

/** All tasks of a run and the modelled locks. */
export interface TaskTable {
  /** Tasks that have not ended, in the order they were started. */
  readonly running: RunningTask[];
  readonly ends: Map<string, TaskEnd>;
  readonly locks: Map<string, { readonly task: RunningTask; depth: number }>;
}

export function createTaskTable(): TaskTable {
  return { running: [], ends: new Map(), locks: new Map() };
}

/** Adds a task; it runs when it is picked. */
export function startTask(
  table: TaskTable,
  name: string,
  path: Path<number>,
  frame: Frame,
): RunningTask {
  const at: Pause = { type: 'sleep', on: 'its start' };
  const calls = createCalls(path, frame);
  const task: RunningTask = { name, calls, block: null, at, told: false };
  table.running.push(task);
  return task;
}

/** Does `what` name the task, exactly or as the first word of its name? */
function isNamed(task: RunningTask, what: string): boolean {
  return task.name === what || task.name.startsWith(`${what} `);
}

/** Could the task go on now? */
export function canRun(table: TaskTable, task: RunningTask, state: ReadState): boolean {
  const { block } = task;
  if (block === null) return true;
  switch (block.kind) {
    case 'lock':
      return (table.locks.get(block.lock)?.task ?? task) === task;
    case 'wait':
      return block.until(state);
    case 'join':
      return !table.running.some((other) => other !== task && isNamed(other, block.what));
  }
}

/**
 * Ends the task's wait; a lock it waited for is its own from here on.
 *
 * @returns whether that lock was free: a task may wait for one that it has.
 */
export function resumeTask(table: TaskTable, task: RunningTask): boolean {
  const isTaken = task.block?.kind === 'lock' && takeLock(table, task, task.block.lock) === 1;
  task.block = null;
  task.told = false;
  return isTaken;
}

/**
 * Takes a lock, if no other task has it.
 *
 * @returns how often the task has it now: 0 for not at all.
 */
export function takeLock(table: TaskTable, task: RunningTask, lock: string): number {
  const held = table.locks.get(lock);
  if (held === undefined) {
    table.locks.set(lock, { task, depth: 1 });
    return 1;
  }
  if (held.task !== task) return 0;
  held.depth += 1;
  return held.depth;
}

/**
 * Gives a lock back; it must be the task's own.
 *
 * @returns whether it is free now.
 */
export function releaseLock(table: TaskTable, task: RunningTask, lock: string): boolean {
  const held = table.locks.get(lock);
  assert(held?.task === task, `task ${task.name} unlocks ${lock}, which it does not hold`);
  held.depth -= 1;
  return held.depth === 0 && table.locks.delete(lock);
}

/** Takes the task off the table and remembers how it ended. Its locks stay held. */
export function endTask(table: TaskTable, task: RunningTask, end: TaskEnd): void {
  table.running.splice(table.running.indexOf(task), 1);
  table.ends.set(task.name, end);
}

/** What the task waits for, in words. */
export function describeBlock(table: TaskTable, block: Block): string {
  switch (block.kind) {
    case 'lock':
      return `${block.lock}, held by ${table.locks.get(block.lock)?.task.name ?? 'nobody'}`;
    case 'wait':
      return block.on;
    case 'join':
      return `the end of ${block.what}`;
  }
}

/** How a task that was started stands now. */
export function endOfTask(table: TaskTable, name: string): TaskEnd {
  const running = table.running.find((task) => task.name === name);
  if (running?.block != null) return { kind: 'blocked', on: describeBlock(table, running.block) };
  return table.ends.get(name) ?? { kind: 'dead' };
}
