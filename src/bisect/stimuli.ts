/** Bisection over stimuli: how many of them it takes, and which. */
import type { Stimulus } from '../events/stimulus.ts';
import type { Inputs } from '../events/trace.ts';
import { counting, type Judge } from './judge.ts';
import { searchRow, type Verdict } from './search.ts';

export type StimulusBisection =
  | {
      readonly kind: 'found';
      /** Position of the stimulus that makes it bad, from 0: the ones before it do not. */
      readonly index: number;
      readonly stimulus: Stimulus;
      /** Each up to that one, and whether it is still bad without it; none where they are too many. */
      readonly each: readonly NeededStimulus[];
      readonly evaluations: number;
    }
  | { readonly kind: 'holds'; readonly evaluations: number }
  /** The first run that can be judged, that of so many stimuli, is bad, and none is good. */
  | { readonly kind: 'badFromStart'; readonly after: number; readonly evaluations: number }
  | {
      readonly kind: 'notMonotone' | 'inconclusive';
      readonly reason: string;
      readonly evaluations: number;
    };

export interface NeededStimulus {
  readonly index: number;
  readonly stimulus: Stimulus;
  /** Good without it; null where that cannot be told. */
  readonly needed: boolean | null;
}

export interface StimuliOptions {
  readonly judge: Judge;
  /** Every prefix is judged: a judge that changes its mind is not misled. Else a binary search. */
  readonly scan: boolean;
  readonly confirm?: boolean;
}

/**
 * Finds the first stimuli that make inputs bad, judging the run of each prefix, and which of them it
 * takes: each is left out once.
 *
 * Cost: with n stimuli, ⌈log2 n⌉ + 2 runs, or n + 1 of a scan, and one more for each up to the
 * answer, if these are at most 256.
 */
export async function bisectStimuli(
  inputs: Inputs,
  { judge, scan, confirm = false }: StimuliOptions,
): Promise<StimulusBisection> {
  const counted = counting(judge);
  const { stimuli } = inputs;
  const judgePrefix = async (count: number): Promise<Verdict> =>
    (await counted.judge({ ...inputs, stimuli: stimuli.slice(0, count) }, `the first ${count}`))
      .verdict;
  const found = scan
    ? await scanPrefixes(stimuli.length, judgePrefix)
    : await searchRow(stimuli.length, { judge: judgePrefix, confirm, name: afterStimulus });
  const evaluations = counted.count();
  if (found.kind === 'badFromStart') return { after: 0, ...found, evaluations };
  if (found.kind !== 'found') return { ...found, evaluations };
  const index = found.bad - 1;
  const stimulus = stimuli[index];
  if (stimulus === undefined) return { kind: 'badFromStart', after: 0, evaluations };
  const each: NeededStimulus[] = [];
  const upTo = index < EACH_MAX ? stimuli.slice(0, index + 1) : [];
  for (const [i, one] of upTo.entries()) {
    const without = upTo.filter((_, n) => n !== i);
    const what = `the first ${index + 1} without ${i + 1}`;
    const { verdict } = await counted.judge({ ...inputs, stimuli: without }, what);
    each.push({ index: i, stimulus: one, needed: verdict === 'skip' ? null : verdict === 'good' });
  }
  return { kind: 'found', index, stimulus, each, evaluations: counted.count() };
}

/** So many stimuli are left out one by one. */
export const EACH_MAX = 256;

const afterStimulus = (count: number): string =>
  count === 0 ? 'the run without a stimulus' : `the run of the first ${count}`;

/** The first good prefix that is followed by a bad one. */
async function scanPrefixes(last: number, judge: (count: number) => Promise<Verdict>) {
  let good: number | null = null;
  let firstBad: number | null = null;
  for (let count = 0; count <= last; count += 1) {
    const verdict = await judge(count);
    if (verdict === 'good') good = count;
    if (verdict !== 'bad') continue;
    if (good !== null) return { kind: 'found', good, bad: count } as const;
    firstBad ??= count;
  }
  if (firstBad === null && good === null)
    return { kind: 'inconclusive', reason: 'no run of the first stimuli can be judged' } as const;
  if (firstBad === null) return { kind: 'holds' } as const;
  if (good === null) return { kind: 'badFromStart', after: firstBad } as const;
  const reason = `bad after the first ${firstBad} stimuli and good after ${good}: it healed`;
  return { kind: 'notMonotone', reason } as const;
}
