/** The smallest inputs that still break the same invariant on the same subject, in a normal form. */
import { assert } from '../assert.ts';
import type { Inputs } from '../events/trace.ts';
import type { Violation } from '../invariants/invariant.ts';
import { type Hit, settle, type Violating } from './attempt.ts';
import { draftOf } from './draft.ts';
import { type Driven, drive, driveAhead } from './drive.ts';
import { reduce } from './reduce.ts';
import type { Candidate, Form, OldNames } from './search.ts';
import { type Signature, signatureOf } from './signature.ts';
import { type Claim, firstTrial, orNull, type Target, trial } from './trial.ts';

export interface Minimized {
  readonly inputs: Inputs;
  readonly violation: Violation;
  /** Runs that were judged, the first one included. */
  readonly calls: number;
  readonly signature: Signature;
  /** What things were called that have other names now. */
  readonly was: OldNames;
}

export interface MinimizeOptions {
  /** Leaves things out only: names, ids and orders stay, and the result is not canonical. */
  readonly keepNames?: boolean;
  /**
   * The bad event must also happen in the same kernel function. Without it the violation may come
   * about in another, simpler way.
   */
  readonly sameFunction?: boolean;
  /** Told of every smaller form that was found, with the calls so far. */
  readonly onSmaller?: (inputs: Inputs, calls: number) => void;
}

export interface ReduceOptions extends MinimizeOptions {
  /** Asked of smaller inputs that break the claim: those that it says no to are not taken. */
  readonly and?: (inputs: Inputs) => boolean;
}

/** How candidates are judged where that takes long. */
export interface AheadOptions extends MinimizeOptions {
  /** Candidates that are judged at once, ahead of the answers; 1 where absent. */
  readonly width?: number;
}

/**
 * Reduces inputs by running them again without some part, as long as the run breaks the invariant of
 * the target on the target's subject. Every part that is left is needed: without it, with all that
 * refers to it, the violation does not happen. What is given after the violation is left out.
 *
 * Deterministic: the same inputs and target give the same result.
 *
 * Cost: `calls` runs.
 *
 * @throws ReprobeError NO_EVIDENCE where the inputs do not break the target, UNKNOWN_NAME for an
 * invariant that there is not.
 */
export function minimize(inputs: Inputs, target: Target, options: ReduceOptions = {}): Minimized {
  const { and = () => true } = options;
  const first = firstTrial(inputs, target);
  const claim = claimOf(first, options);
  const judge = (candidate: Candidate) => {
    const hit = trial(candidate, claim);
    return hit !== null && and(hit.inputs) ? hit : null;
  };
  const search = reduce(first, first.subject, options.keepNames);
  return minimizedOf(drive(search, judge, told(options)));
}

/**
 * The same, where candidates are judged elsewhere: the result, `calls` too, is the same however many are
 * judged at once. One that breaks the claim on its subject is run here once more.
 *
 * @throws ReprobeError as `minimize` does; what `violates` throws.
 */
export async function minimizeElsewhere(
  inputs: Inputs,
  target: Target,
  violates: (candidate: Candidate, claim: Claim) => Promise<boolean>,
  options: AheadOptions = {},
): Promise<Minimized> {
  const first = firstTrial(inputs, target);
  const claim = claimOf(first, options);
  const judge = async (candidate: Candidate) =>
    (await violates(candidate, claim)) ? trial(candidate, claim) : null;
  const search = reduce(first, first.subject, options.keepNames);
  return minimizedOf(await driveAhead(search, judge, options.width ?? 1, told(options)));
}

/**
 * Reduces inputs as long as somebody finds them interesting, for whatever reason. They are run here
 * only to learn the numbers of groups and choices in them.
 *
 * Cost: `calls` judgements and as many runs.
 *
 * @returns null where the inputs themselves are not interesting.
 * @throws what `isInteresting` throws.
 */
export async function minimizeInteresting(
  inputs: Inputs,
  isInteresting: (inputs: Inputs) => Promise<boolean>,
  options: Omit<AheadOptions, 'sameFunction'> = {},
): Promise<Pick<Minimized, 'inputs' | 'calls' | 'was'> | null> {
  if (!(await isInteresting(inputs))) return null;
  const judge = async ({ draft }: Candidate): Promise<Hit | null> => {
    const settled = orNull(() => settle(draft));
    return settled !== null && (await isInteresting(settled.inputs)) ? settled : null;
  };
  const search = reduce(settle(draftOf(inputs)), { kind: 'function', names: [] });
  const { value, calls } = await driveAhead(search, judge, options.width ?? 1, told(options));
  return { inputs: value.hit.inputs, calls: calls + 1, was: value.was };
}

function claimOf({ violation }: Violating, { sameFunction = false }: MinimizeOptions): Claim {
  const at = sameFunction ? (violation.stack.at(-1) ?? null) : null;
  return { invariant: violation.invariant, at };
}

const told =
  ({ onSmaller }: MinimizeOptions) =>
  ({ inputs }: Hit, calls: number): void =>
    onSmaller?.(inputs, calls + 1);

/** The first run counts too. */
function minimizedOf({ value, calls }: Driven<Form>): Minimized {
  const { inputs, violation } = value.hit;
  assert(violation !== null, 'a search for a violation ends without one');
  const signature = signatureOf(inputs, violation);
  return { inputs, violation, calls: calls + 1, signature, was: value.was };
}
