/** What an exploration of schedules came to, as lines. */
import type { Estimate } from '../explore/estimate.ts';
import type { Exploration } from '../explore/explore.ts';
import { aligned, counted, type Line, line } from './line.ts';

/** An exploration, and how many schedules it stands for. */
export interface ExplorationReport {
  readonly result: Exploration;
  /** All schedules there are, estimated; null where each was walked. */
  readonly all: Estimate | null;
  readonly strategy: string;
}

const BOUNDED: Readonly<Record<NonNullable<Exploration['bounded']>, string>> = {
  preemptions: 'more preemptions were not tried',
  schedules: 'no more schedules were to be walked',
  time: 'the time was up',
  interrupted: 'it was interrupted',
};

/** Schedules there are for each one that was walked; null where nothing tells. */
export function reductionOf({ result, all }: ExplorationReport): number | null {
  if (all === null || result.walked === 0 || !result.isComplete) return null;
  return Math.max(1, 10 ** (all.log10 - Math.log10(result.walked)));
}

export function explorationLines(report: ExplorationReport): readonly Line[] {
  const { result, all, strategy } = report;
  const { isComplete, bounded, walked, schedules, states, finals, found } = result;
  const factor = reductionOf(report);
  const rows = [
    ['strategy', strategy],
    ['schedules', `${figure(walked)} walked, which make ${figure(schedules)} from end to end`],
    ...(all === null ? [] : [['of all', `about ${power(all)}, estimated from random ones`]]),
    ...(factor === null ? [] : [['reduced', `about ${approximately(factor)} times`]]),
    ['states', `${figure(states)} met, ${figure(finals.size)} at the end`],
    ['complete', bounded === null || isComplete ? 'yes' : `no: ${BOUNDED[bounded]}`],
  ];
  return [...aligned(rows), ...verdictLines(result, found)];
}

function verdictLines(
  { isComplete, schedules }: Exploration,
  found: Exploration['found'],
): readonly Line[] {
  if (found.length === 0) {
    return isComplete
      ? [line('every invariant holds, whatever the schedule', 'good')]
      : [line('nothing was found, and not all was looked at')];
  }
  return found.map(({ violation, schedules: count }) => {
    const share =
      count === 0 ? 'in a part' : `in ${figure(count)} of ${figure(schedules)} schedules`;
    return line(`${violation.invariant}: ${violation.message} (${share})`, 'bad');
  });
}

/** A count in digits as far as a number has them. */
function figure(count: number): string {
  return count <= Number.MAX_SAFE_INTEGER ? String(count) : approximately(count);
}

function power({ mean, log10 }: Estimate): string {
  if (mean < 1e6) return counted(Math.round(mean), 'schedule');
  return `10^${log10.toFixed(1)} schedules`;
}

function approximately(factor: number): string {
  if (factor < 100) return factor.toFixed(1);
  return factor < 1e6 ? String(Math.round(factor)) : `10^${Math.log10(factor).toFixed(1)}`;
}
