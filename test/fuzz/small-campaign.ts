/** Campaigns without runs: segments that are made up, and workers that are done in any order. */
import fc, { type Arbitrary } from 'fast-check';
import type { Finding } from '../../src/fuzz/finding.ts';
import { createIntake, type Look } from '../../src/fuzz/intake.ts';
import {
  decodeJournal,
  encodeRecords,
  JOURNAL_SCHEMA,
  JOURNAL_START,
  type JournalRecord,
} from '../../src/fuzz/journal.ts';
import { type Plan, piecesOf, SEGMENT_RUNS, type Shard } from '../../src/fuzz/plan.ts';
import { resume } from '../../src/fuzz/progress.ts';
import type { SegmentResult } from '../../src/fuzz/segment.ts';

const PLAN: Plan = { seed: 7, base: null, kernel: {}, strategy: 'mixed' };

/** What each segment of a campaign shows: for each key, the first run in it and how often. */
export type World = readonly {
  readonly points: readonly string[];
  readonly shown: Readonly<Record<string, { readonly first: number; readonly seen: number }>>;
}[];

const KEYS = ['a', 'b', 'c', 'd'];
const aSegment: Arbitrary<World[number]> = fc.record({
  points: fc.subarray(['p', 'q', 'r', 's', 't']),
  shown: fc.dictionary(
    fc.constantFrom(...KEYS),
    fc.record({ first: fc.nat(SEGMENT_RUNS - 1), seen: fc.integer({ min: 1, max: 9 }) }),
  ),
});
export const aWorld: Arbitrary<World> = fc.array(aSegment, { minLength: 1, maxLength: 9 });
/** One that lasts for more than one age. */
export const aLongWorld: Arbitrary<World> = fc.array(aSegment, { minLength: 15, maxLength: 70 });

/** What a real segment gives: the first `runs` of its runs. */
function segmentOf(world: World, segment: number, runs: number): SegmentResult {
  const { points = [], shown = {} } = world[segment] ?? {};
  const sightings = Object.entries(shown)
    .filter(([, { first }]) => first < runs)
    .sort(([, a], [, b]) => a.first - b.first)
    .map(([key, { first, seen }]) => ({ key, run: segment * SEGMENT_RUNS + first, seen }));
  return { segment, runs, events: runs * 3, points, sightings };
}

/** Some keys are two bugs, and some bugs have two keys. */
function findingOf({ sighting }: Look): Finding {
  const { key, run } = sighting;
  const bug = key === 'd' ? 'c' : key === 'a' && run % 2 === 0 ? 'a2' : key;
  return {
    ...{ invariant: 'some-claim', subject: 'group 1', subjectKind: 'group', message: '' },
    ...{
      signature: `some-claim ${bug} ${run}`,
      fixes: [bug],
      options: [],
      since: [],
      stimuli: 1,
      devices: 1,
    },
    ...{ firstBad: 0, stack: [], stimulus: '', name: `finding-${bug}`, text: `${key} ${run}` },
    shows: true,
  };
}

export interface MakeOptions {
  readonly runs: number;
  readonly shard?: Shard;
  readonly workers?: number;
  /** Which of the workers is done next, as often as there are numbers. */
  readonly order?: readonly number[];
  /** What a journal had before. */
  readonly before?: readonly JournalRecord[];
  /** After so many tasks everything that is under way is cut short, and nothing begun any more. */
  readonly stopAfter?: number;
}

/** The journal of a campaign with that many workers, who are done in that order. */
export function journalOf(world: World, options: MakeOptions): readonly JournalRecord[] {
  const { runs, shard = { index: 0, of: 1 }, workers = 1, order = [], before = [] } = options;
  const header: JournalRecord = {
    ...{ kind: 'campaign', schema: JOURNAL_SCHEMA, model: 'm', plan: PLAN, shard },
  };
  const old = decodeJournal(encodeRecords(before, JOURNAL_START).lines);
  const resumed = resume(old.records, old.ends, runs);
  const kept = old.ends.filter(({ bytes }) => bytes <= resumed.end.bytes).length;
  const records = before.length === 0 ? [header] : before.slice(0, kept);
  const intake = createIntake(resumed);
  const pieces = piecesOf(runs, shard, resumed.from);
  const looks: Look[] = [];
  const running: (() => void)[] = [];
  let done = 0;
  const isStopped = () => done >= (options.stopAfter ?? Number.POSITIVE_INFINITY);

  const hire = (): boolean => {
    const look = looks.shift();
    if (look !== undefined) {
      running.push(() => intake.looked(look, findingOf(look)));
      return true;
    }
    if (isStopped() || intake.isOver()) return false;
    const { value: piece } = pieces.next();
    if (piece === undefined) return false;
    intake.expect(piece);
    const cut = () => (isStopped() ? Math.ceil(piece.runs / 2) : piece.runs);
    running.push(() => {
      looks.push(...intake.made(segmentOf(world, piece.segment, cut())));
    });
    return true;
  };
  for (;;) {
    while (running.length < workers && hire());
    for (const { record } of intake.take()) if (record !== null) records.push(record);
    if (running.length === 0) return records;
    const [finish] = running.splice((order[done % order.length] ?? 0) % running.length, 1);
    finish?.();
    done += 1;
  }
}
