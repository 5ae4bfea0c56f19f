/** Fields of devices, drivers, modules and stimuli that can be left out or have a simpler value. */

import { ReprobeError } from '../error.ts';
import { createInterner } from '../events/intern.ts';
import type { DeviceSpec, Machine } from '../events/machine.ts';
import { machineShape } from '../events/machine-shape.ts';
import { createReading } from '../events/shape.ts';
import type { Stimulus } from '../events/stimulus.ts';
import { stimulusShape } from '../events/stimulus-shape.ts';
import { pciModalias } from '../scenario/pci.ts';
import type { Draft } from './draft.ts';
import type { FieldPart, JsonPath } from './part.ts';

/** A value as JSON has it. */
export type Json = unknown;

/** What names a thing, says what kind it is, or is a part that is left out as a whole. */
const KEPT = ['name', 'bus', 'do', 'step', 'creates', 'parent', 'boot', 'firmware', 'kind'];

/** Fields that must be there, with the value that says least. */
const LEAST: Readonly<Record<string, string | null>> = {
  module: null,
  probe_type: 'default',
  params: '',
  hold: null,
  drv: null,
  dev: null,
};

/** All that can be cut, fields of devices first; each alone gives a machine and stimuli again. */
export function fieldCuts({ machine, steps }: Draft): readonly FieldPart[] {
  const { devices, drivers, modules, arch, dmar } = machine;
  const ofList = (key: string, list: readonly object[]): readonly FieldPart[] =>
    list.flatMap((one, i) => cutsOf(one, ['machine', key, i], (cut) => isMachine(key, cut)));
  const ofDevice = (spec: DeviceSpec, path: JsonPath): readonly FieldPart[] => [
    ...hoists(spec, path, devices),
    ...cutsOf(withoutAssumed(spec), path, (cut) => isMachine('devices', cut)),
    ...(spec.creates ?? []).flatMap((one, i) => ofDevice(one, [...path, 'creates', i])),
  ];
  const whole = {
    ...(arch === undefined ? {} : { arch }),
    ...(dmar === undefined ? {} : { dmar }),
  };
  return [
    ...cutsOf(whole, ['machine'], (cut) => readMachine({ ...EMPTY, ...cut }) !== null),
    ...devices.flatMap((spec, i) => ofDevice(spec, ['machine', 'devices', i])),
    ...ofList('drivers', drivers),
    ...ofList('modules', modules),
    ...steps.flatMap(({ stimulus }, i) =>
      cutsOf(stimulus, ['steps', i], (cut) => readStimulus(cut) !== null),
    ),
  ];
}

const EMPTY: Machine = { firmware: 'none', devices: [], drivers: [], modules: [], boot: [] };
const isMachine = (key: string, one: object): boolean =>
  readMachine({ ...EMPTY, [key]: [one] }) !== null;

/** The ids of a PCI function follow from its configuration space, unless they say otherwise. */
function withoutAssumed(spec: DeviceSpec): object {
  if (spec.pci === undefined || spec.ids.join() !== pciModalias(spec.pci)) return spec;
  const { ids: _, ...rest } = spec;
  return rest;
}

/** A device that is no PCI function can be put in the place of its parent. */
function hoists(
  { parent, pci }: DeviceSpec,
  path: JsonPath,
  devices: readonly DeviceSpec[],
): readonly FieldPart[] {
  if (parent === null || pci !== undefined || path.length !== 3) return [];
  const above = devices.find(({ name }) => name === parent)?.parent ?? null;
  return [{ kind: 'field', path: [...path, 'parent'], to: above }];
}

/** The cuts inside one thing that leave it a thing of its kind. */
function cutsOf(
  thing: object,
  at: JsonPath,
  isOne: (cut: object) => boolean,
): readonly FieldPart[] {
  const cuts: FieldPart[] = [];
  const consider = (path: JsonPath, to?: string | boolean | null): boolean => {
    const cut = cutAt(thing, path, to);
    if (typeof cut !== 'object' || cut === null || !isOne({ ...EMPTY_IDS, ...cut })) return false;
    const full = [...at, ...path];
    cuts.push(to === undefined ? { kind: 'field', path: full } : { kind: 'field', path: full, to });
    return true;
  };
  const EMPTY_IDS = 'pci' in thing && !('ids' in thing) ? { ids: [] } : {};
  const walk = (value: Json, path: JsonPath): void => {
    if (typeof value !== 'object' || value === null) return;
    const isList = Array.isArray(value);
    for (const [key, inner] of Object.entries(value)) {
      if (!isList && KEPT.includes(key)) continue;
      const here = [...path, isList ? Number(key) : key];
      if (!consider(here)) least(key, inner, here);
      walk(inner, here);
    }
  };
  const least = (key: string, value: Json, here: JsonPath): void => {
    const to = value === true ? false : LEAST[key];
    if (to !== undefined && to !== value) consider(here, to);
  };
  walk(thing, []);
  return cuts;
}

/** A copy without the value at the path, or with `to` in its place. */
export function cutAt(value: Json, path: JsonPath, to?: Json): Json {
  const [key, ...rest] = path;
  if (key === undefined || typeof value !== 'object' || value === null) return to;
  if (Array.isArray(value)) {
    if (rest.length === 0 && to === undefined) return value.filter((_, i) => i !== key);
    return value.map((one: unknown, i) => (i === key ? cutAt(one, rest, to) : one));
  }
  const entries = Object.entries(value).flatMap(([name, one]): [string, Json][] => {
    if (name !== key) return [[name, one]];
    const cut = cutAt(one, rest, to);
    return cut === undefined ? [] : [[name, cut]];
  });
  return Object.fromEntries(entries);
}

/** The draft with fields cut out; null where that is no machine and stimuli any more. */
export function withoutFields(draft: Draft, cuts: readonly FieldPart[]): Draft | null {
  if (cuts.length === 0) return draft;
  let machine: Json = draft.machine;
  let stimuli: Json = draft.steps.map(({ stimulus }) => stimulus);
  // Later items first, what is inside first: paths stay what they were.
  for (const { path, to } of cuts.toSorted((a, b) => comparePaths(b.path, a.path))) {
    const [root, ...rest] = path;
    if (root === 'machine') machine = cutAt(machine, rest, to);
    else stimuli = cutAt(stimuli, rest, to);
  }
  const read = readMachine(machine);
  const given = Array.isArray(stimuli) ? stimuli.map(readStimulus) : [];
  const steps = draft.steps.flatMap((step, i) => {
    const stimulus = given[i] ?? null;
    return stimulus === null ? [] : [{ ...step, stimulus }];
  });
  if (read === null || steps.length < draft.steps.length) return null;
  return { ...draft, machine: read, steps };
}

function comparePaths(a: JsonPath, b: JsonPath): number {
  for (const [i, key] of a.entries()) {
    const other = b[i];
    if (other === undefined) return 1;
    if (key === other) continue;
    if (typeof key === 'number' && typeof other === 'number') return key - other;
    return String(key) < String(other) ? -1 : 1;
  }
  return a.length - b.length;
}

export function readMachine(value: Json): Machine | null {
  return readWith(() => machineShape.read(value, 'machine', createReading(createInterner())));
}

export function readStimulus(value: Json): Stimulus | null {
  return readWith(() => stimulusShape.read(value, 'stimulus', createReading(createInterner())));
}

function readWith<T>(read: () => T): T | null {
  try {
    return read();
  } catch (error) {
    if (error instanceof ReprobeError) return null;
    throw error;
  }
}
