/** The order of lists in the normal form, as far as the violation does not depend on it. */
import { canonicalJson } from '../events/canonical.ts';
import type { DeviceSpec, DriverSpec, Machine } from '../events/machine.ts';
import type { Stimulus } from '../events/stimulus.ts';
import { matchesId } from '../model/firmware/modalias.ts';
import { coloursOf, isIommu } from './colour.ts';
import type { Draft } from './draft.ts';
import { isKnown } from './normal-names.ts';
import type { Json } from './read-draft.ts';
import type { Subject } from './subject.ts';

/** A list that may be put in another order. */
export type Ordered = 'devices' | 'drivers' | 'modules' | 'steps';
export const ORDERED: readonly Ordered[] = ['devices', 'drivers', 'modules', 'steps'];

/**
 * Where the things of a list would stand: for each its number in the order of the normal form, two
 * that look the same in the order in which they are.
 */
export function ranksOf(draft: Draft, list: Ordered, subject: Subject): readonly number[] {
  const keys = keysOf(draft, list, subject);
  const order = keys
    .map((_, i) => i)
    .sort((a, b) => compare(keys[a] ?? '', keys[b] ?? '') || a - b);
  return keys.map((_, i) => order.indexOf(i));
}

/** The draft with the things of one list in the order of these positions of theirs. */
export function inOrder(draft: Draft, list: Ordered, order: readonly number[]): Draft {
  const sorted = <T>(things: readonly T[]): readonly T[] =>
    order.flatMap((at) => things.slice(at, at + 1));
  if (list === 'steps') return { ...draft, steps: sorted(draft.steps) };
  return { ...draft, machine: { ...draft.machine, [list]: sorted<unknown>(draft.machine[list]) } };
}

/** Keys that do not depend on names which will be exchanged. */
function keysOf({ machine, steps }: Draft, list: Ordered, { names }: Subject): readonly string[] {
  const { devices, drivers, modules } = machine;
  switch (list) {
    case 'devices': {
      const stimuli = steps.map(({ stimulus }) => stimulus);
      const colours = coloursOf(machine, [...drivers, ...stimuli]);
      return devices.map((spec) => {
        const colour = position(colours.get(spec.name) ?? 0);
        return `${deviceKey(spec, machine)} ${colour} ${Number(!names.includes(spec.name))}`;
      });
    }
    case 'drivers':
      return drivers.map((drv) => driverKey(drv, machine));
    case 'modules':
      return modules.map((one) => {
        const own = drivers.findIndex(({ module }) => module === one.name);
        return `${own < 0 ? 'z' : position(own)} ${nameless(one)}`;
      });
    case 'steps':
      return steps.map(({ stimulus }) => stepKey(stimulus));
  }
}

const position = (at: number): string => at.toString(16).padStart(4, '0');

/** Those above come first, IOMMUs before others, PCI functions by their address. */
function deviceKey(spec: DeviceSpec, machine: Machine): string {
  const role = isIommu(spec, machine) ? 0 : spec.pci === undefined ? 1 : 2;
  const address = spec.pci === undefined ? '' : spec.name;
  return [depthOf(spec, machine), role, address].join(' ');
}

function depthOf(spec: DeviceSpec, { devices }: Machine): number {
  let depth = 0;
  let above: DeviceSpec | undefined = spec;
  while (above !== undefined && depth < devices.length) {
    const { parent }: DeviceSpec = above;
    above = devices.find(({ name }) => name === parent);
    depth += 1;
  }
  return depth;
}

/** Those that the model knows come first, then those that match the first devices. */
function driverKey(drv: DriverSpec, { devices }: Machine): string {
  const first = devices.findIndex(
    ({ bus, ids }) =>
      bus === drv.bus && drv.ids.some((own) => ids.some((id) => matchesId(own, id))),
  );
  const known = isKnown(drv) ? drv.name : '~';
  return `${known} ${first < 0 ? 'z' : position(first)} ${nameless(drv)}`;
}

/** What user space does first stands first. */
const RANKS: readonly Stimulus['do'][] = [
  ...(['boot', 'device_add', 'driver_register', 'late_initcall'] as const),
  ...(['modprobe', 'insmod', 'rmmod', 'module_param', 'drivers_autoprobe'] as const),
  ...(['driver_override', 'new_id', 'remove_id', 'unbind', 'bind', 'drivers_probe'] as const),
  ...(['remove', 'rescan', 'plug', 'slot_power', 'group_type'] as const),
  ...(['vfio', 'vfio_ioctl', 'vfio_release', 'dma', 'page_alloc'] as const),
  ...(['deferred_probe_timeout', 'shutdown', 'together', 'meanwhile', 'note'] as const),
];

function stepKey(stimulus: Stimulus): string {
  const rank = RANKS.indexOf(stimulus.do).toString(16).padStart(2, '0');
  return `${rank} ${canonicalJson(stimulus)}`;
}

/** A thing as text, without its own name and those of others. */
function nameless(thing: Json): string {
  return canonicalJson(strip(thing));
}

const NAMES = ['name', 'parent', 'iommu', 'dev', 'drv', 'module', 'main', 'ids'];

function strip(value: Json): Json {
  if (Array.isArray(value)) return value.map(strip);
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(
    Object.entries(value).flatMap(([key, one]): [string, Json][] => {
      if (one === undefined) return [];
      return [[key, NAMES.includes(key) && one !== null ? '' : strip(one)]];
    }),
  );
}

const compare = (a: string, b: string): number => (a === b ? 0 : a < b ? -1 : 1);
