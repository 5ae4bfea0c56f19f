/**
 * What a campaign is: from it alone follows every run that it may make.
 *
 * Runs are numbered from 0 and come in segments. What a run is may depend on those before it in its
 * segment, whose corpus it mutates, and on nothing else: segments can be made anywhere, in any order.
 */
import type { Change } from '../bisect/rerun.ts';
import { ReprobeError } from '../error.ts';
import type { Inputs } from '../events/trace.ts';
import { type OneRunStrategy, parseStrategy } from '../explore/strategy.ts';

/** Some runs as drawn, some by chance, some with few switches between tasks. */
export const MIXED = 'mixed';

/** So many runs make a segment: enough for a corpus to pay, few enough to lose. */
export const SEGMENT_RUNS = 256;

export interface Plan {
  /** Below SEED_MAX. */
  readonly seed: number;
  /** What the runs vary; null where each invents its machine. */
  readonly base: Inputs | null;
  /** How the kernels of invented machines differ from those that they are drawn with. */
  readonly kernel: Change;
  /** The schedules: `mixed`, or as the strategies of one run are written. */
  readonly strategy: string;
}

/**
 * null for the mixed one.
 *
 * @throws ReprobeError USAGE for what is none, and for what goes through all schedules of one system.
 */
export function strategyOf(text: string): OneRunStrategy | null {
  if (text === MIXED) return null;
  const spec = parseStrategy(text);
  if (spec.kind === 'random' || spec.kind === 'pct') return spec;
  throw new ReprobeError('USAGE', `"${text}" goes through all schedules of one machine.`, {
    hint: `a campaign takes ${MIXED}, random or pct:d=3; \`reprobe explore\` takes the others`,
  });
}

/** The part of a campaign that one of several makes: segments that are `index` modulo `of`. */
export interface Shard {
  readonly index: number;
  readonly of: number;
}

export const WHOLE: Shard = { index: 0, of: 1 };
/** Segments of a campaign with some missing between them, as merged: it cannot be gone on with. */
export const PARTS: Shard = { index: 0, of: 0 };

/** A segment and how many of its runs, the first ones, are wanted. */
export interface Piece {
  readonly segment: number;
  readonly runs: number;
}

/**
 * The pieces of a campaign of so many runs that are the shard's, in order; without end where `runs`
 * is null.
 *
 * @param from the first segment that may be.
 */
export function* piecesOf(
  runs: number | null,
  { index, of }: Shard,
  from = 0,
): Generator<Piece, void> {
  const first = index + Math.ceil(Math.max(0, from - index) / of) * of;
  for (let segment = first; ; segment += of) {
    const left = runs === null ? SEGMENT_RUNS : runs - segment * SEGMENT_RUNS;
    if (left <= 0) return;
    yield { segment, runs: Math.min(SEGMENT_RUNS, left) };
  }
}
