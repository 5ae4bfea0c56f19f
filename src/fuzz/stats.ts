/** What drawn inputs are made of: how large, and how much of what. */
import type { DeviceSpec } from '../events/machine.ts';
import { singlesOf } from '../events/stimulus.ts';
import type { Inputs } from '../events/trace.ts';

export interface Spread {
  readonly least: number;
  readonly median: number;
  readonly most: number;
}

/** In how many of the inputs something occurs, by what it is. */
export type Counts = Readonly<Record<string, number>>;

export interface Stats {
  readonly inputs: number;
  readonly sizes: Readonly<Record<'devices' | 'drivers' | 'steps' | 'choices', Spread>>;
  readonly kernels: Counts;
  readonly firmware: Counts;
  readonly iommus: Counts;
  /** Traits of machines: bridges, ACS, modules, faults. */
  readonly traits: Counts;
  readonly steps: Counts;
}

/**
 * Sizes and shares of a sample. Cost: one pass.
 *
 * @returns sizes of 0 and no shares for an empty sample.
 */
export function statsOf(sample: readonly Inputs[]): Stats {
  const devices = sample.map(({ machine }) => flat(machine.devices));
  return {
    inputs: sample.length,
    sizes: {
      devices: spread(devices.map((list) => list.length)),
      drivers: spread(sample.map(({ machine }) => machine.drivers.length)),
      steps: spread(sample.map(({ stimuli }) => stimuli.length)),
      choices: spread(sample.map(({ choices }) => choices.length)),
    },
    kernels: countsOf(sample.map(({ kernel }) => [kernel.version])),
    firmware: countsOf(sample.map(({ machine }) => [machine.firmware])),
    iommus: countsOf(devices.map((list) => list.flatMap(({ iommu_kind }) => iommu_kind ?? []))),
    traits: countsOf(sample.map((inputs, i) => traitsOf(inputs, devices[i] ?? []))),
    steps: countsOf(
      sample.map(({ stimuli }) =>
        stimuli.flatMap((step) => [step.do, ...singlesOf(step).map((one) => one.do)]),
      ),
    ),
  };
}

const flat = (devices: readonly DeviceSpec[]): readonly DeviceSpec[] =>
  devices.flatMap((device) => [device, ...flat(device.creates ?? [])]);

function spread(values: readonly number[]): Spread {
  const sorted = values.toSorted((a, b) => a - b);
  const at = (i: number) => sorted[i] ?? 0;
  return { least: at(0), median: at(sorted.length >> 1), most: at(sorted.length - 1) };
}

/** The most frequent first; what occurs twice in one of the inputs counts once. */
function countsOf(words: readonly (readonly string[])[]): Counts {
  const counts = new Map<string, number>();
  for (const list of words)
    for (const word of new Set(list)) counts.set(word, (counts.get(word) ?? 0) + 1);
  return Object.fromEntries([...counts].sort(([, a], [, b]) => b - a));
}

function traitsOf(inputs: Inputs, devices: readonly DeviceSpec[]): readonly string[] {
  const { machine, kernel, choices } = inputs;
  const { drivers, modules, boot } = machine;
  const traits: Readonly<Record<string, boolean>> = {
    bridges: devices.some(({ pci }) => pci?.header === 1),
    ACS: devices.some(({ pci }) => pci?.acs_capable === true),
    'functions of one slot': devices.some(({ pci }) => pci?.multifunction === true),
    'conventional PCI': devices.some(({ pci }) => pci !== undefined && pci.pcie === null),
    suppliers: devices.some(({ suppliers = [] }) => suppliers.length > 0),
    'boot mappings': devices.some(({ boot_mapping }) => boot_mapping !== undefined),
    'reserved ranges': devices.some(({ reserved = [] }) => reserved.length > 0),
    'wrong wiring': devices.some(({ snoops }) => snoops !== undefined),
    '32-bit Arm': machine.arch === 'arm',
    modules: modules.length > 0,
    'asynchronous drivers': drivers.some(({ probe_type }) => probe_type === 'async'),
    'probes that fail': drivers.some(
      ({ outcomes, outcome }) => (outcomes ?? outcome) !== undefined,
    ),
    'allocations that fail': machine.failures !== undefined,
    'a given boot order': boot.length > 0,
    'a kernel with patches changed': Object.keys(kernel.patches).length > 0,
    'a kernel with options changed': Object.keys(kernel.config).length > 0,
    'a command line': kernel.cmdline !== '',
    'a schedule': choices.some((choice) => choice !== 0),
  };
  return Object.keys(traits).filter((name) => traits[name] === true);
}
