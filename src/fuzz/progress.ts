/** How far a campaign came, folded from its journal. */
import type { JournalEnd, JournalRecord } from './journal.ts';
import { JOURNAL_START } from './journal.ts';
import {
  addFound,
  addSegment,
  chooseSightings,
  createLedger,
  type Found,
  type Ledger,
} from './ledger.ts';
import { SEGMENT_RUNS } from './plan.ts';

export interface Resumed {
  readonly ledger: Ledger;
  /** The first segment of which there may be more to do. */
  readonly from: number;
  /** What was found in that segment already. */
  readonly found: readonly Found[];
  /** Where the journal goes on: a last segment of which more runs are wanted is taken back. */
  readonly end: JournalEnd;
}

/**
 * Folds a journal.
 *
 * @param runs how many runs the campaign is to have; null for any number.
 */
export function resume(
  records: readonly JournalRecord[],
  ends: readonly JournalEnd[],
  runs: number | null,
): Resumed {
  const ledger = createLedger();
  const last = records.findLastIndex(({ kind }) => kind === 'segment');
  let from = 0;
  let open: Found[] = [];
  let end = JOURNAL_START;
  for (const [i, record] of records.entries()) {
    if (record.kind === 'found') open.push(record);
    if (record.kind === 'segment') {
      const left = runs === null ? SEGMENT_RUNS : runs - record.segment * SEGMENT_RUNS;
      from = record.segment;
      if (i === last && record.runs < Math.min(left, SEGMENT_RUNS)) break;
      chooseSightings(ledger, record);
      for (const found of open) addFound(ledger, found);
      addSegment(ledger, record);
      from = record.segment + 1;
      open = [];
    }
    end = ends[i] ?? end;
  }
  return { ledger, from, found: open, end };
}
