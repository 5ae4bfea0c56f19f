/** Telling devices apart without their names: by what they are, and by what refers to them and how. */
import { canonicalJson } from '../events/canonical.ts';
import type { DeviceSpec, Machine } from '../events/machine.ts';
import type { Json } from './read-draft.ts';
import { allDevices } from './subject.ts';

/** Further rounds tell no more apart in machines of this size. */
const ROUNDS = 3;

/**
 * A number for each device; two have the same where nothing but their names sets them apart. What
 * `others` says of a device counts, such as stimuli and drivers.
 *
 * Cost: three times through all text, with a sort each.
 */
export function coloursOf(machine: Machine, others: readonly Json[]): ReadonlyMap<string, number> {
  const devices = allDevices(machine.devices);
  let colours: ReadonlyMap<string, number> = new Map(devices.map(({ name }) => [name, 0]));
  for (let round = 0; round < ROUNDS; round += 1) {
    const texts = new Map(devices.map((spec) => [spec.name, [textOf(spec, colours)]]));
    for (const one of [...devices, ...others]) {
      const text = textOf(one, colours);
      for (const name of namesIn(one, colours)) texts.get(name)?.push(text);
    }
    const keys = new Map([...texts].map(([name, all]) => [name, all.sort().join('\n')]));
    const sorted = [...new Set(keys.values())].sort();
    colours = new Map([...keys].map(([name, key]) => [name, sorted.indexOf(key)]));
  }
  return colours;
}

/** Is the device what others call their IOMMU, or one that firmware calls so? */
export function isIommu({ name, iommu_kind }: DeviceSpec, { devices }: Machine): boolean {
  const isNamed = ({ iommu }: { readonly iommu: string }): boolean => iommu === name;
  return (
    iommu_kind !== undefined ||
    devices.some(({ iommus = [], iommu_map = [] }) => [...iommus, ...iommu_map].some(isNamed))
  );
}

/** A thing as text, with colours where it names devices and nothing where it names what is renamed. */
function textOf(thing: Json, colours: ReadonlyMap<string, number>): string {
  return canonicalJson(coloured(thing, colours));
}

const RENAMED = ['drv', 'module', 'ids', 'name', 'depends', 'group'];

function coloured(value: Json, colours: ReadonlyMap<string, number>): Json {
  if (typeof value === 'string') return colours.has(value) ? `#${colours.get(value)}` : value;
  if (Array.isArray(value)) return value.map((one: Json) => coloured(one, colours));
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(
    Object.entries(value).flatMap(([key, one]): [string, Json][] => {
      if (one === undefined) return [];
      const colour = colours.get(key);
      const name = colour === undefined ? key : `#${colour}`;
      return [[name, RENAMED.includes(key) ? '' : coloured(one, colours)]];
    }),
  );
}

/** Device names anywhere in a thing, as keys or as values, but for its own. */
function namesIn(thing: Json, known: ReadonlyMap<string, number>): readonly string[] {
  if (typeof thing === 'string') return known.has(thing) ? [thing] : [];
  if (typeof thing !== 'object' || thing === null) return [];
  if (Array.isArray(thing)) return thing.flatMap((one: Json) => namesIn(one, known));
  return Object.entries(thing).flatMap(([key, one]) =>
    key === 'name' ? [] : [...namesIn(key, known), ...namesIn(one, known)],
  );
}
