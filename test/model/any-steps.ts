/** Arbitrary machines made of those of the scenarios, with hardware that they do not tell of, and steps on them. */
import { readdirSync, readFileSync } from 'node:fs';
import fc, { type Arbitrary } from 'fast-check';
import type { System } from '../../src/engine/run.ts';
import type { DeviceSpec, DriverSpec, Machine } from '../../src/events/machine.ts';
import { type Stimulus, singlesOf } from '../../src/events/stimulus.ts';
import { someChoices } from '../../src/fuzz/any-choices.ts';
import { aKernel } from '../../src/fuzz/any-kernel.ts';
import { afterBoot } from '../../src/fuzz/any-steps.ts';
import { drawn } from '../../src/fuzz/drawn.ts';
import { sceneOf } from '../../src/fuzz/scene.ts';
import { type Stage, traffic } from '../../src/fuzz/stage.ts';
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

/** Everybody who holds files lets go of them in the end. */
function released(steps: readonly Stimulus[]): readonly Stimulus[] {
  const holds = steps
    .flatMap(singlesOf)
    .flatMap((step) => (step.do === 'vfio' && step.hold !== null ? step.hold : []));
  return [...steps, ...holds.map((hold): Stimulus => ({ do: 'vfio_release', hold }))];
}

/** Steps, between which devices do more DMA than they have to. */
function withTraffic(stage: Stage, size: number): readonly Stimulus[] {
  const { dice, scene } = stage;
  return afterBoot(dice, scene, size).flatMap((step) => [
    step,
    ...(dice.percent(30) ? traffic(stage, dice.pick(scene.guests)) : []),
  ]);
}

export const scenarios = readdirSync('scenarios').filter((file) => file.endsWith('.yaml'));

export const aCaseOf = (files: readonly string[]): Arbitrary<Case> =>
  fc.constantFrom(...files).chain((file) => {
    const text = readFileSync(`scenarios/${file}`, 'utf8');
    const { machine, kernel } = parseScenario(text, file, driverKnowledge);
    const scene = sceneOf(machine);
    const steps = drawn((dice) => [
      { do: 'boot' } as const,
      ...released(withTraffic({ dice, scene, users: [] }, 1 + dice.below(8))),
    ]);
    const { config, cmdline } = kernel;
    return fc.record({
      system: fc.record({
        machine: aMachineLike(machine),
        kernel: aKernel({ version: null, config, cmdline, patches: null }),
      }),
      steps,
      dice: someChoices(200),
    });
  });
