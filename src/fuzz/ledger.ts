/**
 * What a campaign knows: the sum of its segments and findings, folded in the order of their numbers.
 * A campaign that runs, one that is resumed and shards that are merged fold the same records by the
 * same rules, and so come to the same end.
 */
import { assert } from '../assert.ts';
import { bugOf, type Finding } from './finding.ts';
import type { SegmentResult, Sighting } from './segment.ts';

/**
 * Troubles of one key that are looked into in one age of a campaign. One would be enough if a key always
 * meant one bug; many would have a bug that shows in every run eat the campaign.
 */
export const LOOKS_MAX = 2;
/** The first age has so many segments, and each one after it four times as many as all before. */
const FIRST_AGE = 16;

function ageOf(segment: number): number {
  let age = 0;
  for (let end = FIRST_AGE; end <= segment; end *= 4) age += 1;
  return age;
}

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
  /** By age and key, how many segments showed it: so often it was looked into, up to LOOKS_MAX. */
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
  { segment, sightings }: { readonly segment: number; readonly sightings: readonly S[] },
): readonly S[] {
  const age = ageOf(segment);
  return sightings.filter(({ key }) => {
    const before = looks.get(inAge(age, key)) ?? 0;
    looks.set(inAge(age, key), before + 1);
    return before < LOOKS_MAX;
  });
}

/** Those of the keys that nobody will look into any more in that segment. */
export function closedKeys({ looks, seen }: Ledger, segment: number): readonly string[] {
  const age = ageOf(segment);
  return [...seen.keys()].filter((key) => (looks.get(inAge(age, key)) ?? 0) >= LOOKS_MAX);
}

const inAge = (age: number, key: string): string => `${age} ${key}`;

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
