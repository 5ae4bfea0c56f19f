/**
 * The journal of a campaign: one record a line, each with a sum over itself and the sum before it, so
 * that a line that was torn, changed or taken out is the end of what is believed.
 */
import { createHash } from 'node:crypto';
import type { Found, SegmentRecord } from './ledger.ts';
import type { Plan, Shard } from './plan.ts';

/** Raised when the records of older journals would be read wrongly. */
export const JOURNAL_SCHEMA = 1;

/** Which campaign it is, and of which model: runs of another model are other runs. */
export interface CampaignHeader {
  readonly schema: number;
  readonly model: string;
  readonly plan: Plan;
  readonly shard: Shard;
}

/** The findings of a segment come before it, in the order of their runs: it closes them. */
export type JournalRecord =
  | ({ readonly kind: 'campaign' } & CampaignHeader)
  | ({ readonly kind: 'found' } & Found)
  | ({ readonly kind: 'segment' } & SegmentRecord);

/** Where a journal stands: how many bytes of it are good, and the sum of the last good line. */
export interface JournalEnd {
  readonly bytes: number;
  readonly sum: string;
}

export const JOURNAL_START: JournalEnd = { bytes: 0, sum: '' };

/** JSON leaves line separators of Unicode as they are. */
const LINE = /^\{"sum":"([0-9a-f]{16})","record":(\{.*\})\}$/s;
const NEWLINE = 0x0a;

function sumOf(before: string, text: string): string {
  return createHash('sha256').update(before).update(text).digest('hex').slice(0, 16);
}

/** Lines for records, each with its newline, and where the journal stands after them. */
export function encodeRecords(
  records: readonly JournalRecord[],
  { bytes, sum }: JournalEnd,
): { readonly lines: Uint8Array; readonly end: JournalEnd } {
  let last = sum;
  let text = '';
  for (const record of records) {
    const json = JSON.stringify(record);
    last = sumOf(last, json);
    text += `{"sum":"${last}","record":${json}}\n`;
  }
  const lines = new TextEncoder().encode(text);
  return { lines, end: { bytes: bytes + lines.length, sum: last } };
}

export interface DecodedJournal {
  readonly records: readonly JournalRecord[];
  /** `ends[i]`: where the journal stands after record i. */
  readonly ends: readonly JournalEnd[];
  /** Bytes behind the last good line: what a crash tore off, or somebody changed. */
  readonly lost: number;
}

/** Reads a journal as far as it is good. Takes any bytes. Cost: linear in them. */
export function decodeJournal(bytes: Uint8Array): DecodedJournal {
  const view = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const records: JournalRecord[] = [];
  const ends: JournalEnd[] = [];
  let { bytes: at, sum } = JOURNAL_START;
  for (;;) {
    const newline = view.indexOf(NEWLINE, at);
    if (newline < 0) break;
    const [, said, json = ''] = LINE.exec(view.toString('utf8', at, newline)) ?? [];
    if (said === undefined || said !== sumOf(sum, json)) break;
    // The sum says that these are the bytes of a record that was encoded above.
    records.push(JSON.parse(json) as JournalRecord);
    at = newline + 1;
    sum = said;
    ends.push({ bytes: at, sum });
  }
  return { records, ends, lost: view.length - at };
}
