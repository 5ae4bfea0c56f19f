/** The findings of a campaign in the order in which somebody wants to look at them. */
import { findInvariant } from '../invariants/all.ts';
import { HARMS, type Harm } from '../invariants/invariant.ts';
import { MODEL_ERROR } from './finding.ts';
import { type Known, type Ledger, timesSeen } from './ledger.ts';

/** Bugs that nobody has mended, bugs with a fix to apply, and mistakes of reprobe's own. */
export type Sort = 'new' | 'known' | 'mistake';
const SORTS: readonly Sort[] = ['new', 'known', 'mistake'];

export interface Ranked {
  readonly known: Known;
  readonly sort: Sort;
  /** null for a mistake of reprobe's. */
  readonly harm: Harm | null;
  /** In how many runs it showed at the most. */
  readonly seen: number;
  /** How many other findings showed under the same names, and are counted in `seen` too. */
  readonly alike: number;
}

/**
 * New ones first, worst first, then those that show most often; of equals the one that was found first. It
 * follows from the ledger alone: campaigns that come to the same end have the same order.
 */
export function ranked(ledger: Ledger): readonly Ranked[] {
  return ledger.known
    .map((known) => rankedOne(ledger, known))
    .sort(
      (a, b) =>
        SORTS.indexOf(a.sort) - SORTS.indexOf(b.sort) ||
        rankOf(a.harm) - rankOf(b.harm) ||
        b.seen - a.seen ||
        a.known.first.run - b.known.first.run,
    );
}

const rankOf = (harm: Harm | null): number => (harm === null ? HARMS.length : HARMS.indexOf(harm));

function rankedOne(ledger: Ledger, known: Known): Ranked {
  const { invariant, fixes } = known.first.finding;
  const isMistake = invariant === MODEL_ERROR;
  const others = ledger.known.filter(
    (one) => one !== known && [...one.keys].some((key) => known.keys.has(key)),
  );
  return {
    known,
    sort: isMistake ? 'mistake' : fixes.length === 0 ? 'new' : 'known',
    harm: findInvariant(invariant)?.harm ?? null,
    seen: timesSeen(ledger, known),
    alike: others.length,
  };
}
