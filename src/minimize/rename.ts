/** Names of a draft exchanged for others, wherever they stand. */
import { ALLOCATIONS } from '../events/machine.ts';
import type { Draft, DraftStep } from './draft.ts';
import { type Json, readMachine, readStimulus } from './read-draft.ts';
import type { OldNames } from './search.ts';
import type { Subject } from './subject.ts';

/** Old names and the new ones, by what they name. PCI buses are named too: `0000:01`. */
export interface Names {
  readonly device: ReadonlyMap<string, string>;
  readonly driver: ReadonlyMap<string, string>;
  readonly module: ReadonlyMap<string, string>;
  readonly bus: ReadonlyMap<string, string>;
}

type Named = keyof Names;

/** What the value of a key names, whichever thing it is a key of. */
const NAMED_BY: Readonly<Record<string, Named>> = {
  dev: 'device',
  parent: 'device',
  iommu: 'device',
  main: 'device',
  suppliers: 'device',
  match_defers_on: 'device',
  child_suppliers: 'device',
  defers_on: 'device',
  drv: 'driver',
  module: 'module',
  depends: 'module',
};
/** Tables whose keys are devices. */
const OF_DEVICES: readonly string[] = ['outcomes', 'defers_on', 'defer_reasons', ...ALLOCATIONS];
/** What the things of a list are. */
const LISTS: Readonly<Record<string, Named>> = {
  devices: 'device',
  creates: 'device',
  drivers: 'driver',
  modules: 'module',
};

/**
 * The draft with all names exchanged. Its schedule becomes numbers, as names of tasks do not last.
 *
 * @returns null where that is no machine.
 */
export function renamed(draft: Draft, choices: readonly number[], names: Names): Draft | null {
  const machine = readMachine(rename(draft.machine, '', null, names));
  if (machine === null) return null;
  const steps = draft.steps.map((step) => stepRenamed(step, names));
  return { ...draft, machine, steps, schedule: { kind: 'choices', choices } };
}

/** Steps with the names of devices exchanged. */
export function stepsRenamed(
  steps: readonly DraftStep[],
  device: ReadonlyMap<string, string>,
): readonly DraftStep[] {
  const names: Names = { device, driver: new Map(), module: new Map(), bus: new Map() };
  return steps.map((step) => stepRenamed(step, names));
}

function stepRenamed({ stimulus, groupOf }: DraftStep, names: Names): DraftStep {
  return {
    stimulus: readStimulus(rename(stimulus, '', null, names)) ?? stimulus,
    groupOf: groupOf.map((dev) => (dev === null ? null : nameIn(dev, 'device', names))),
  };
}

/** The subject under its new name. */
export function renamedSubject({ kind, names: old }: Subject, names: Names): Subject {
  const isOfDevices = kind === 'device' || kind === 'group';
  return { kind, names: isOfDevices ? old.map((name) => nameIn(name, 'device', names)) : old };
}

/** What things were called at first, by the names they have now. */
export function renamedFrom(was: OldNames, names: Names): OldNames {
  const composed = (kind: keyof OldNames): ReadonlyMap<string, string> => {
    const old = new Map(was[kind]);
    for (const name of names[kind].keys()) old.delete(name);
    for (const [name, now] of names[kind]) old.set(now, was[kind].get(name) ?? name);
    return old;
  };
  return { device: composed('device'), driver: composed('driver'), module: composed('module') };
}

function nameIn(name: string, what: Named, names: Names): string {
  if (what === 'module') return names.module.get(name.replaceAll('-', '_')) ?? name;
  const found = names[what].get(name);
  if (found !== undefined || what !== 'device') return found ?? name;
  return names.bus.get(name) ?? name;
}

/** A line that the kernel prints, with the names in it exchanged. */
function lineIn(line: string, { device, driver }: Names): string {
  const all = new Map([...driver, ...device]);
  const words = line.split(/(?<=[\s'])|(?=[\s'])|(?=: )|(?=:$)|(?=,)/);
  return words.map((word) => all.get(word) ?? word).join('');
}

/** `of` is what the things in this list are; `key` is the key that the value stands under. */
function rename(value: Json, key: string, of: Named | null, names: Names): Json {
  if (typeof value === 'string') {
    if (key === 'line') return lineIn(value, names);
    const what = key === 'name' ? of : NAMED_BY[key];
    return what === undefined || what === null ? value : nameIn(value, what, names);
  }
  if (typeof value !== 'object' || value === null) return value;
  if (Array.isArray(value)) return value.map((one: Json) => rename(one, key, of, names));
  const isTable = OF_DEVICES.includes(key);
  return Object.fromEntries(
    Object.entries(value).map(([name, one]) =>
      isTable
        ? [nameIn(name, 'device', names), rename(one, key, of, names)]
        : [name, rename(one, name, LISTS[name] ?? of, names)],
    ),
  );
}
