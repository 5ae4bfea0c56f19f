/** Arbitrary sequences of what is done to a machine from outside. */
import type fc from 'fast-check';
import type { Machine } from '../events/machine.ts';
import type { Concurrent, Stimulus } from '../events/stimulus.ts';
import { assignment, call, neighbours, release } from './assignment.ts';
import { type Dice, drawn } from './drawn.ts';
import { type Scene, sceneOf } from './scene.ts';
import { type Stage, traffic } from './stage.ts';
import {
  bindCycle,
  goingDown,
  groupType,
  hotplug,
  iommuCycle,
  loading,
  slots,
  unloading,
} from './workflows.ts';

type Part = (stage: Stage) => readonly Concurrent[];

const PARTS: readonly (readonly [number, Part])[] = [
  [14, bindCycle],
  [18, assignment],
  [8, neighbours],
  [10, unloading],
  [10, hotplug],
  [8, loading],
  [5, iommuCycle],
  [3, slots],
  [3, groupType],
  [4, goingDown],
  [4, () => [{ do: 'deferred_probe_timeout' }]],
  [6, (stage) => traffic(stage, stage.dice.pick(stage.scene.actors))],
  [4, memory],
  [10, single],
];

/** The kernel takes memory for itself. */
function memory({ dice, scene }: Stage): readonly Concurrent[] {
  const start = dice.pick([...scene.memory, 0x9d400000, 0x9e000000, 0x1000]);
  return [{ do: 'page_alloc', start, length: dice.pick([0x1000, 0x10000]) }];
}

/** One step that need not make sense. */
function single(stage: Stage): readonly Concurrent[] {
  const { dice, scene } = stage;
  const dev = dice.pick(scene.actors);
  const other = scene.drivers.length === 0 ? null : dice.pick(scene.drivers);
  const drv = other?.name ?? 'nobody';
  const module = scene.modules.length === 0 ? 'none' : dice.pick(scene.modules);
  const { bus, name } = dev;
  return dice.weigh<() => readonly Concurrent[]>([
    [3, () => [{ do: 'modprobe', module, params: '' }]],
    [1, () => [{ do: 'insmod', module, params: '' }]],
    [2, () => [{ do: 'rmmod', module, force: dice.percent(30) }]],
    [2, () => [{ do: 'bind', bus: other?.bus ?? bus, drv, dev: name }]],
    [2, () => [{ do: 'unbind', bus, drv: '', dev: name }]],
    [2, () => [{ do: 'drivers_probe', bus, dev: name }]],
    [2, () => [{ do: 'driver_override', bus, dev: name, drv: dice.percent(50) ? drv : null }]],
    [1, () => [{ do: 'drivers_autoprobe', bus, on: dice.percent(50) }]],
    [2, () => [{ do: 'remove', dev: name }]],
    [2, () => [{ do: 'rescan', dev: dice.percent(60) ? null : name }]],
    [1, () => [{ do: 'driver_register', bus: other?.bus ?? bus, drv }]],
    [1, () => [{ do: 'device_add', dev: name }]],
    [1, () => [{ do: 'late_initcall' }]],
    [1, () => call(stage, dev)],
    [1, () => release(stage)],
  ])();
}

/** What comes after the boot: what udev would load, and up to `size` things done. */
export function afterBoot(dice: Dice, scene: Scene, size: number): readonly Stimulus[] {
  if (scene.actors.length === 0) return [];
  const stage: Stage = { dice, scene, users: [] };
  const steps: Concurrent[] = [];
  if (scene.modules.length > 0 && dice.percent(65)) steps.push(...loading(stage));
  for (let left = dice.below(1 + Math.min(size, 8)); left > 0; left -= 1)
    steps.push(...dice.weigh(PARTS)(stage));
  const end = steps.findIndex((step) => step.do === 'shutdown');
  if (end >= 0 && dice.percent(90)) return steps.slice(0, end + 1);
  const released = dice.percent(70) ? stage.users : [];
  const ends = released.map((hold): Stimulus => ({ do: 'vfio_release', hold }));
  return [...(dice.percent(25) ? atOnce(dice, steps) : steps), ...ends];
}

/** Some steps at the same time as those that follow them. */
function atOnce(dice: Dice, steps: readonly Concurrent[]): readonly Stimulus[] {
  const joined: Stimulus[] = [];
  for (let at = 0; at < steps.length; ) {
    const count = dice.percent(30) ? 2 + dice.below(2) : 1;
    const together = steps.slice(at, at + count);
    joined.push(
      ...(together.length > 1 ? [{ do: 'together' as const, steps: together }] : together),
    );
    at += count;
  }
  return joined;
}

/** A boot and what comes after it. */
export const anySteps = (dice: Dice, scene: Scene, size: number): readonly Stimulus[] => [
  { do: 'boot' },
  ...afterBoot(dice, scene, size),
];

/** Steps on a machine, of which about so many are made. */
export function someSteps(machine: Machine, size: number): fc.Arbitrary<readonly Stimulus[]> {
  const scene = sceneOf(machine);
  return drawn((dice) => anySteps(dice, scene, size));
}
