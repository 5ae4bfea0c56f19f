// Goal: what a journal gives back is what was put in, up to the first byte that is not as it was.
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  decodeJournal,
  encodeRecords,
  JOURNAL_START,
  type JournalRecord,
} from '../../src/fuzz/journal.ts';

const aRecord: fc.Arbitrary<JournalRecord> = fc.record({
  kind: fc.constant('segment'),
  segment: fc.nat(),
  runs: fc.nat(),
  events: fc.nat(),
  points: fc.array(fc.oneof(fc.string({ unit: 'grapheme' }), fc.constant('\u2028 \u2029 \r\n')), {
    maxLength: 4,
  }),
  sightings: fc.array(fc.record({ key: fc.string(), run: fc.nat(), seen: fc.nat() }), {
    maxLength: 3,
  }),
});
const someRecords = fc.array(aRecord, { minLength: 1, maxLength: 6 });

/** Written in groups, as a folder does. */
function written(records: readonly JournalRecord[], group: number): Uint8Array {
  const pieces: Uint8Array[] = [];
  let end = JOURNAL_START;
  for (let i = 0; i < records.length; i += group) {
    const encoded = encodeRecords(records.slice(i, i + group), end);
    pieces.push(encoded.lines);
    end = encoded.end;
  }
  const bytes = Buffer.concat(pieces);
  expect(end.bytes).toBe(bytes.length);
  return bytes;
}

describe('a journal', () => {
  it('is a line of JSON a record', () => {
    const found: JournalRecord = {
      ...{ kind: 'segment', segment: 0, runs: 512, events: 9, points: [], sightings: [] },
    };
    const { lines } = encodeRecords([found], JOURNAL_START);
    const line: unknown = JSON.parse(Buffer.from(lines).toString('utf8'));
    expect(line).toEqual({ sum: expect.stringMatching(/^[0-9a-f]{16}$/), record: found });
  });

  it('is read back whole, however it was grouped', () => {
    fc.assert(
      fc.property(someRecords, fc.integer({ min: 1, max: 6 }), (records, group) => {
        const bytes = written(records, group);
        expect(bytes).toEqual(written(records, 1));
        const { records: read, ends, lost } = decodeJournal(bytes);
        expect([read, lost]).toEqual([records, 0]);
        expect(ends.at(-1)?.bytes).toBe(bytes.length);
      }),
    );
  });

  it('gives what was written before the place where it was torn, and goes on from there', () => {
    fc.assert(
      fc.property(someRecords, fc.nat(), fc.uint8Array({ maxLength: 40 }), (records, cut, junk) => {
        const bytes = written(records, 1);
        const torn = Buffer.concat([bytes.subarray(0, cut % bytes.length), junk]);
        const { records: read, ends, lost } = decodeJournal(torn);
        const end = ends.at(-1) ?? JOURNAL_START;
        expect(read).toEqual(records.slice(0, read.length));
        expect(end.bytes + lost).toBe(torn.length);
        expect(end.bytes).toBeLessThanOrEqual(cut % bytes.length);
        // Whole lines are never given up.
        expect(bytes.subarray(end.bytes, cut % bytes.length).includes(0x0a)).toBe(false);
        const rest = encodeRecords(records.slice(read.length), end).lines;
        expect(Buffer.concat([torn.subarray(0, end.bytes), rest])).toEqual(Buffer.from(bytes));
      }),
    );
  });

  it('ends before the first line that somebody changed', () => {
    fc.assert(
      fc.property(someRecords, fc.nat(), fc.integer({ min: 1, max: 255 }), (records, at, by) => {
        const bytes = Buffer.from(written(records, 1));
        const place = at % bytes.length;
        const line = bytes.subarray(0, place).filter((byte) => byte === 0x0a).length;
        bytes[place] = (bytes[place] ?? 0) ^ by;
        expect(decodeJournal(bytes).records).toEqual(records.slice(0, line));
      }),
    );
  });

  it('does not believe a line that stands behind one that is missing', () => {
    fc.assert(
      fc.property(fc.array(aRecord, { minLength: 2, maxLength: 6 }), fc.nat(), (records, which) => {
        const lines = Buffer.from(written(records, 1))
          .toString('utf8')
          .split(/(?<=\n)/);
        const gone = which % (records.length - 1);
        const bytes = Buffer.from(lines.toSpliced(gone, 1).join(''));
        expect(decodeJournal(bytes).records).toEqual(records.slice(0, gone));
      }),
    );
  });

  it('takes any bytes', () => {
    fc.assert(
      fc.property(fc.uint8Array(), (bytes) => {
        expect(decodeJournal(bytes)).toEqual({ records: [], ends: [], lost: bytes.length });
      }),
    );
  });
});
