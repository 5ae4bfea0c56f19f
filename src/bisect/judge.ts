/** What decides whether a run is good or bad. */

import { ReprobeError } from '../error.ts';
import type { Inputs } from '../events/trace.ts';
import { runChecked } from '../invariants/checked-run.ts';
import type { Invariant, Violation } from '../invariants/invariant.ts';
import type { Verdict } from './search.ts';

export interface Judgement {
  readonly verdict: Verdict;
  /** What the run's paths asked their kernel about, as far as it was run: nothing else decides. */
  readonly asked: ReadonlySet<string>;
}

/** Runs inputs and says whether that was bad; `skip` where it cannot tell. */
export type Judge = (inputs: Inputs) => Promise<Judgement>;

const NOTHING: ReadonlySet<string> = new Set();

/** Judges runs by what they violate: bad where one violation is such as is asked for. */
export function byViolation(
  isBad: (violation: Violation) => boolean,
  invariants?: readonly Invariant[],
): Judge {
  return (inputs) =>
    judged(() => {
      const only = invariants === undefined ? {} : { invariants };
      const until = (found: readonly Violation[]) => found.some(isBad);
      const { run, violations } = runChecked(inputs, { ...only, until });
      const verdict = violations.some(isBad) ? 'bad' : 'good';
      return Promise.resolve({ verdict, asked: run.trace().asked ?? NOTHING });
    });
}

/** Inputs that cannot be run, such as steps without their devices, say nothing. */
export async function judged(judge: () => Promise<Judgement>): Promise<Judgement> {
  try {
    return await judge();
  } catch (error) {
    if (error instanceof ReprobeError && UNRUNNABLE.includes(error.code))
      return { verdict: 'skip', asked: NOTHING };
    throw error;
  }
}

const UNRUNNABLE: readonly string[] = ['TOO_LARGE', 'BAD_MACHINE', 'UNKNOWN_NAME'];

/** Counts what a judge is asked, and remembers nothing. */
export function counting(judge: Judge): { readonly judge: Judge; readonly count: () => number } {
  let count = 0;
  return {
    judge(inputs) {
      count += 1;
      return judge(inputs);
    },
    count: () => count,
  };
}
