/** How soon draws show what a scenario shows: the same claim, broken of the same kind of thing by the same path. */
import type { Inputs } from '../events/trace.ts';
import { runChecked } from '../invariants/checked-run.ts';
import type { KernelChoice } from './any-kernel.ts';
import { createDraw, sizeOfRun } from './draw.ts';
import { keyOfViolation } from './trouble.ts';

/** Enough for the machines that are drawn; what goes on for longer does not end. */
const EVENTS_MAX = 50_000;

/**
 * What a scenario breaks first, as a campaign tells troubles apart; null for nothing.
 *
 * @param invariant the one that it is; null for any.
 */
export function firstTrouble(
  scenario: Inputs,
  invariant: string | null = null,
): { invariant: string; key: string } | null {
  const { violations } = runChecked(scenario);
  const first = violations.find((one) => invariant === null || one.invariant === invariant);
  if (first === undefined) return null;
  return { invariant: first.invariant, key: keyOfViolation(first, scenario.machine) };
}

export interface RecallLikeOptions {
  readonly kernel: KernelChoice;
  /** The first seed. */
  readonly seed: number;
  /** Asked after each draw: true gives up. */
  readonly until: (draws: number) => boolean;
}

/** Draws inputs until one shows the trouble of that key. Cost: a run for each draw. */
export function recallLike(
  key: string,
  { kernel, seed, until }: RecallLikeOptions,
): { readonly draws: number; readonly found: Inputs | null } {
  const draw = createDraw({ from: null, kernel });
  for (let n = 0; ; n += 1) {
    const inputs = draw(seed + n, sizeOfRun(n));
    if (keysOf(inputs).has(key)) return { draws: n + 1, found: inputs };
    if (until(n + 1)) return { draws: n + 1, found: null };
  }
}

/** None for a run that the model cannot make. */
function keysOf(inputs: Inputs): ReadonlySet<string> {
  try {
    const { violations } = runChecked(inputs, { eventsMax: EVENTS_MAX });
    return new Set(violations.map((one) => keyOfViolation(one, inputs.machine)));
  } catch {
    return new Set();
  }
}
