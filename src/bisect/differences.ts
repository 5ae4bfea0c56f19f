/** What differs between the inputs of two runs, in the smallest pieces that can be had one by one. */
import { type Change, diffStates } from '../engine/diff.ts';
import { canonicalJson } from '../events/canonical.ts';
import type { BootStep, KernelSpec, Machine } from '../events/machine.ts';
import { describeStimulus, type Stimulus } from '../events/stimulus.ts';
import type { Inputs } from '../events/trace.ts';
import { isPatchName, parseCmdline, patchesOf } from '../model/versions/profile.ts';
import { type ListChange, listWith, type MergedList, mergeLists } from './merged-list.ts';
import { withParts } from './parts.ts';

export type Difference =
  | {
      readonly kind: 'patch' | 'config' | 'parameter';
      readonly name: string;
      readonly from: unknown;
      readonly to: unknown;
    }
  /** A property of the machine, or of one of its devices, drivers or modules. */
  | {
      readonly kind: 'property';
      readonly of: string;
      readonly path: readonly string[];
      readonly from: unknown;
      readonly to: unknown;
    }
  /** Something of a list came, went, stands elsewhere or was replaced. */
  | {
      readonly kind: 'device' | 'driver' | 'module' | 'boot' | 'step';
      readonly change: ListChange<unknown>['kind'];
      readonly what: string;
      readonly by: string | null;
    }
  | { readonly kind: 'schedule' };

/** Two inputs and the differences between them. */
export interface Apart {
  readonly differences: readonly Difference[];
  /** The first inputs with some of the differences; with all of them they run as the second. */
  readonly mixed: (some: ReadonlySet<Difference>) => Inputs;
}

/** Things of the machine that have a name. */
type Named = Machine['devices'][number] | Machine['drivers'][number] | Machine['modules'][number];

/**
 * Takes two inputs apart. Releases differ by their patches; steps, devices and the rest of lists are
 * laid over each other, so that an order is a difference too.
 */
export function differencesBetween(first: Inputs, second: Inputs): Apart {
  const kernel = ofKernels(first.kernel, second.kernel);
  const devices = ofNamed('device', first.machine.devices, second.machine.devices);
  const drivers = ofNamed('driver', first.machine.drivers, second.machine.drivers);
  const modules = ofNamed('module', first.machine.modules, second.machine.modules);
  const boot = ofList('boot', first.machine.boot, second.machine.boot, canonicalJson, bootWords);
  const stimuli = ofSteps(first.stimuli, second.stimuli);
  const rest = ofProperties('machine', restOf(first.machine), restOf(second.machine));
  const isSame = canonicalJson(first.choices) === canonicalJson(second.choices);
  const schedule: Difference = { kind: 'schedule' };
  const pieces = [kernel, rest, devices, drivers, modules, boot, stimuli];
  return {
    differences: [...pieces.flatMap((piece) => piece.differences), ...(isSame ? [] : [schedule])],
    mixed: (some) => ({
      kernel: kernel.mixed(some),
      machine: {
        ...rest.mixed(some),
        devices: devices.mixed(some),
        drivers: drivers.mixed(some),
        modules: modules.mixed(some),
        boot: boot.mixed(some),
      },
      stimuli: stimuli.mixed(some),
      choices: some.has(schedule) ? second.choices : first.choices,
    }),
  };
}

/** A part of the inputs taken apart. */
interface Piece<T> {
  readonly differences: readonly Difference[];
  readonly mixed: (some: ReadonlySet<Difference>) => T;
}

function restOf(machine: Machine): Omit<Machine, 'devices' | 'drivers' | 'modules' | 'boot'> {
  const { devices: _devices, drivers: _drivers, modules: _modules, boot: _boot, ...rest } = machine;
  return rest;
}

function ofKernels(first: KernelSpec, second: KernelSpec): Piece<KernelSpec> {
  const [a, b] = [patchesOf(first), patchesOf(second)];
  const names = [...new Set([...a, ...b])].filter((name) => a.has(name) !== b.has(name));
  const patches = names.map(
    (name): Difference => ({ kind: 'patch', name, from: a.has(name), to: b.has(name) }),
  );
  const config = diffStates(first.config, second.config).map(
    ({ path, before, after }): Difference => ({
      ...{ kind: 'config', name: path.join('.'), from: before, to: after },
    }),
  );
  const [given, wanted] = [parseCmdline(first.cmdline), parseCmdline(second.cmdline)];
  const parameters = [...new Set([...given.keys(), ...wanted.keys()])]
    .filter((name) => given.get(name) !== wanted.get(name))
    .map((name): Difference => {
      return { kind: 'parameter', name, from: given.get(name), to: wanted.get(name) };
    });
  const mixed = (some: ReadonlySet<Difference>): KernelSpec => {
    const spec = { ...first, patches: { ...first.patches }, config: { ...first.config } };
    const params = new Map(given);
    for (const one of some) {
      if (one.kind === 'patch' && isPatchName(one.name)) spec.patches[one.name] = one.to === true;
      if (one.kind === 'config' && one.to === undefined) delete spec.config[one.name];
      if (one.kind === 'config' && one.to !== undefined) spec.config[one.name] = String(one.to);
      if (one.kind === 'parameter' && one.to === undefined) params.delete(one.name);
      if (one.kind === 'parameter' && one.to !== undefined) params.set(one.name, String(one.to));
    }
    const isSame = [...params].join('\0') === [...given].join('\0');
    return { ...spec, cmdline: isSame ? first.cmdline : cmdlineOf(params) };
  };
  return { differences: [...patches, ...config, ...parameters], mixed };
}

function cmdlineOf(params: ReadonlyMap<string, string>): string {
  return [...params]
    .map(([name, value]) => {
      if (value === '') return name;
      return `${name}=${/\s/.test(value) ? `"${value}"` : value}`;
    })
    .join(' ');
}

/** A list of things with names, of which those that both have may differ in their properties. */
function ofNamed<T extends Named>(
  kind: 'device' | 'driver' | 'module',
  first: readonly T[],
  second: readonly T[],
): Piece<readonly T[]> {
  const keyOf = (thing: T): string => ('bus' in thing ? `${thing.bus} ${thing.name}` : thing.name);
  const list = ofList(kind, first, second, keyOf, ({ name }) => name);
  const others = new Map(second.map((thing) => [keyOf(thing), thing]));
  const pieces = new Map<string, Piece<T>>();
  for (const thing of first) {
    const other = others.get(keyOf(thing));
    if (other !== undefined)
      pieces.set(keyOf(thing), ofProperties(`${kind} ${thing.name}`, thing, other));
  }
  return {
    differences: [...list.differences, ...[...pieces.values()].flatMap((one) => one.differences)],
    mixed: (some) =>
      list.mixed(some).map((thing) => pieces.get(keyOf(thing))?.mixed(some) ?? thing),
  };
}

function ofProperties<T extends object>(of: string, first: T, second: T): Piece<T> {
  const changes: readonly Change[] = diffStates(first, second);
  const differences = changes.map(({ path, before, after }): Difference => {
    return { kind: 'property', of, path, from: before, to: after };
  });
  return {
    differences,
    mixed: (some) => {
      const parts = changes.filter((_, i) => {
        const difference = differences[i];
        return difference !== undefined && some.has(difference);
      });
      return parts.length === 0 ? first : withParts(first, parts);
    },
  };
}

function ofSteps(first: readonly Stimulus[], second: readonly Stimulus[]) {
  const kindOf = (step: Stimulus) => `${step.do} ${'dev' in step ? step.dev : ''}`;
  return ofList('step', first, second, canonicalJson, describeStimulus, kindOf);
}

function ofList<T>(
  kind: 'device' | 'driver' | 'module' | 'boot' | 'step',
  first: readonly T[],
  second: readonly T[],
  keyOf: (item: T) => string,
  words: (item: T) => string,
  kindOf: (item: T) => string = keyOf,
): Piece<readonly T[]> {
  const merged: MergedList<T> = mergeLists(first, second, keyOf, kindOf);
  const differences = merged.changes.map((change): Difference => {
    const what = words(change.item);
    const by = change.kind === 'replaced' ? words(change.by) : null;
    if (change.kind !== 'replaced' || by !== what) return { kind, change: change.kind, what, by };
    return { kind, change: change.kind, what, by: fieldsOf(change.item, change.by) };
  });
  return {
    differences,
    mixed: (some) => {
      const on = differences.flatMap((difference, i) => (some.has(difference) ? [i] : []));
      return listWith(merged, new Set(on));
    },
  };
}

/** What differs between two things that are said in the same words. */
function fieldsOf(before: unknown, after: unknown): string {
  return diffStates(before, after)
    .map((one) => `${one.path.join('.')} ${turned({ from: one.before, to: one.after })}`)
    .join(', ');
}

function bootWords(step: BootStep): string {
  switch (step.step) {
    case 'device':
      return `device ${step.dev}`;
    case 'driver':
      return `driver ${step.drv}`;
    case 'iommu':
      return `IOMMU ${step.iommu}`;
    default:
      return step.step;
  }
}

/** A difference in one line: `device 5000000.iommu: dma_coherent on -> off`. */
export function describeDifference(difference: Difference): string {
  switch (difference.kind) {
    case 'schedule':
      return 'the schedule';
    case 'patch':
      return `${difference.to === true ? 'with' : 'without'} patch ${difference.name}`;
    case 'config':
      return `CONFIG_${difference.name}: ${turned(difference)}`;
    case 'parameter':
      return `parameter ${difference.name}: ${turned(difference)}`;
    case 'property':
      return `${difference.of}: ${difference.path.join('.')} ${turned(difference)}`;
    default: {
      const { kind, change, what, by } = difference;
      return `${kind} ${change}: ${what}${by === null ? '' : ` -> ${by}`}`;
    }
  }
}

function turned({ from, to }: { readonly from: unknown; readonly to: unknown }): string {
  return `${word(from)} -> ${word(to)}`;
}

function word(value: unknown): string {
  if (value === undefined || value === '') return value === '' ? 'set' : 'absent';
  return typeof value === 'string' ? value : JSON.stringify(value);
}
