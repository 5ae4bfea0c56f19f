/** Inputs of runs, drawn by number. */
import type fc from 'fast-check';
import type { Inputs } from '../events/trace.ts';
import { anyChoices } from './any-choices.ts';
import { withFaults } from './any-faults.ts';
import { anyKernel, type KernelChoice } from './any-kernel.ts';
import { anyKinds, anyMachine } from './any-machine.ts';
import { anySteps } from './any-steps.ts';
import { buildOf } from './board.ts';
import { type Dice, drawn } from './drawn.ts';
import { type Base, perturb } from './perturb.ts';
import { randomOf } from './random.ts';
import { sceneOf } from './scene.ts';

export interface DrawOptions {
  /** Inputs whose order is changed; null to invent a machine each time. */
  readonly from: Inputs | null;
  /** What of the kernel is given. Where inputs are perturbed, what is null is theirs. */
  readonly kernel: KernelChoice;
}

/** Sizes go from 1 to this. */
export const SIZE_MAX = 10;

/**
 * The size of the n-th run of a campaign, from 0: small ones come first, and some later too, for what a
 * small machine shows is shown faster.
 */
export function sizeOfRun(n: number): number {
  const most = Math.min(SIZE_MAX, 1 + Math.floor(Math.sqrt(n) / 4));
  return 1 + (n % most);
}

/**
 * Inputs by their seed: the same options, seed and size give the same inputs.
 *
 * @returns a function of a seed, any safe integer, and a size from 1 to 10, drawn where absent.
 * Cost of a draw: linear in devices times drivers, some 0.3 ms for twenty devices; where orders are
 * perturbed linear in drivers and steps, some 0.01 ms.
 */
export function createDraw(options: DrawOptions): (seed: number, size?: number) => Inputs {
  const bySize = Array.from({ length: SIZE_MAX + 1 }, (_, size) =>
    someInputs(options, size === 0 ? undefined : size),
  );
  return (seed, size = 0) => {
    const sized = bySize[Math.min(SIZE_MAX, Math.max(0, Math.floor(size)))] ?? bySize[0];
    return (sized ?? someInputs(options)).generate(randomOf(seed), undefined).value;
  };
}

/** Inputs of runs: machines, kernels, steps, faults, schedules. */
export function someInputs(options: DrawOptions, size?: number): fc.Arbitrary<Inputs> {
  const { from, kernel } = options;
  const base = from === null ? null : { inputs: from, scene: sceneOf(from.machine) };
  return drawn((dice) => {
    const most = size ?? 1 + dice.below(SIZE_MAX);
    return base === null ? invent(dice, kernel, most) : another(dice, kernel, base, most);
  });
}

function invent(dice: Dice, given: KernelChoice, size: number): Inputs {
  const iommus = anyKinds(dice);
  const kernel = anyKernel(dice, given, iommus);
  const build = buildOf({ ...kernel.config, ...given.build });
  const sound = anyMachine(dice, size, { iommus, build });
  const faults = dice.percent(25) ? 1 + dice.below(2) : 0;
  const stimuli = anySteps(dice, sceneOf(sound), size);
  const machine = withFaults(dice, sound, faults);
  return { kernel, machine, stimuli, choices: anyChoices(dice, 20 + size * 10) };
}

function another(dice: Dice, given: KernelChoice, base: Base, size: number): Inputs {
  const { kernel } = base.inputs;
  return {
    kernel: {
      version: given.version ?? kernel.version,
      release: given.version === null ? kernel.release : null,
      config: given.config ?? kernel.config,
      cmdline: given.cmdline ?? kernel.cmdline,
      patches: given.patches ?? kernel.patches,
    },
    ...perturb(dice, base, size, given.build),
  };
}
