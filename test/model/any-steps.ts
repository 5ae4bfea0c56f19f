/** Arbitrary machines made of those of the scenarios, with hardware that they do not tell of, and steps on them. */
import { readdirSync, readFileSync } from 'node:fs';
import fc, { type Arbitrary } from 'fast-check';
import type { System } from '../../src/engine/run.ts';
import type { DeviceSpec, DriverSpec, Machine } from '../../src/events/machine.ts';
import { DMA_RANGE, type Stimulus, VFIO_CALLS } from '../../src/events/stimulus.ts';
import { tableOf } from '../../src/events/table.ts';
import { PATCH_NAMES, PROFILES } from '../../src/model/versions/profile.ts';
import { driverKnowledge } from '../../src/scenario/known-drivers.ts';
import { parseScenario } from '../../src/scenario/parse.ts';
import { deviceFields } from '../events/arbitrary.ts';

export interface Case {
  readonly system: System;
  readonly steps: readonly Stimulus[];
  readonly dice: readonly number[];
}

/** Where buffers, ranges of users and pictures of boot loaders are, and where nothing is. */
const ADDRESSES = [
  ...[0, 0x1000, 0x100000, 0x10ffff, 0x110000, 0x8000000, 0x40000000],
  ...[0x9d400000, 0x9dc00000, 0xfee00000, 0xffffe000, 0xfffff000, 2 ** 40],
];
const anAddress = fc.oneof(
  { weight: 5, arbitrary: fc.constantFrom(...ADDRESSES) },
  { weight: 1, arbitrary: fc.maxSafeNat() },
);
const aLength = fc.constantFrom(0x1000, 0x10000, 0x800000, 0xfff, 0);
const HOLDS = ['vm 1', 'vm 2'] as const;
const aHold = fc.constantFrom(...HOLDS);

function withChildren(devices: readonly DeviceSpec[]): readonly DeviceSpec[] {
  return devices.flatMap((device) => [device, ...withChildren(device.creates ?? [])]);
}

/** What a driver, a user and the kernel do to the devices of the core, step by step. */
function stepsOn(machine: Machine): Arbitrary<readonly Stimulus[]> {
  const devices = withChildren(machine.devices);
  const of = (names: readonly string[]) => fc.constantFrom(...names, 'nobody');
  const all = devices.map(({ name }) => name);
  const functions = devices.flatMap(({ name, pci }) => (pci === undefined ? [] : name));
  const aDevice = of(all);
  const aFunction = of(functions.length === 0 ? all : functions);
  const aModule = of(machine.modules.map(({ name }) => name));
  const aDriver = of(machine.drivers.map(({ name }) => name));
  const busOfDriver = (drv: string) => machine.drivers.find(({ name }) => name === drv)?.bus ?? '';
  const busOfDevice = (dev: string) => devices.find(({ name }) => name === dev)?.bus ?? '';
  const onDriver = (word: 'bind' | 'unbind') =>
    fc
      .tuple(aDriver, aDevice)
      .map(([drv, dev]): Stimulus => ({ do: word, bus: busOfDriver(drv), drv, dev }));
  const core = fc.oneof(
    aModule.map((module): Stimulus => ({ do: 'modprobe', module, params: '' })),
    fc
      .tuple(aModule, fc.boolean())
      .map(([module, force]): Stimulus => ({ do: 'rmmod', module, force })),
    onDriver('bind'),
    onDriver('unbind'),
    fc
      .tuple(aDevice, fc.option(aDriver))
      .map(([dev, drv]): Stimulus => ({ do: 'driver_override', bus: busOfDevice(dev), dev, drv })),
    aDevice.map((dev): Stimulus => ({ do: 'drivers_probe', bus: busOfDevice(dev), dev })),
    aDevice.map((dev): Stimulus => ({ do: 'remove', dev })),
    aFunction.map((dev): Stimulus => ({ do: 'remove', dev })),
    fc.constant<Stimulus>({ do: 'rescan', dev: null }),
    fc.constant<Stimulus>({ do: 'deferred_probe_timeout' }),
    fc
      .tuple(fc.nat(3), fc.constantFrom('identity', 'DMA', 'auto'))
      .map(([group, value]): Stimulus => ({ do: 'group_type', group, value })),
  );
  return fc.oneof(
    core.map((step) => [step]),
    memorySteps(aDevice).map((step) => [step]),
    assignment(aFunction, busOfDevice),
  );
}

/** Devices do DMA, users map and unmap memory for it, and the kernel takes some for itself. */
function memorySteps(aDevice: Arbitrary<string>): Arbitrary<Stimulus> {
  return fc.oneof(
    fc.record<Extract<Stimulus, { do: 'dma' }>>({
      do: fc.constant('dma'),
      dev: aDevice,
      addr: anAddress,
      write: fc.boolean(),
      cacheable: fc.boolean(),
    }),
    fc.record<Extract<Stimulus, { do: 'page_alloc' }>>({
      do: fc.constant('page_alloc'),
      start: anAddress,
      length: aLength,
    }),
    fc.record<Extract<Stimulus, { do: 'vfio_ioctl' }>>({
      do: fc.constant('vfio_ioctl'),
      hold: aHold,
      call: fc.oneof(
        fc.constantFrom<(typeof VFIO_CALLS)[number]>('MAP_DMA', 'UNMAP_DMA'),
        fc.constantFrom(...VFIO_CALLS),
      ),
      dev: fc.option(aDevice),
      iova: anAddress,
      size: aLength,
    }),
    aHold.map((hold): Stimulus => ({ do: 'vfio_release', hold })),
  );
}

/** A device goes to a user, who maps memory, has the device use it and may keep it. */
function assignment(
  aDevice: Arbitrary<string>,
  busOf: (dev: string) => string,
): Arbitrary<readonly Stimulus[]> {
  const use = fc.record({
    group: fc.constantFrom('0', '0', '1', '2'),
    dma: fc.boolean(),
    nodevice: fc.boolean(),
    nocontainer: fc.constantFrom(false, false, true),
    hold: fc.option(aHold),
    maps: fc.option(fc.array(fc.record({ iova: anAddress, size: aLength }), { maxLength: 2 }), {
      nil: undefined,
    }),
    iommufd: fc.constantFrom(undefined, undefined, 'fd'),
  });
  return fc
    .tuple(aDevice, use, fc.boolean(), anAddress, fc.boolean())
    .map(([dev, { iommufd, maps, ...given }, isOverridden, addr, write]) => {
      const bus = busOf(dev);
      const more = { ...(iommufd && { iommufd }), ...(maps && { maps }) };
      const mapped = maps?.[0]?.iova ?? DMA_RANGE.iova;
      const steps: Stimulus[] = [
        { do: 'modprobe', module: 'vfio_pci', params: '' },
        { do: 'modprobe', module: 'vfio_iommu_type1', params: '' },
        { do: 'unbind', bus, drv: '', dev },
        { do: 'driver_override', bus, dev, drv: isOverridden ? 'vfio-pci' : null },
        { do: 'drivers_probe', bus, dev },
        { do: 'vfio', dev, ...given, ...more },
        { do: 'dma', dev, addr: mapped, write, cacheable: true },
        { do: 'dma', dev, addr, write, cacheable: true },
      ];
      return steps;
    });
}

const { registers, stream_match_mask, context_irqs, contexts } = deviceFields;
const { vtd, amd_vi, viommu, snoops, dma_coherent } = deviceFields;
/** Of hardware that exists, or of none. */
const anId = fc.oneof(
  fc.constantFrom(
    { ID0: 0x7c013e80, ID1: 0xd0000040, ID2: 0x5555 },
    { ID0: 0x7c017e02, ID1: 0x80000002, ID2: 0x5555 },
    { ID0: 0x29005e80, ID1: 0x00800080, ID2: 0x5555 },
    { IDR0: 0x0d40101a, IDR1: 0x02730010, IDR3: 0x404, IDR5: 0x74 },
  ),
  registers,
);
const someMemory = fc.record(
  { start: anAddress, length: aLength, tables: fc.boolean(), reserved: fc.boolean() },
  { requiredKeys: ['start', 'length'] },
);
const regionOf = {
  type: fc.constantFrom('direct' as const, 'direct-relaxable' as const, 'reserved' as const),
  via: fc.constantFrom('rmr' as const, 'dt' as const, 'rmrr' as const, 'ivmd' as const),
};
const aRegion = fc.oneof(
  fc.record(regionOf),
  fc.record({ ...regionOf, start: anAddress, length: aLength }),
);

/** What a device of that kind has of its own, any part of it. */
function moreOf(device: DeviceSpec, names: readonly string[]): Arbitrary<Partial<DeviceSpec>> {
  const some = <T extends object>(fields: { [K in keyof T]: Arbitrary<T[K]> }) =>
    fc.record<T, never>(fields, { requiredKeys: [] });
  switch (device.iommu_kind) {
    case 'arm-smmu':
    case 'arm-smmu-v3':
      return some({ registers: anId, stream_match_mask, context_irqs, dma_coherent, snoops });
    case 'intel':
      return some({ vtd });
    case 'amd':
      return some({ amd_vi });
    case 'virtio-iommu':
      return some({ viommu });
    case 'ipmmu-vmsa':
      return some({
        ipmmu: some({ main: fc.constantFrom(...names), reserved_context: fc.boolean() }),
        contexts,
      });
    default:
      return some({
        boot_mapping: deviceFields.boot_mapping,
        reserved: fc.array(aRegion, { maxLength: 2 }),
        boot_memory: fc.array(someMemory, { maxLength: 2 }),
        snoops,
      });
  }
}

/** The machine, or one whose devices have more to them. */
function aMachineLike(machine: Machine): Arbitrary<Machine> {
  const names = machine.devices.map(({ name }) => name);
  const devices = machine.devices.map((device) =>
    moreOf(device, names).map((more): DeviceSpec => ({ ...device, ...more })),
  );
  const drivers = machine.drivers.map((driver) =>
    fc.boolean().map((maps_dma): DriverSpec => ({ ...driver, maps_dma })),
  );
  const described = fc
    .tuple(fc.tuple(...devices), fc.tuple(...drivers))
    .map(([list, other]): Machine => ({ ...machine, devices: list, drivers: other }));
  return fc.oneof(fc.constant(machine), described);
}

/** A user that holds its files has a name of its own; others of that name hold none. */
function heldOnce(steps: readonly Stimulus[]): readonly Stimulus[] {
  const held = new Set<string>();
  return steps.map((step) => {
    if (step.do !== 'vfio' || step.hold === null) return step;
    const isFirst = !held.has(step.hold);
    held.add(step.hold);
    return isFirst ? step : { ...step, hold: null };
  });
}

export const scenarios = readdirSync('scenarios').filter((file) => file.endsWith('.yaml'));

export const aCaseOf = (files: readonly string[]): Arbitrary<Case> =>
  fc.constantFrom(...files).chain((file) => {
    const text = readFileSync(`scenarios/${file}`, 'utf8');
    const { machine, kernel } = parseScenario(text, file, driverKnowledge);
    const patches = fc.array(fc.tuple(fc.constantFrom(...PATCH_NAMES), fc.boolean()), {
      maxLength: 8,
    });
    const aKernel = fc
      .tuple(fc.constantFrom(...PROFILES), patches)
      .map(([version, switched]) => ({ ...kernel, version, patches: tableOf(switched) }));
    const steps = fc
      .array(stepsOn(machine), { maxLength: 12 })
      .map((parts): Stimulus[] => [
        { do: 'boot' },
        ...heldOnce(parts.flat()),
        ...HOLDS.map((hold): Stimulus => ({ do: 'vfio_release', hold })),
      ]);
    return fc.record({
      system: fc.record({ machine: aMachineLike(machine), kernel: aKernel }),
      steps,
      dice: fc.array(fc.nat(9), { maxLength: 200 }),
    });
  });
