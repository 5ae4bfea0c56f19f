import { bisectBetween } from '../bisect/between.ts';
import { type Difference, describeDifference } from '../bisect/differences.ts';
import { reasonOf } from '../bisect/doubt.ts';
import { bisectKernels, type KernelRange } from '../bisect/kernels.ts';
import { proposalsOf } from '../bisect/releases.ts';
import { bisectStimuli } from '../bisect/stimuli.ts';
import { describeStimulus } from '../events/stimulus.ts';
import { INVARIANTS } from '../invariants/all.ts';
import { checkTrace } from '../invariants/checker.ts';
import { type Find, kernelsStory } from '../report/kernels-story.ts';
import { line } from '../report/line.ts';
import { betweenStory, stimuliStory } from '../report/stimuli-story.ts';
import { exitForOutcome, type Means, type Told } from './bisect-means.ts';
import { EXIT } from './exit.ts';
import type { LoadedSource } from './source.ts';

/**
 * Why the inputs of a log cannot be bisected; null where they can. A run without the log may be another
 * one: then what is bad is the log's doing, and no run of the model shows it.
 */
export async function notReproduced({
  source,
  predicate,
  judge,
  what,
}: Means): Promise<Told | null> {
  if (source.kind !== 'log' || predicate.kind !== 'violation') return null;
  const only = predicate.invariant === undefined ? INVARIANTS : [predicate.invariant];
  const { header, events } = source.trace;
  if (checkTrace(header, events, only).length === 0) return null;
  const { verdict } = await judge(header, 'the inputs without the log');
  if (verdict === 'bad') return null;
  const reason = `running the inputs again, without the log, does not show ${what}`;
  return {
    lines: [line(`inconclusive: ${reason}`, 'bad')],
    json: { outcome: 'inconclusive', reason },
    exit: EXIT.inconclusive,
  };
}

/** Inputs of a log that break nothing decide nothing where the log speaks against their run. */
export function doubted(told: Told, { source, predicate }: Means): Told {
  const { doubts } = source;
  if (told.exit !== EXIT.holds || predicate.kind !== 'violation' || doubts.length === 0)
    return told;
  const reason = reasonOf(doubts);
  return {
    lines: [...told.lines, line(`inconclusive: ${reason}`, 'bad')],
    json: { ...told.json, outcome: 'inconclusive', reason },
    exit: EXIT.inconclusive,
  };
}

/** The first stimuli that make it bad. */
export async function bisectSteps(means: Means): Promise<Told> {
  const { source, predicate, judge, confirm, what } = means;
  const { header } = source.trace;
  // What a run has violated, or what was true once, stays so: a search is as exact as a scan.
  const scan = predicate.kind === 'ask';
  const found = await bisectStimuli(header, { judge, scan, confirm });
  const json =
    found.kind === 'found'
      ? {
          firstBad: { index: found.index, stimulus: describeStimulus(found.stimulus) },
          each: found.each.map(({ index, stimulus, needed }) => {
            return { index, stimulus: describeStimulus(stimulus), needed };
          }),
        }
      : { firstBad: null, each: [], reason: 'reason' in found ? found.reason : null };
  return {
    lines: stimuliStory(found, what, header.stimuli.length),
    json: { outcome: found.kind, ...json, evaluations: found.evaluations },
    exit: exitForOutcome(found),
  };
}

/** The release and the patch that make it bad, or good again. */
export async function bisectReleases(means: Means, range: KernelRange, find: Find): Promise<Told> {
  const { source, judge, what } = means;
  const { header } = source.trace;
  const bisection = await bisectKernels(header, judge, range);
  const { releases, turns, given, evaluations } = bisection;
  const first = turns.find(({ kind }) => kind === find) ?? null;
  const proposals = Object.keys(proposalsOf(header.kernel));
  const isKnown = releases.some(({ verdict }) => verdict !== 'skip');
  const isBad =
    first !== null || given !== null || releases.some(({ verdict }) => verdict === 'bad');
  return {
    lines: kernelsStory({ bisection, find, what, proposals }),
    json: {
      outcome: first === null ? (isBad ? 'noTurn' : 'holds') : 'found',
      ...{ find, first, releases, turns, given, proposals, evaluations },
    },
    exit: isKnown ? (isBad ? EXIT.violated : EXIT.holds) : EXIT.inconclusive,
  };
}

/** What of the differences between a good run and a bad one makes it bad. */
export async function bisectDifferences(means: Means, good: LoadedSource): Promise<Told> {
  const { source, judge, what } = means;
  const found = await bisectBetween(good.trace.header, source.trace.header, judge);
  const named = (list: Difference[]) =>
    list.map((one) => ({ ...one, text: describeDifference(one) }));
  const json =
    found.kind === 'found'
      ? {
          smallest: named([...found.smallest]),
          differences: named([...found.differences]),
          without: found.without,
        }
      : { smallest: [], differences: [], without: null, reason: found.reason };
  return {
    lines: betweenStory(found, what, good.file, source.file),
    json: { outcome: found.kind, ...json, evaluations: found.evaluations },
    exit: found.kind === 'found' ? EXIT.violated : EXIT.inconclusive,
  };
}
