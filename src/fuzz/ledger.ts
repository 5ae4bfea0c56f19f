/**
 * What a campaign knows: the sum of its segments and findings, folded in the order of their numbers.
 * A campaign that runs, one that is resumed and shards that are merged fold the same records by the
 * same rules, and so come to the same end.
 */
import { assert } from '../assert.ts';
import { bugOf, type Finding } from './finding.ts';
import type { SegmentResult, Sighting } from './segment.ts';

/**
 * Troubles of one key that are looked into. One would be enough if a key always meant one bug; more
 * would have a bug that shows in every run eat the campaign.
 */
export const LOOKS_MAX = 2;

/** A finding as it was found. */
export interface Found {
  readonly segment: number;
  readonly run: number;
  readonly key: string;
  readonly finding: Finding;
}

/** A segment as it is remembered: without inputs, and of what was reached only what was new. */
export interface SegmentRecord {
  readonly segment: number;
  readonly runs: number;
  readonly events: number;
  readonly points: readonly string[];
  readonly sightings: readonly Pick<Sighting, 'key' | 'run' | 'seen'>[];
}

/** Findings that are one. */
export interface Known {
  /** What they have in common. */
  readonly bug: string;
  /** The one with the lowest run. */
  readonly first: Found;
  readonly keys: Set<string>;
}

export interface Ledger {
  runs: number;
  events: number;
  segments: number;
  readonly points: Set<string>;
  /** In the order in which they were found. */
  readonly known: Known[];
  /** How many runs showed each key. */
  readonly seen: Map<string, number>;
  /** How many segments each key was seen in: so often it was looked into, up to LOOKS_MAX. */
  readonly looks: Map<string, number>;
}

export function createLedger(): Ledger {
  return {
    ...{ runs: 0, events: 0, segments: 0 },
    points: new Set(),
    known: [],
    seen: new Map(),
    looks: new Map(),
  };
}

/** Those of a segment's sightings that are to be looked into. To be asked of each segment once, in order. */
export function chooseSightings<S extends Pick<Sighting, 'key'>>(
  { looks }: Pick<Ledger, 'looks'>,
  sightings: readonly S[],
): readonly S[] {
  return sightings.filter(({ key }) => {
    const before = looks.get(key) ?? 0;
    looks.set(key, before + 1);
    return before < LOOKS_MAX;
  });
}

/** Keys that nobody will look into any more. */
export function closedKeys({ looks }: Pick<Ledger, 'looks'>): readonly string[] {
  return [...looks].flatMap(([key, count]) => (count >= LOOKS_MAX ? key : []));
}

/** Takes a finding in. @returns what it is one of, and whether it is the first of them. */
export function addFound(
  ledger: Ledger,
  found: Found,
): { readonly known: Known; readonly isNew: boolean } {
  const bug = bugOf(found.finding);
  const known = ledger.known.find((one) => one.bug === bug);
  if (known !== undefined) {
    known.keys.add(found.key);
    return { known, isNew: false };
  }
  const one: Known = { bug, first: found, keys: new Set([found.key]) };
  ledger.known.push(one);
  return { known: one, isNew: true };
}

/** Those that no segment reached before. */
export function newPoints({ points }: Ledger, reached: readonly string[]): readonly string[] {
  return reached.filter((point) => !points.has(point));
}

/** The record of a segment. To be made when all before it are in the ledger. */
export function recordOf(ledger: Ledger, result: SegmentResult): SegmentRecord {
  const { segment, runs, events, sightings } = result;
  return {
    ...{ segment, runs, events },
    points: newPoints(ledger, result.points),
    sightings: sightings.map(({ key, run, seen }) => ({ key, run, seen })),
  };
}

/** Takes a segment in, after its findings. */
export function addSegment(ledger: Ledger, record: SegmentRecord): void {
  ledger.segments += 1;
  ledger.runs += record.runs;
  ledger.events += record.events;
  for (const point of record.points) ledger.points.add(point);
  for (const { key, seen } of record.sightings)
    ledger.seen.set(key, (ledger.seen.get(key) ?? 0) + seen);
}

/** In how many runs a finding showed, as far as its keys tell. */
export function timesSeen({ seen }: Ledger, { keys }: Known): number {
  const counts = [...keys].map((key) => seen.get(key) ?? 0);
  const times = counts.reduce((sum, count) => sum + count, 0);
  assert(times >= 0, 'runs are counted upwards');
  return times;
}
