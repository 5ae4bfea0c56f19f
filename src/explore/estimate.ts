/** How many schedules there are, where nobody can count them. */
import { createRun } from '../engine/run.ts';
import type { Inputs } from '../events/trace.ts';
import { createDice } from './dice.ts';

export interface Estimate {
  /** The mean of the samples: Infinity where it is above what a number can say. */
  readonly mean: number;
  /** Its decimal logarithm. */
  readonly log10: number;
}

/**
 * Estimates the number of schedules by random ones: the widths of all choices of one, multiplied, are
 * right on the average (Knuth: Estimating the efficiency of backtrack programs, 1975). A few samples
 * rather fall short of it, for the largest are rare.
 *
 * Cost: `samples` runs.
 */
export function estimateSchedules(inputs: Inputs, samples: number, seed: number): Estimate {
  const { kernel, machine, stimuli } = inputs;
  const dice = createDice(seed);
  const logs = Array.from({ length: samples }, () => {
    let log = 0;
    const choose = (runnable: readonly unknown[]): number => {
      log += Math.log10(runnable.length);
      return dice(runnable.length);
    };
    const run = createRun({ kernel, machine }, { choose });
    for (const stimulus of stimuli) run.give(stimulus);
    return log;
  });
  const most = Math.max(...logs);
  const sum = logs.reduce((total, log) => total + 10 ** (log - most), 0);
  const log10 = most + Math.log10(sum / samples);
  return { mean: 10 ** log10, log10 };
}
