/** Where the inputs and the schedules of a campaign's runs come from. */
import { changedKernel } from '../bisect/rerun.ts';
import { followChoices } from '../engine/run.ts';
import type { TaskView } from '../engine/scheduling.ts';
import type { Inputs } from '../events/trace.ts';
import { createDice } from '../explore/dice.ts';
import { chooserOf, type OneRunStrategy } from '../explore/strategy.ts';
import { ANY_RELEASE, type KernelChoice } from './any-kernel.ts';
import { createDraw, sizeOfRun, someInputs } from './draw.ts';
import { type Plan, strategyOf } from './plan.ts';
import { randomOf } from './random.ts';
import { seedOfRun } from './seeds.ts';

/** What a run is made from, and who goes on choosing where its choices end. */
export interface Drawn {
  readonly inputs: Inputs;
  readonly choose: (runnable: readonly TaskView[]) => number;
}

/** Of a hundred runs, those that vary one of the corpus where there is one. */
const VARIED = 50;
/** Of a hundred runs of the mixed strategy, those that go on as by default, and those by chance. */
const BY_DEFAULT = 50;
const BY_CHANCE = 25;

const AS_IT_IS: KernelChoice = { version: null, config: null, cmdline: null, patches: null };
const FEW_SWITCHES: OneRunStrategy = { kind: 'pct', depth: 3 };

/**
 * A function of the number of a run, and of inputs that may be varied for it.
 *
 * Cost of a run: a tenth of a millisecond for ten devices.
 */
export function createSource(plan: Plan): (run: number, corpus: readonly Inputs[]) => Drawn {
  const { base, kernel } = plan;
  const build = kernel.config === undefined ? {} : { build: kernel.config };
  const given: KernelChoice = {
    ...ANY_RELEASE,
    ...{ version: kernel.version ?? null, patches: kernel.patches ?? ANY_RELEASE.patches },
    ...build,
  };
  const asItIs: KernelChoice = { ...AS_IT_IS, ...build };
  const draw = createDraw({ from: base, kernel: base === null ? given : asItIs });
  const fresh = (seed: number, size: number): Inputs => {
    const inputs = draw(seed, size);
    if (base !== null || kernel.config === undefined) return inputs;
    return { ...inputs, kernel: changedKernel(inputs.kernel, { config: kernel.config }) };
  };
  const strategy = strategyOf(plan.strategy);
  return (run, corpus) => {
    const seed = seedOfRun(plan.seed, run);
    const dice = createDice(seed);
    const size = sizeOfRun(run);
    const varied = dice(100) < VARIED ? corpus[dice(corpus.length)] : undefined;
    const inputs =
      varied === undefined
        ? fresh(seed, size)
        : someInputs({ from: varied, kernel: asItIs }, size).generate(randomOf(seed), undefined)
            .value;
    if (strategy !== null) return { inputs, choose: chooserOf(strategy, dice(2 ** 32)) };
    const way = dice(100);
    const after =
      way < BY_DEFAULT
        ? undefined
        : chooserOf(
            way < BY_DEFAULT + BY_CHANCE ? { kind: 'random' } : FEW_SWITCHES,
            dice(2 ** 32),
          );
    return { inputs, choose: followChoices(inputs.choices, after) };
  };
}

/** What statistics are made of. */
const SAMPLE_MAX = 2000;

/** The inputs of the campaign's first runs, as they are without a corpus. Cost: up to 2000 draws. */
export function sampleOf(plan: Plan, runs: number): readonly Inputs[] {
  const source = createSource(plan);
  return Array.from({ length: Math.min(runs, SAMPLE_MAX) }, (_, run) => source(run, []).inputs);
}
