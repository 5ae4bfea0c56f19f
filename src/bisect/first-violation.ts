/** The first event of a trace that breaks an invariant. */
import type { Trace } from '../events/trace.ts';
import { INVARIANTS } from '../invariants/all.ts';
import { createChecker } from '../invariants/checker.ts';
import type { Invariant, Violation } from '../invariants/invariant.ts';
import { reduce } from '../model/state/reduce.ts';
import { initialState } from '../model/state/state.ts';
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
 * Looks at every state in order, so that the answer is exact also when what broke heals later.
 *
 * Cost: one pass; each event calls only the invariants that watch it.
 */
export function firstViolation(
  trace: Trace,
  { invariant }: FirstViolationOptions = {},
): FirstViolation {
  const invariants = invariant === undefined ? INVARIANTS : [invariant];
  const state = initialState();
  const checker = createChecker(trace.header, state, invariants);
  let found: Found | null = null;
  let key = '';
  for (const [index, recorded] of trace.events.entries()) {
    reduce(state, recorded.event);
    const [violation, ...also] = checker.onEvent(recorded, index);
    if (found !== null) {
      if (checker.broken.has(key)) continue;
      return { ...found, healed: index };
    }
    if (violation === undefined) continue;
    found = foundAt(index, violation, also);
    key = keyOf(violation, checker.broken, invariants);
  }
  return (
    found ?? { kind: 'holds', invariants: invariants.length, evaluations: trace.events.length }
  );
}

function foundAt(event: number, violation: Violation, also: readonly Violation[]): Found {
  const lastGood = event - 1;
  return { kind: 'found', event, lastGood, violation, also, healed: null, evaluations: event + 1 };
}

/** The checker's key of a violation: the subject as the invariant knows it. */
function keyOf(
  violation: Violation,
  broken: ReadonlySet<string>,
  invariants: readonly Invariant[],
): string {
  const { id, name } = invariants.find((one) => one.id === violation.invariant) ?? {};
  const prefix = `${id} `;
  for (const key of broken)
    if (key.startsWith(prefix) && name?.(key.slice(prefix.length)) === violation.subject)
      return key;
  return '';
}

/** Violations are the same when the same claim about the same subject is broken. */
export function sameViolation(a: Violation, b: Violation): boolean {
  return a.invariant === b.invariant && a.subject === b.subject;
}
