/** Fields of devices, drivers, modules and stimuli that can be left out or have a simpler value. */
import { canonicalJson } from '../events/canonical.ts';

import type { DeviceSpec, Machine } from '../events/machine.ts';
import { type Stimulus, singlesOf } from '../events/stimulus.ts';
import { MAP_LENGTH } from '../scenario/machine.ts';
import { pciModalias } from '../scenario/pci.ts';
import type { Draft, DraftStep } from './draft.ts';
import type { FieldPart, JsonPath } from './part.ts';
import { type Json, readMachine, readStimulus } from './read-draft.ts';

/** What names a thing, says what kind it is, or is a part that is left out as a whole. */
const KEPT = ['name', 'bus', 'do', 'creates', 'parent', 'boot', 'firmware', 'kind', 'line'];

/** Values that say least, of fields that may have to be there. */
const NULLABLE = ['module', 'hold', 'drv', 'dev'];
const LEAST: Readonly<Record<string, string | number>> = {
  probe_type: 'default',
  params: '',
  drv: '',
  rid_base: 0,
  sid_base: 0,
  icid: 0,
  start: 0,
  addr: 0,
  iova: 0,
  nth: 1,
  length: 0x1000,
  size: 0x1000,
};

/** All that can be cut, fields of devices first; each alone gives a machine and stimuli again. */
export function fieldCuts({ machine, steps }: Draft): readonly FieldPart[] {
  const { devices, drivers, modules, arch, dmar, failures } = machine;
  const ofList = (key: string, list: readonly object[]): readonly FieldPart[] =>
    list.flatMap((one, i) => cutsOf(one, ['machine', key, i], (cut) => isMachine(key, cut)));
  const ofDevice = (spec: DeviceSpec, path: JsonPath): readonly FieldPart[] => [
    ...hoists(spec, path, devices),
    ...cutsOf(withoutAssumed(spec), path, isDevice),
    ...(spec.creates ?? []).flatMap((one, i) => ofDevice(one, [...path, 'creates', i])),
  ];
  const whole = {
    ...(arch === undefined ? {} : { arch }),
    ...(dmar === undefined ? {} : { dmar }),
    ...(failures === undefined ? {} : { failures }),
  };
  return [
    ...cutsOf(whole, ['machine'], (cut) => readMachine({ ...EMPTY, ...cut }) !== null),
    ...devices.flatMap((spec, i) => ofDevice(spec, ['machine', 'devices', i])),
    ...ofList('drivers', drivers),
    ...ofList('modules', modules),
    ...steps.flatMap(({ stimulus }, i) => [
      ...simpler(stimulus, ['steps', i]),
      ...cutsOf(stimulus, ['steps', i], (cut) => readStimulus(cut) !== null),
    ]),
  ];
}

const EMPTY: Machine = { firmware: 'none', devices: [], drivers: [], modules: [], boot: [] };
const isMachine = (key: string, one: object): boolean =>
  readMachine({ ...EMPTY, [key]: [one] }) !== null;

/** Registers are those of an IOMMU of some kind. */
const isDevice = (one: object): boolean =>
  isMachine('devices', one) && (!('registers' in one) || 'iommu_kind' in one);

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

/** What a boot does too is simpler as a boot, and what is done among other things alone. */
function simpler(stimulus: Stimulus, path: JsonPath): readonly FieldPart[] {
  const isOfBoot = ['device_add', 'driver_register', 'late_initcall'].includes(stimulus.do);
  if (isOfBoot) return [{ kind: 'field', path, to: { do: 'boot' } }];
  const isAmong = stimulus.do === 'meanwhile' || stimulus.do === 'together';
  if (!isAmong) return [];
  return singlesOf(stimulus).map((to) => ({ kind: 'field', path, to }));
}

/** The cuts inside one thing that leave it a thing of its kind. */
function cutsOf(
  thing: object,
  at: JsonPath,
  isOne: (cut: object) => boolean,
): readonly FieldPart[] {
  const cuts: FieldPart[] = [];
  const assumed = 'pci' in thing && !('ids' in thing) ? { ids: [] } : {};
  const consider = (path: JsonPath, to?: FieldPart['to']): boolean => {
    const cut = cutAt(thing, path, to);
    if (typeof cut !== 'object' || cut === null || !isOne({ ...assumed, ...cut })) return false;
    const full = [...at, ...path];
    cuts.push(to === undefined ? { kind: 'field', path: full } : { kind: 'field', path: full, to });
    return true;
  };
  const simplify = (name: string, value: Json, here: JsonPath): void => {
    if (NULLABLE.includes(name) && value !== null && consider(here, null)) return;
    const isLength = name === 'length' && here.includes('iommu_map');
    const to = value === true ? false : isLength ? MAP_LENGTH : LEAST[name];
    if (to !== undefined && to !== value && typeof to === typeof value) consider(here, to);
  };
  const walk = (value: Json, name: string, path: JsonPath): void => {
    if (typeof value !== 'object' || value === null) return;
    const isList = Array.isArray(value);
    for (const [key, inner] of Object.entries(value)) {
      if (!isList && KEPT.includes(key)) continue;
      const here = [...path, isList ? Number(key) : key];
      const under = isList ? name : key;
      // A flag that may be absent is absent, not false; a number can be one or the other.
      if (!consider(here) || typeof inner === 'number') simplify(under, inner, here);
      walk(inner, under, here);
    }
  };
  walk(thing, '', []);
  return cuts;
}

/** A copy without the value at the path, or with `to` in its place. */
function cutAt(value: Json, path: JsonPath, to?: Json): Json {
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
    return stimulus === null ? [] : [fitted(step, stimulus)];
  });
  if (read === null || steps.length < draft.steps.length) return null;
  return { ...draft, machine: read, steps };
}

/** What was cut out of several things takes their groups along. */
function fitted({ stimulus: old, groupOf }: DraftStep, stimulus: Stimulus): DraftStep {
  const before = singlesOf(old);
  if (before.length === 1) return { stimulus, groupOf };
  const texts = before.map((one) => canonicalJson(one));
  const same = singlesOf(stimulus).map((one) => texts.indexOf(canonicalJson(one)));
  return { stimulus, groupOf: same.map((at) => groupOf[at] ?? null) };
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
