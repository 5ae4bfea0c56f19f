/**
 * Takes in what workers made, in the order of the segments, whoever was done first: the records that
 * come out are the same for any number of workers.
 */
import { assert } from '../assert.ts';
import type { Finding } from './finding.ts';
import type { JournalRecord } from './journal.ts';
import {
  addFound,
  addSegment,
  chooseSightings,
  closedKeys,
  type Found,
  type Known,
  type Ledger,
  recordOf,
} from './ledger.ts';
import type { Piece } from './plan.ts';
import type { Resumed } from './progress.ts';
import type { SegmentResult, Sighting } from './segment.ts';

/** A sighting that is looked into. */
export interface Look {
  readonly segment: number;
  readonly sighting: Sighting;
}

export interface Ready {
  /** To be written; null for what a journal had already. */
  readonly record: JournalRecord | null;
  /** The finding that it is the first of, to be saved. */
  readonly known: Known | null;
}

export interface Intake {
  readonly ledger: Ledger;
  /** Keys of which no inputs are wanted of that segment. */
  closed(segment: number): readonly string[];
  /** A piece is being made. To be called in the order of the pieces. */
  expect(piece: Piece): void;
  /** A piece was made. Returns what is to be looked into now: of it, and of those that waited for it. */
  made(result: SegmentResult): readonly Look[];
  looked(look: Look, finding: Finding): void;
  /** What can be written, in order, each once. */
  take(): readonly Ready[];
  /** How many pieces are not wholly taken in. */
  pending(): number;
  /** A piece was cut short: it is the last that counts. */
  isOver(): boolean;
}

interface Waiting {
  readonly piece: Piece;
  result: SegmentResult | null;
  /** null until all pieces before it are made. */
  looks: readonly Look[] | null;
  /** How many of the looks were taken. */
  taken: number;
}

export function createIntake({ ledger, found }: Resumed): Intake {
  const waiting: Waiting[] = [];
  const findings = new Map<Look, Finding>();
  const before = new Map(found.map((one) => [idOf(one.segment, one.key), one]));
  let isOver = false;

  /** Decides what to look into, of one piece after the other as far as they are made. */
  const decide = (): readonly Look[] => {
    const open: Look[] = [];
    for (const one of waiting) {
      if (isOver || one.result === null) break;
      if (one.looks !== null) continue;
      const { segment, runs } = one.result;
      one.looks = chooseSightings(ledger, one.result).map((sighting) => ({ segment, sighting }));
      for (const look of one.looks) {
        const known = before.get(idOf(segment, look.sighting.key));
        if (known === undefined) open.push(look);
        else findings.set(look, known.finding);
      }
      isOver = runs < one.piece.runs;
    }
    return open;
  };

  const takeLook = (look: Look): Ready | null => {
    const finding = findings.get(look);
    if (finding === undefined) return null;
    const { segment, sighting } = look;
    const { key, run } = sighting;
    const one: Found = { segment, run, key, finding };
    const { known, isNew } = addFound(ledger, one);
    const record: JournalRecord = { kind: 'found', ...one };
    return { record: before.has(idOf(segment, key)) ? null : record, known: isNew ? known : null };
  };

  return {
    ledger,
    closed: (segment) => closedKeys(ledger, segment),
    expect: (piece) => void waiting.push({ piece, result: null, looks: null, taken: 0 }),
    made(result) {
      const one = waiting.find(({ piece }) => piece.segment === result.segment);
      assert(one?.result === null, 'a segment is made once, and was expected');
      one.result = result;
      return decide();
    },
    looked: (look, finding) => void findings.set(look, finding),
    take() {
      const ready: Ready[] = [];
      for (;;) {
        const [first] = waiting;
        if (first?.looks == null || first.result === null) return ready;
        const look = first.looks[first.taken];
        if (look === undefined) {
          const record = recordOf(ledger, first.result);
          addSegment(ledger, record);
          ready.push({ record: { kind: 'segment', ...record }, known: null });
          waiting.shift();
          continue;
        }
        const one = takeLook(look);
        if (one === null) return ready;
        first.taken += 1;
        ready.push(one);
      }
    },
    pending: () => waiting.length,
    isOver: () => isOver,
  };
}

const idOf = (segment: number, key: string): string => `${segment} ${key}`;
