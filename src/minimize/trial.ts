/** Whether a candidate still breaks what it is to break. */
import { ReprobeError } from '../error.ts';
import type { Inputs } from '../events/trace.ts';
import { findInvariant } from '../invariants/all.ts';
import type { Invariant } from '../invariants/invariant.ts';
import { attempt, type Violating } from './attempt.ts';
import { draftOf } from './draft.ts';
import type { Candidate } from './search.ts';
import { isSameSubject } from './subject.ts';

/** Which violation is to stay. */
export interface Target {
  readonly invariant: string;
  /** As a violation names it, `group 0`; null for the first of that invariant. */
  readonly subject: string | null;
}

/** What candidates are held against; plain data. */
export interface Claim {
  readonly invariant: string;
  /** The kernel function in which the event must happen; null for any. */
  readonly at: string | null;
}

/**
 * Runs the inputs that are to be reduced.
 *
 * @throws ReprobeError NO_EVIDENCE where they do not break the target, UNKNOWN_NAME for an invariant
 * that there is not.
 */
export function firstTrial(inputs: Inputs, { invariant, subject }: Target): Violating {
  const first = attempt(draftOf(inputs), {
    invariant: invariantOf(invariant),
    isIt: (violation) => subject === null || violation.subject === subject,
  });
  if (first !== null) return first;
  const what = subject === null ? invariant : `${invariant} on ${subject}`;
  throw new ReprobeError('NO_EVIDENCE', `The inputs, run again, do not break ${what}.`);
}

/** Runs a candidate; null where it does not break the claim on its subject, or cannot be run. */
export function trial({ draft, subject }: Candidate, { invariant, at }: Claim): Violating | null {
  return orNull(() =>
    attempt(draft, {
      invariant: invariantOf(invariant),
      isIt: ({ stack }, found) =>
        isSameSubject(found, subject) && (at === null || stack.at(-1) === at),
    }),
  );
}

/** A part may be what another one cannot be without: then there is no run, and nothing is broken. */
export function orNull<T>(run: () => T): T | null {
  try {
    return run();
  } catch {
    return null;
  }
}

function invariantOf(name: string): Invariant {
  const invariant = findInvariant(name);
  if (invariant !== undefined) return invariant;
  throw new ReprobeError('UNKNOWN_NAME', `There is no invariant ${name}.`);
}
