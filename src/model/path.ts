/**
 * Kernel paths: kernel functions as generators.
 *
 * A path reads the state, yields events, takes modelled locks, calls other paths with `yield*` and
 * returns what the kernel function returns. Each yield is a point at which another task may run.
 *
 * `yield*` would pass every step through all callers. So a declared path hands its body over to
 * who runs the task (engine/calls.ts), and waits on that stack for the result.
 */
import type { EventOf, KernelEvent } from '../events/event.ts';
import type { Kernel } from './context.ts';
import type { ReadState } from './state/state.ts';

/** What a path asks of the scheduler beside recording an event. */
export type Sync =
  /**
   * Takes a lock; the task is not runnable while another holds it. Another may get ahead before it
   * is taken. A holder may take it again.
   */
  | { readonly type: 'lock'; readonly lock: string }
  | { readonly type: 'unlock'; readonly lock: string }
  /** Sleeps until the state satisfies `until`; `on` says for what, in words. */
  | { readonly type: 'wait'; readonly on: string; readonly until: (state: ReadState) => boolean }
  | Spawn
  /** Lets every other task that can run go first. */
  | { readonly type: 'cond_resched' }
  /** Sleeps until the tasks of that name have finished. */
  | { readonly type: 'join'; readonly what: string }
  | Sleep
  | ProbedCall;

/** Starts a task that runs `path` on its own. */
export interface Spawn {
  readonly type: 'spawn';
  readonly what: string;
  readonly path: () => Path<number>;
  /** A work item: nothing happens while one of the same name is under way. */
  readonly single?: true;
}

/** Time passes while hardware works; others may get far. By default nobody gets ahead. */
export interface Sleep {
  readonly type: 'sleep';
  readonly on: string;
}

/** A path that a probe watches is about to be called. */
export interface ProbedCall {
  readonly type: 'call';
  readonly name: string;
  readonly args: readonly unknown[];
}

/**
 * Where a task can be left standing for any time: before a line, which changes no state, before a
 * probed call, of which nothing is decided yet, and asleep.
 */
export type Pause = EventOf<'printk'> | ProbedCall | Sleep;

export type Step = KernelEvent | Sync;

/** Calls a path: who runs the task resumes the caller with what the callee returns. */
export interface Enter {
  readonly type: 'enter';
  readonly callee: Path<unknown>;
}

export type Path<T> = Generator<Step | Enter, T, unknown>;

/** A place in a call stack; shared by every event that happens there. */
export interface Frame {
  readonly names: readonly string[];
  readonly children: Map<string, Frame>;
}

const ROOT: Frame = { names: [], children: new Map() };

/** An empty call stack. All runs share it, and so the stacks that they come to. */
export function rootFrame(): Frame {
  return ROOT;
}

function calleeOf(frame: Frame, name: string): Frame {
  let callee = frame.children.get(name);
  if (callee === undefined) {
    callee = { names: [...frame.names, name], children: new Map() };
    frame.children.set(name, callee);
  }
  return callee;
}

/**
 * Declares a kernel path under the kernel function's own name, which then stands in the call stack
 * of every event it yields, and at which a probe (`Kernel.probe`) sees its arguments and result.
 */
export function path<A extends readonly unknown[], R>(
  name: string,
  body: (k: Kernel, ...args: A) => Path<R>,
): (k: Kernel, ...args: A) => Path<R> {
  return function* (k, ...args) {
    const probe = k.probe?.watches(name) === true ? k.probe : null;
    if (probe?.holds === true) yield { type: 'call', name, args };
    const { task } = k;
    const caller = task.frame;
    task.frame = calleeOf(caller, name);
    const call = probe?.enter(name, args, task.name);
    try {
      // What the callee that was handed over returns.
      const ret = (yield { type: 'enter', callee: body(k, ...args) }) as R;
      if (call !== undefined) probe?.leave(call, ret);
      return ret;
    } finally {
      task.frame = caller;
    }
  };
}

/** Runs `inner` with a lock held. */
export function* locked<R>(lock: string, inner: Path<R>): Path<R> {
  yield { type: 'lock', lock };
  const ret = yield* inner;
  yield { type: 'unlock', lock };
  return ret;
}

/** device_lock(dev). */
export const deviceLock = (dev: string): string => `device_lock ${dev}`;
/** group->mutex. */
export const groupMutex = (group: number): string => `group->mutex ${group}`;
