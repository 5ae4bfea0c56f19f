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
import type { Kernel, PathProbe } from './context.ts';
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
  /** What is called, for the call stack. */
  readonly name: string;
  readonly callee: Path<unknown>;
}

/** What a generator yields and returns on its way, which need not be a generator itself. */
export interface Path<T> extends Iterator<Step | Enter, T, unknown> {
  [Symbol.iterator](): Path<T>;
}

/** A place in a call stack; shared by every event that happens there. */
export interface Frame {
  readonly name: string;
  /** Names from the root on, its own last. */
  readonly names: readonly string[];
  readonly children: Map<string, Frame>;
  /** The child that was asked for last: most often the next one too. */
  last: Frame | null;
}

const ROOT: Frame = { name: '', names: [], children: new Map(), last: null };

/** An empty call stack. All runs share it, and so the stacks that they come to. */
export function rootFrame(): Frame {
  return ROOT;
}

/** The call stack within a path of that name, called from `frame`. */
export function calleeOf(frame: Frame, name: string): Frame {
  if (frame.last?.name === name) return frame.last;
  let callee = frame.children.get(name);
  if (callee === undefined) {
    callee = { name, names: [...frame.names, name], children: new Map(), last: null };
    frame.children.set(name, callee);
  }
  frame.last = callee;
  return callee;
}

/** Hands `callee` over, and returns what it returns: two steps, whatever it does. */
class Call<R> implements Path<R>, Enter {
  readonly type = 'enter';
  readonly name: string;
  readonly callee: Path<R>;
  #isEntered = false;

  constructor(name: string, callee: Path<R>) {
    this.name = name;
    this.callee = callee;
  }

  next(given: unknown): IteratorResult<Enter, R> {
    if (this.#isEntered) return { done: true, value: given as R };
    this.#isEntered = true;
    return { done: false, value: this };
  }

  [Symbol.iterator](): this {
    return this;
  }
}

/**
 * Declares a kernel path under the kernel function's own name, which then stands in the call stack
 * of every event it yields, and at which a probe (`Kernel.probe`) sees its arguments and result.
 */
export function path<A extends readonly unknown[], R>(
  name: string,
  body: (k: Kernel, ...args: A) => Path<R>,
): (k: Kernel, ...args: A) => Path<R> {
  return (k, ...args) => {
    const call = new Call(name, body(k, ...args));
    return k.probe?.watches(name) === true ? probed(k, k.probe, call, args) : call;
  };
}

/** A call that a probe sees. */
function* probed<R>(k: Kernel, probe: PathProbe, call: Call<R>, args: readonly unknown[]): Path<R> {
  const { name } = call;
  if (probe.holds) yield { type: 'call', name, args };
  const id = probe.enter(name, args, k.task.name);
  const ret = yield* call;
  if (id !== undefined) probe.leave(id, ret);
  return ret;
}

/** Takes a lock, goes through `inner` and gives the lock back. */
class Locked<R> implements Path<R> {
  readonly #lock: string;
  readonly #inner: Path<R>;
  #at: 'lock' | 'inner' | 'end' = 'lock';
  #returned: R | undefined;

  constructor(lock: string, inner: Path<R>) {
    this.#lock = lock;
    this.#inner = inner;
  }

  next(given: unknown): IteratorResult<Step | Enter, R> {
    if (this.#at === 'end') return { done: true, value: this.#returned as R };
    if (this.#at === 'lock') {
      this.#at = 'inner';
      return { done: false, value: { type: 'lock', lock: this.#lock } };
    }
    const next = this.#inner.next(given);
    if (next.done !== true) return next;
    this.#at = 'end';
    this.#returned = next.value;
    return { done: false, value: { type: 'unlock', lock: this.#lock } };
  }

  [Symbol.iterator](): this {
    return this;
  }
}

/** Runs `inner` with a lock held. */
export function locked<R>(lock: string, inner: Path<R>): Path<R> {
  return new Locked(lock, inner);
}

/** device_lock(dev). */
export const deviceLock = (dev: string): string => `device_lock ${dev}`;
/** group->mutex. */
export const groupMutex = (group: number): string => `group->mutex ${group}`;
