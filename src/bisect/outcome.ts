/** What a bisection found out. */
import type { Violation } from '../invariants/invariant.ts';

/** The first bad event, and what is known of it. */
export interface Found {
  readonly kind: 'found';
  /** Number of the first event after which the state is bad. */
  readonly event: number;
  /** Number of the event before it, after which the state is good; -1 for the initial state. */
  readonly lastGood: number;
  /** The invariant that broke; null where an external check decided. */
  readonly violation: Violation | null;
  /** What else the same event broke. */
  readonly also: readonly Violation[];
  /** The event that made it hold again; null when none did, or where that was not looked at. */
  readonly healed: number | null;
  /** States that were judged. */
  readonly evaluations: number;
}

export type BisectOutcome =
  | Found
  | {
      readonly kind: 'holds';
      /** Invariants that were checked; 0 where an external check decided. */
      readonly invariants: number;
      readonly evaluations: number;
    }
  /** The state before anything happened is bad, and so is the last one. */
  | { readonly kind: 'badFromStart'; readonly evaluations: number }
  /** The check changes its mind more than once, so that no single event is to blame. */
  | { readonly kind: 'notMonotone'; readonly reason: string; readonly evaluations: number }
  | { readonly kind: 'inconclusive'; readonly reason: string; readonly evaluations: number };
