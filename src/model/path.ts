/**
 * Kernel paths: kernel functions as generators.
 *
 * A path reads the state, yields events, takes modelled locks, calls other paths with `yield*` and
 * returns what the kernel function returns. Each yield is a point at which another task may run.
 */
import type { KernelEvent } from '../events/event.ts';
import type { Kernel } from './context.ts';
import type { ReadState } from './state/state.ts';

/** What a path asks of the scheduler beside recording an event. */
export type Sync =
  /** Takes a lock; the task is not runnable while another holds it. A holder may take it again. */
  | { readonly type: 'lock'; readonly lock: string }
  | { readonly type: 'unlock'; readonly lock: string }
  /** Sleeps until the state satisfies `until`; `on` says for what, in words. */
  | { readonly type: 'wait'; readonly on: string; readonly until: (state: ReadState) => boolean }
  /** Starts a task that runs `path` on its own; a second one of the same name is not started. */
  | { readonly type: 'spawn'; readonly what: string; readonly path: () => Path<number> }
  /** Lets every other task that can run go first. */
  | { readonly type: 'cond_resched' }
  /** Sleeps until the tasks of that name have finished. */
  | { readonly type: 'join'; readonly what: string };

export type Step = KernelEvent | Sync;
export type Path<T> = Generator<Step, T, void>;

/** A place in a call stack; shared by every event that happens there. */
export interface Frame {
  readonly names: readonly string[];
  readonly children: Map<string, Frame>;
}

/** An empty call stack. */
export function rootFrame(): Frame {
  return { names: [], children: new Map() };
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
    const { task } = k;
    const caller = task.frame;
    task.frame = calleeOf(caller, name);
    const call = k.probe?.enter(name, args, task.name);
    try {
      const ret = yield* body(k, ...args);
      if (call !== undefined) k.probe?.leave(call, ret);
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
