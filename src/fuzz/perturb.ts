/** Inputs like given ones, but in another order: of the boot, of the steps, of the tasks. */
import type { BootStep, DriverSpec, KernelSpec, Machine } from '../events/machine.ts';
import type { Stimulus } from '../events/stimulus.ts';
import type { Inputs } from '../events/trace.ts';
import { anyChoices } from './any-choices.ts';
import { withFaults } from './any-faults.ts';
import { afterBoot } from './any-steps.ts';
import { type Build, buildOf, moduleFor } from './board.ts';
import type { Dice } from './drawn.ts';
import type { Scene } from './scene.ts';

/** What is looked up once for all perturbations of the same inputs. */
export interface Base {
  readonly inputs: Inputs;
  readonly scene: Scene;
}

/** Devices stay as they are, but for the rare one that firmware describes wrongly. */
export function perturb(
  dice: Dice,
  { inputs, scene }: Base,
  size: number,
  options: KernelSpec['config'] = {},
): Omit<Inputs, 'kernel'> {
  const { kernel, machine, stimuli, choices } = inputs;
  const reordered = dice.percent(50) ? otherOrder(dice, machine) : machine;
  const build = buildOf({ ...kernel.config, ...options });
  const built = build.modular && dice.percent(30) ? otherBuild(dice, reordered, build) : null;
  const faults = dice.percent(20) ? 1 + dice.below(2) : 0;
  const changed = dice.percent(75) ? otherSteps(dice, scene, stimuli, size) : stimuli;
  const loads = built?.module ?? null;
  return {
    machine: withFaults(dice, built?.machine ?? reordered, faults),
    stimuli: loads === null ? changed : withLoad(dice, changed, loads),
    choices: dice.percent(40) ? anyChoices(dice, 20 + size * 10) : choices,
  };
}

/**
 * The boot in another order: its own list, or the drivers, which register in that of the machine. Up to
 * where IOMMUs of x86 come, all is as it was: they have an initcall before those of drivers.
 */
function otherOrder(dice: Dice, machine: Machine): Machine {
  const { boot, drivers } = machine;
  if (boot.length === 0) return { ...machine, drivers: moved(dice, drivers) };
  const last = boot.findIndex(({ step }) => step === 'late_initcall');
  const end = last < 0 ? boot.length : last;
  const start = 1 + boot.findLastIndex(({ step }) => step === 'iommu');
  const between = moved(dice, boot.slice(start, end));
  return { ...machine, boot: [...boot.slice(0, start), ...between, ...boot.slice(end)] };
}

/** All of it shuffled, or one or two taken to another place. */
function moved<T extends BootStep | DriverSpec | Stimulus>(dice: Dice, list: readonly T[]): T[] {
  if (dice.percent(30)) return dice.shuffle(list);
  const mixed = [...list];
  for (let left = 1 + dice.below(2); left > 0 && mixed.length > 0; left -= 1) {
    const taken = mixed.splice(dice.below(mixed.length), 1);
    mixed.splice(dice.below(mixed.length + 1), 0, ...taken);
  }
  return mixed;
}

/** One built-in driver is a module instead, or the other way round. */
function otherBuild(dice: Dice, machine: Machine, build: Build) {
  const { drivers, modules, boot } = machine;
  const free = drivers.filter((driver) => build.of(moduleFor(driver)) === undefined);
  if (free.length === 0) return null;
  const driver = dice.pick(free);
  const isBuiltIn = driver.module === null;
  const module = isBuiltIn ? moduleFor(driver) : null;
  const listed = module === null || modules.some(({ name }) => name === module);
  const isMine = (step: BootStep) => step.step === 'driver' && step.drv === driver.name;
  return {
    module,
    machine: {
      ...machine,
      drivers: drivers.map((one) => (one === driver ? { ...driver, module } : one)),
      modules: listed ? modules : [...modules, { name: module, depends: [] }],
      boot: isBuiltIn ? boot.filter((step) => !isMine(step)) : boot,
    },
  };
}

/** A module that was none before is loaded some time after the boot, mostly first. */
function withLoad(dice: Dice, steps: readonly Stimulus[], module: string): readonly Stimulus[] {
  const at = dice.percent(60) ? 1 : 1 + dice.below(steps.length);
  const load: Stimulus = { do: 'modprobe', module, params: '' };
  return [...steps.slice(0, at), load, ...steps.slice(at)];
}

/** Steps are taken out, doubled, moved, and others put between them. */
function otherSteps(
  dice: Dice,
  scene: Scene,
  given: readonly Stimulus[],
  size: number,
): readonly Stimulus[] {
  let steps = given;
  for (let left = 1 + dice.below(3); left > 0; left -= 1) {
    const at = steps.length < 2 ? steps.length : 1 + dice.below(steps.length - 1);
    const more = () => afterBoot(dice, scene, Math.ceil(size / 3));
    const edit = dice.weigh<() => readonly Stimulus[]>([
      [2, () => [...steps.slice(0, at), ...steps.slice(at + 1)]],
      [2, () => [...steps.slice(0, at + 1), ...steps.slice(at)]],
      [2, () => [...steps.slice(0, 1), ...moved(dice, steps.slice(1))]],
      [4, () => [...steps.slice(0, at), ...more(), ...steps.slice(at)]],
    ]);
    steps = edit();
  }
  return heldOnce(steps);
}

/** A user that holds its files has a name of its own: others of that name hold none. */
function heldOnce(steps: readonly Stimulus[]): readonly Stimulus[] {
  const held = new Set<string>();
  const once = <T extends Stimulus>(step: T): T => {
    if (step.do !== 'vfio' || step.hold === null) return step;
    const isFirst = !held.has(step.hold);
    held.add(step.hold);
    return isFirst ? step : { ...step, hold: null };
  };
  return steps.map((step) =>
    step.do === 'together' ? { ...step, steps: step.steps.map(once) } : once(step),
  );
}
