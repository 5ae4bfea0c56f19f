/** The first event of a trace that breaks an invariant. */
import type { Trace } from '../events/trace.ts';
import { INVARIANTS } from '../invariants/all.ts';
import { checkEvents } from '../invariants/checker.ts';
import type { Invariant, Violation } from '../invariants/invariant.ts';
import type { Found } from './outcome.ts';

export interface FirstViolationOptions {
  /** Only this one; all of them otherwise. */
  readonly invariant?: Invariant | undefined;
}

/** No invariant is broken anywhere, or this event broke one first. */
export type FirstViolation =
  | Found
  | { readonly kind: 'holds'; readonly invariants: number; readonly evaluations: number };

/**
 * Looks at every state in order, so that the answer is exact also when what broke heals later. What
 * the log of the trace overrules does not count.
 *
 * Cost: one pass; each event calls only the invariants that watch it.
 */
export function firstViolation(
  trace: Trace,
  { invariant }: FirstViolationOptions = {},
): FirstViolation {
  const invariants = invariant === undefined ? INVARIANTS : [invariant];
  const { header, events } = trace;
  const { violations, healed } = checkEvents(header, events, invariants);
  const [violation] = violations;
  const evaluations = events.length;
  if (violation === undefined) return { kind: 'holds', invariants: invariants.length, evaluations };
  const { event } = violation;
  const also = violations.filter((one) => one.event === event && one !== violation);
  const end = healed.get(violation)?.event ?? null;
  return { kind: 'found', event, lastGood: event - 1, violation, also, healed: end, evaluations };
}

/** Violations are the same when the same claim about the same subject is broken. */
export function sameViolation(a: Violation, b: Violation): boolean {
  return a.invariant === b.invariant && a.subject === b.subject;
}
