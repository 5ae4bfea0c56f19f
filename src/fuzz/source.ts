/** Where the inputs and the schedules of a campaign's runs come from. */
import type { TaskView } from '../engine/scheduler.ts';
import type { Inputs } from '../events/trace.ts';
import type { Plan } from './plan.ts';
import { throwsOf } from './seeds.ts';
import { vary } from './vary.ts';

export interface Source {
  /** The inputs of a seed. */
  draw(seed: number): Inputs;
  /** The schedule of a seed, for one run. */
  chooser(seed: number): (runnable: readonly TaskView[]) => number;
}

export function createSource({ base }: Plan): Source {
  if (base === null) throw new Error('not yet');
  return {
    draw: (seed) => vary(base, throwsOf(seed + 1)),
    chooser: (seed) => {
      const throws = throwsOf(seed + 2);
      return (runnable) => throws.below(runnable.length);
    },
  };
}
