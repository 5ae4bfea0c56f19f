/** The smallest inputs that still break the same invariant on the same subject, in a normal form. */
import { ReprobeError } from '../error.ts';
import { canonicalJson } from '../events/canonical.ts';
import type { Inputs } from '../events/trace.ts';
import { findInvariant } from '../invariants/all.ts';
import type { Violation } from '../invariants/invariant.ts';
import { attempt, type Hit, type Wanted } from './attempt.ts';
import { draftOf } from './draft.ts';
import { reduce } from './reduce.ts';
import type { Candidate } from './search.ts';
import { type Signature, signatureOf } from './signature.ts';
import { isSameSubject } from './subject.ts';

/** Which violation is to stay. */
export interface Target {
  readonly invariant: string;
  /** As a violation names it, `group 0`; null for the first of that invariant. */
  readonly subject: string | null;
}

export interface Minimized {
  readonly inputs: Inputs;
  readonly violation: Violation;
  /** Runs that were judged, the first one included. */
  readonly calls: number;
  readonly signature: Signature;
}

export interface MinimizeOptions {
  /** Leaves things out only: names, ids and orders stay, and the result is not canonical. */
  readonly keepNames?: boolean;
  /** Told of every smaller form that was found. */
  readonly onSmaller?: (best: Minimized) => void;
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
export function minimize(inputs: Inputs, target: Target, options: MinimizeOptions = {}): Minimized {
  const oracle = createOracle(inputs, target);
  const search = reduce(oracle.first, options.keepNames);
  let answer: Hit | null = null;
  for (;;) {
    const { done, value } = search.next(answer);
    if (done === true) return oracle.result(value);
    answer = oracle.firstOf(value);
    if (answer !== null) options.onSmaller?.(oracle.result(answer));
  }
}

/** Answers which candidates still break the target, and counts how often it ran something. */
function createOracle(inputs: Inputs, target: Target) {
  const invariant = findInvariant(target.invariant);
  if (invariant === undefined) {
    throw new ReprobeError('UNKNOWN_NAME', `There is no invariant ${target.invariant}.`);
  }
  let calls = 1;
  const first = attempt(draftOf(inputs), {
    invariant,
    isIt: ({ subject }) => target.subject === null || subject === target.subject,
  });
  if (first === null) throw notReproduced(target);
  const known = new Map<string, Hit | null>();
  const ask = ({ draft, subject }: Candidate): Hit | null => {
    const key = canonicalJson(draft);
    const old = known.get(key);
    if (old !== undefined) return old;
    calls += 1;
    const wanted: Wanted = { invariant, isIt: (_, found) => isSameSubject(found, subject) };
    const hit = attempt(draft, wanted);
    known.set(key, hit);
    return hit;
  };
  return {
    first,
    firstOf(candidates: readonly Candidate[]): Hit | null {
      for (const candidate of candidates) {
        const hit = ask(candidate);
        if (hit !== null) return hit;
      }
      return null;
    },
    result: ({ inputs, violation }: Hit): Minimized => ({
      ...{ inputs, violation, calls, signature: signatureOf(inputs, violation) },
    }),
  };
}

function notReproduced({ invariant, subject }: Target): ReprobeError {
  const what = subject === null ? invariant : `${invariant} on ${subject}`;
  return new ReprobeError('NO_EVIDENCE', `The inputs, run again, do not break ${what}.`);
}
