/** Roundabout ways: not parts that are left out, but ones that a simpler thing does as well. */
import type { BootStep, Machine } from '../events/machine.ts';
import { singlesOf } from '../events/stimulus.ts';
import type { Draft } from './draft.ts';
import { stepsRenamed } from './rename.ts';
import { allDevices } from './subject.ts';

export type Detour =
  /** The order of the boot, which becomes the default one. */
  | { readonly kind: 'order' }
  /** A module, whose drivers become built in: they come where the boot ends. */
  | { readonly kind: 'modular'; readonly name: string }
  /** A device; what was done to it is done to another one on its bus. */
  | { readonly kind: 'double'; readonly name: string; readonly instead: string };

/** All that could be one. Cost: devices that are named times devices on their bus. */
export function detours({ machine, steps }: Draft): readonly Detour[] {
  const { boot, modules } = machine;
  const singles = steps.flatMap(({ stimulus }) => singlesOf(stimulus));
  const named = new Set(singles.flatMap((step) => ('dev' in step ? (step.dev ?? []) : [])));
  const devices = allDevices(machine.devices);
  const doubles = devices
    .filter(({ name }) => named.has(name))
    .flatMap(({ name, bus }) =>
      devices
        .filter((other) => other.bus === bus && other.name !== name)
        .map((other): Detour => ({ kind: 'double', name, instead: other.name })),
    );
  return [
    ...(boot.length > 0 ? [{ kind: 'order' } as const] : []),
    ...modules.map(({ name }): Detour => ({ kind: 'modular', name })),
    ...doubles,
  ];
}

/** The draft with the simpler things in it; what they make superfluous is still there. */
export function straightened(draft: Draft, ways: readonly Detour[]): Draft {
  let { machine, steps } = draft;
  const doubles = new Map<string, string>();
  for (const way of ways) {
    if (way.kind === 'double') doubles.set(way.name, way.instead);
    else machine = way.kind === 'order' ? { ...machine, boot: [] } : builtIn(machine, way.name);
  }
  if (doubles.size > 0) steps = stepsRenamed(steps, doubles);
  return { ...draft, machine, steps };
}

function builtIn(machine: Machine, name: string): Machine {
  const mine = machine.drivers.filter(({ module }) => module === name);
  const last = mine.map((one): BootStep => ({ step: 'driver', bus: one.bus, drv: one.name }));
  return {
    ...machine,
    drivers: machine.drivers.map((one) => (mine.includes(one) ? { ...one, module: null } : one)),
    boot: machine.boot.length === 0 ? [] : [...machine.boot, ...last],
  };
}
