// Goal: what a campaign comes to depends on its seed and its number of runs alone: not on how many
// workers there are and who is done first, not on interruptions, not on the number of shards.
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { JournalRecord } from '../../src/fuzz/journal.ts';
import { LOOKS_MAX } from '../../src/fuzz/ledger.ts';
import { mergeParts } from '../../src/fuzz/merge.ts';
import { piecesOf, SEGMENT_RUNS } from '../../src/fuzz/plan.ts';
import { resume } from '../../src/fuzz/progress.ts';
import { aLongWorld, aWorld, journalOf, type World } from './small-campaign.ts';

const someOrder = fc.array(fc.nat(9), { minLength: 1, maxLength: 40 });
const someWorkers = fc.integer({ min: 1, max: 5 });
/** As many runs as the world has segments, or a part of the last one less. */
const runsIn = (world: World, less: number) => world.length * SEGMENT_RUNS - less;
const aLess = fc.constantFrom(0, 1, 100, SEGMENT_RUNS - 1);

function ledgerOf(records: readonly JournalRecord[]) {
  const ends = records.map((_, i) => ({ bytes: i + 1, sum: '' }));
  return resume(records, ends, 0).ledger;
}

const A_WORLD: World = [
  { points: ['p'], shown: { a: { first: 3, seen: 2 } } },
  { points: ['p', 'q'], shown: { a: { first: 0, seen: 1 }, b: { first: 9, seen: 4 } } },
  { points: [], shown: { a: { first: 4, seen: 5 } } },
];

describe('a campaign', () => {
  it('writes the findings of a segment, then the segment with what it reached first', () => {
    const records = journalOf(A_WORLD, { runs: 3 * SEGMENT_RUNS });
    const told = records.map((record) => {
      if (record.kind === 'found') return `found ${record.key} in run ${record.run}`;
      return record.kind === 'segment' ? `segment ${record.segment}: ${record.points}` : '';
    });
    expect(told.slice(1)).toEqual([
      ...['found a in run 3', 'segment 0: p', 'found a in run 256', 'found b in run 265'],
      ...['segment 1: q', 'segment 2: '],
    ]);
  });

  it('looks into a trouble that shows everywhere only so often', () => {
    const everywhere = Array.from({ length: 300 }, () => A_WORLD[0] ?? { points: [], shown: {} });
    const records = journalOf(everywhere, { runs: 300 * SEGMENT_RUNS });
    const looks = records.flatMap((record) => (record.kind === 'found' ? record.segment : []));
    expect(looks).toEqual([0, 1, 16, 17, 64, 65, 256, 257]);
    expect(looks).toHaveLength(4 * LOOKS_MAX);
    expect(ledgerOf(records).seen.get('a')).toBe(600);
  });

  it('is the same for any number of workers, done in any order', () => {
    fc.assert(
      fc.property(aWorld, aLess, someWorkers, someOrder, (world, less, workers, order) => {
        const runs = runsIn(world, less);
        expect(journalOf(world, { runs, workers, order })).toEqual(journalOf(world, { runs }));
      }),
    );
  });

  it('is the same when it was killed after any record', () => {
    fc.assert(
      fc.property(aWorld, aLess, fc.nat(), someWorkers, someOrder, (world, less, at, ...how) => {
        const [workers, order] = how;
        const runs = runsIn(world, less);
        const whole = journalOf(world, { runs });
        const before = whole.slice(0, 1 + (at % whole.length));
        expect(journalOf(world, { runs, workers, order, before })).toEqual(whole);
      }),
    );
  });

  it('is the same when it was stopped in the middle of segments, and keeps what was told', () => {
    fc.assert(
      fc.property(aWorld, aLess, fc.nat(20), someWorkers, someOrder, (world, less, at, ...how) => {
        const [workers, order] = how;
        const runs = runsIn(world, less);
        const before = journalOf(world, { runs, workers, order, stopAfter: at });
        const whole = journalOf(world, { runs, before });
        expect(whole).toEqual(journalOf(world, { runs }));
        for (const record of before)
          if (record.kind === 'found') expect(whole).toContainEqual(record);
      }),
    );
  });

  it('is the same when it is given its runs bit by bit', () => {
    fc.assert(
      fc.property(aWorld, fc.nat(), (world, some) => {
        const runs = runsIn(world, 0);
        const before = journalOf(world, { runs: some % runs });
        expect(journalOf(world, { runs, before })).toEqual(journalOf(world, { runs }));
      }),
    );
  });
});

describe('shards', () => {
  it('are merged into what one campaign has, byte for byte', () => {
    fc.assert(
      fc.property(
        fc.oneof(aWorld, aLongWorld),
        aLess,
        fc.integer({ min: 1, max: 5 }),
        fc.nat(),
        (world, less, of, turn) => {
          const runs = runsIn(world, less);
          const parts = Array.from({ length: of }, (_, i) => {
            const index = (i + turn) % of;
            const records = journalOf(world, { runs, shard: { index, of }, workers: 2 });
            return { file: `shard ${index}`, records };
          });
          const { records, missing, ledger } = mergeParts(parts);
          const whole = journalOf(world, { runs });
          expect(JSON.stringify(records)).toBe(JSON.stringify(whole));
          expect(missing).toEqual([]);
          expect(ledger).toEqual(ledgerOf(whole));
        },
      ),
    );
  });

  it('keep what a shard that was killed had told of, and say what is missing', () => {
    const runs = 3 * SEGMENT_RUNS;
    const [even, odd] = [0, 1].map((index) =>
      journalOf(A_WORLD, { runs, shard: { index, of: 2 } }),
    );
    const parts = [
      { file: 'even', records: even ?? [] },
      { file: 'odd', records: (odd ?? []).slice(0, -1) },
    ];
    const merged = mergeParts(parts);
    expect(merged.missing).toEqual([1]);
    expect(merged.ledger.known.map(({ first }) => first.key)).toEqual(['a', 'a', 'b']);
    expect(merged.records[0]).toMatchObject({ shard: { of: 0 } });
  });

  it('of two campaigns are not merged', () => {
    const [header, ...rest] = journalOf(A_WORLD, { runs: SEGMENT_RUNS });
    if (header?.kind !== 'campaign') throw new Error('a journal begins with its header');
    const plan = { ...header.plan, seed: 8 };
    const parts = [
      { file: 'one', records: [header, ...rest] },
      { file: 'other', records: [{ ...header, plan }, ...rest] },
    ];
    expect(() => mergeParts(parts)).toThrow(
      expect.objectContaining({ code: 'BAD_CAMPAIGN', file: 'other' }),
    );
    expect(() => mergeParts([{ file: 'x', records: [] }])).toThrow(/no campaign/);
  });

  it('have every run once between them', () => {
    fc.assert(
      fc.property(fc.nat(9000), fc.integer({ min: 1, max: 9 }), (runs, of) => {
        const all = Array.from({ length: of }, (_, index) => [
          ...piecesOf(runs, { index, of }),
        ]).flat();
        const made = all.flatMap(({ segment, runs: count }) =>
          Array.from({ length: count }, (_, i) => segment * SEGMENT_RUNS + i),
        );
        expect(made.sort((a, b) => a - b)).toEqual(Array.from({ length: runs }, (_, i) => i));
      }),
    );
  });
});
