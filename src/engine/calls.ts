/** The call stack of a task: paths that wait for what the one they called returns. */
import { ReprobeError } from '../error.ts';
import { calleeOf, type Enter, type Frame, type Path, type Step } from '../model/path.ts';

export interface Calls<T> {
  /** Where the path that runs stands in the call stack. */
  readonly frame: Frame;
  /** Runs on to the next step, or to the end. What a path throws ends them all. */
  next(): IteratorResult<Step, T>;
}

/** So many calls without a step, or in each other, and a path is taken to call for ever. */
const CALLS_MAX = 100_000;
const DEPTH_MAX = 5000;

/**
 * A path that has not begun, with the paths it will call. Cost of a step: one resumed generator, how
 * deep the calls ever are.
 */
export function createCalls<T>(first: Path<T>, root: Frame): Calls<T> {
  return new PathCalls(first, root);
}

class PathCalls<T> implements Calls<T> {
  frame: Frame;
  #top: Path<unknown>;
  /** Who waits for the path on top, the last caller last, and where each of them stands. */
  readonly #callers: Path<unknown>[] = [];
  readonly #frames: Frame[] = [];

  constructor(first: Path<T>, root: Frame) {
    this.#top = first;
    this.frame = root;
  }

  next(): IteratorResult<Step, T> {
    /** What the path on top is resumed with: the result of its callee. */
    let given: unknown;
    let entered = 0;
    for (;;) {
      const next: IteratorResult<Step | Enter, unknown> = this.#top.next(given);
      if (next.done === true) {
        const caller = this.#callers.pop();
        // The first path is the last to return.
        if (caller === undefined) return next as IteratorReturnResult<T>;
        this.#top = caller;
        this.frame = this.#frames.pop() ?? this.frame;
        given = next.value;
      } else if (next.value.type === 'enter') {
        const { name, callee } = next.value;
        entered += 1;
        if (entered > CALLS_MAX || this.#callers.length > DEPTH_MAX) throw endless();
        this.#callers.push(this.#top);
        this.#frames.push(this.frame);
        this.#top = callee;
        this.frame = calleeOf(this.frame, name);
        given = undefined;
      } else return next as IteratorYieldResult<Step>;
    }
  }
}

function endless(): ReprobeError {
  return new ReprobeError('TOO_LARGE', 'a path of the model calls without end');
}
