/** The call stack of a task: paths that wait for what the one they called returns. */
import { ReprobeError } from '../error.ts';
import type { Enter, Path, Step } from '../model/path.ts';

export interface Calls<T> {
  /** Runs on to the next step, or to the end. Throws what the paths throw and none of them catches. */
  next(): IteratorResult<Step, T>;
}

/**
 * A path that has not begun, with the paths it will call. Cost of a step: one resumed generator, how
 * deep the calls ever are.
 */
/** So many calls without a step, or in each other, and a path is taken to call for ever. */
const CALLS_MAX = 100_000;
const DEPTH_MAX = 5000;

export function createCalls<T>(first: Path<T>): Calls<T> {
  const stack: Path<unknown>[] = [first];
  return {
    next() {
      /** What the path on top is resumed with: a result of its callee, or what that one threw. */
      let given: unknown;
      let isThrown = false;
      let entered = 0;
      for (;;) {
        const top = stack[stack.length - 1] ?? first;
        let next: IteratorResult<Step | Enter, unknown>;
        try {
          next = isThrown ? top.throw(given) : top.next(given);
        } catch (error) {
          stack.pop();
          if (stack.length === 0) throw error;
          given = error;
          isThrown = true;
          continue;
        }
        isThrown = false;
        if (next.done === true) {
          stack.pop();
          // The first path is the last to return.
          if (stack.length === 0) return { done: true, value: next.value as T };
          given = next.value;
        } else if (next.value.type === 'enter') {
          entered += 1;
          if (entered > CALLS_MAX || stack.length > DEPTH_MAX) throw endless();
          stack.push(next.value.callee);
          given = undefined;
        } else return { done: false, value: next.value };
      }
    },
  };
}

function endless(): ReprobeError {
  return new ReprobeError('TOO_LARGE', 'a path of the model calls without end');
}
