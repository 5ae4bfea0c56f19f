/** A machine with people before it, and the single things that they do. */
import type { Concurrent } from '../events/stimulus.ts';
import type { Dice } from './drawn.ts';
import type { Actor, Scene } from './scene.ts';

export interface Stage {
  readonly dice: Dice;
  readonly scene: Scene;
  /** Users that hold their files; a name is used once. */
  readonly users: string[];
}

export type Steps = readonly Concurrent[];

export const modprobe = (module: string): Concurrent => ({ do: 'modprobe', module, params: '' });
export const rmmod = (module: string, force = false): Concurrent => ({
  do: 'rmmod',
  module,
  force,
});
export const remove = ({ name }: Actor): Concurrent => ({ do: 'remove', dev: name });
export const RESCAN: Concurrent = { do: 'rescan', dev: null };
export const TIMEOUT: Concurrent = { do: 'deferred_probe_timeout' };

export const unbind = ({ bus, name }: Actor, drv = ''): Concurrent => ({
  do: 'unbind',
  bus,
  drv,
  dev: name,
});
export const bind = ({ bus, name }: Actor, drv: string): Concurrent => ({
  do: 'bind',
  bus,
  drv,
  dev: name,
});
export const probe = ({ bus, name }: Actor): Concurrent => ({
  do: 'drivers_probe',
  bus,
  dev: name,
});
export const override = ({ bus, name }: Actor, drv: string | null): Concurrent => ({
  ...{ do: 'driver_override', bus, dev: name, drv },
});

/** A device that somebody would take: most often one that users want. */
export function someone({ dice, scene }: Stage): Actor {
  return dice.percent(80) ? dice.pick(scene.guests) : dice.pick(scene.actors);
}

/** The name of a driver for the device; that of another one where none takes it. */
export function itsDriver({ dice, scene }: Stage, { drivers }: Actor): string {
  if (drivers.length > 0) return dice.pick(drivers).name;
  return scene.drivers.length > 0 ? dice.pick(scene.drivers).name : 'nobody';
}

/** Where users map memory, where kernel drivers have buffers, and where nothing is. */
const PLACES: readonly (readonly [number, number])[] = [
  [8, 0x100000],
  [4, 0xffffe000],
  [4, 0xfffff000],
  ...([0x110000, 0x8000000, 0xfee00000, 0x40000000] as const).map((at) => [1, at] as const),
];

export function addressOf({ dice, scene }: Stage): number {
  const { memory } = scene;
  return memory.length > 0 && dice.percent(30) ? dice.pick(memory) : dice.weigh(PLACES);
}

/** A device reads or writes, where something is mapped or not. */
export function traffic(stage: Stage, { name: dev }: Actor): Steps {
  const { dice } = stage;
  const flags = { write: dice.percent(50), cacheable: !dice.percent(20) };
  return [{ do: 'dma', dev, addr: addressOf(stage), ...flags }];
}
