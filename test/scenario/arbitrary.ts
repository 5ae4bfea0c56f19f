/** Arbitrary scenarios: any that a file can say, however senseless. */
import fc, { type Arbitrary } from 'fast-check';
import type {
  Arch,
  BootStep,
  DeviceSpec,
  DriverSpec,
  KernelSpec,
  Machine,
} from '../../src/events/machine.ts';
import { tableOf } from '../../src/events/table.ts';
import { INVARIANTS } from '../../src/invariants/all.ts';
import { PATCH_NAMES } from '../../src/model/versions/profile.ts';
import type { Expectation, Scenario } from '../../src/scenario/scenario.ts';
import {
  aBootStep,
  aDevice,
  aDmarTable,
  aDriver,
  aKernel,
  aModule,
  aName,
  aRet,
  aStimulus,
  aText,
  someFailures,
} from '../events/arbitrary.ts';

/** A kernel with patches that there are. */
export const aKernelOfNames: Arbitrary<KernelSpec> = fc
  .tuple(aKernel, fc.dictionary(fc.constantFrom(...PATCH_NAMES), fc.boolean(), { maxKeys: 3 }))
  .map(([kernel, patches]) => ({ ...kernel, patches: tableOf(Object.entries(patches)) }));

/** A machine whose names are there once, and which names no device that it lacks. */
export const aMachineOfNames: Arbitrary<Machine> = fc
  .record(
    {
      firmware: fc.constantFrom<Machine['firmware']>('devicetree', 'acpi', 'none'),
      arch: fc.constantFrom<Arch>('arm', 'arm64'),
      dmar: aDmarTable,
      devices: fc.uniqueArray(aDevice, { maxLength: 4, selector: ({ name }) => name }),
      drivers: fc.uniqueArray(aDriver, {
        maxLength: 4,
        selector: ({ bus, name }) => JSON.stringify([bus, name]),
      }),
      modules: fc.uniqueArray(aModule, { maxLength: 3, selector: ({ name }) => name }),
      boot: fc.array(aBootStep, { maxLength: 3 }),
      failures: someFailures,
    },
    { requiredKeys: ['firmware', 'devices', 'drivers', 'modules', 'boot'] },
  )
  .map(withReferences);

/** The machine with every name of a device put for another: parents stand before their children. */
function withReferences(machine: Machine): Machine {
  const names: string[] = [];
  const all = namesIn(machine.devices);
  const one = (name: string, of: readonly string[]) => of[name.length % of.length] ?? name;
  const mend = (device: DeviceSpec): DeviceSpec => {
    const { name, parent, iommus, suppliers, iommu_map, creates } = device;
    const mended: DeviceSpec = {
      ...device,
      parent: parent === null || names.length === 0 ? null : one(parent, names),
      ...(iommus && { iommus: iommus.map((row) => ({ ...row, iommu: one(row.iommu, all) })) }),
      ...(suppliers && { suppliers: suppliers.map((supplier) => one(supplier, all)) }),
      ...(iommu_map && {
        iommu_map: iommu_map.map((row) => ({ ...row, iommu: one(row.iommu, all) })),
      }),
    };
    if (!names.includes(name)) names.push(name);
    return creates === undefined ? mended : { ...mended, creates: creates.map(mend) };
  };
  const devices = machine.devices.map(mend);
  const boot = machine.boot.flatMap((step): readonly BootStep[] => {
    if (all.length === 0) return 'dev' in step || 'iommu' in step ? [] : [step];
    if (step.step === 'device') return [{ ...step, dev: one(step.dev, all) }];
    return step.step === 'iommu' ? [{ ...step, iommu: one(step.iommu, all) }] : [step];
  });
  const drivers = machine.drivers.map((driver) => aboutDevices(driver, all));
  return { ...machine, devices, drivers, boot };
}

/** The driver with what it says of devices said of those that there are. */
function aboutDevices(driver: DriverSpec, names: readonly string[]): DriverSpec {
  const { outcomes, defers_on, defer_reasons } = driver;
  const about = <T>(table: Readonly<Record<string, T>>) =>
    tableOf(
      Object.values(table)
        .slice(0, names.length)
        .map((value, i) => [names[i] ?? '', value]),
    );
  return {
    ...driver,
    ...(outcomes && { outcomes: about(outcomes) }),
    ...(defers_on && { defers_on: about(defers_on) }),
    ...(defer_reasons && { defer_reasons: about(defer_reasons) }),
  };
}

function namesIn(devices: readonly DeviceSpec[]): readonly string[] {
  return devices.flatMap(({ name, creates = [] }) => [name, ...namesIn(creates)]);
}

const group = fc.nat(20);
const anInvariant = fc.constantFrom(...INVARIANTS.flatMap(({ id, code }) => [id, code]));

function anExpectation(steps: number): Arbitrary<Expectation> {
  const step = fc.integer({ min: 1, max: Math.max(1, steps) });
  const after = steps === 0 ? fc.constant(null) : fc.option(step);
  const kind = <K extends Expectation['kind']>(kind: K) => fc.constant(kind);
  const forms: Arbitrary<Expectation>[] = [
    fc.record({
      kind: kind('violation'),
      invariant: anInvariant,
      subject: fc.option<string>(aName),
    }),
    fc.record({ kind: kind('holds'), invariant: fc.option<string>(anInvariant) }),
    fc.record({ kind: kind('driver'), dev: aName, is: fc.option<string>(aName), after }),
    fc.record({ kind: kind('group'), dev: aName, is: fc.option<number>(group), after }),
    fc.record({ kind: kind('owner_cnt'), group, is: fc.integer(), after }),
    fc.record({ kind: kind('domain'), group, is: fc.constantFrom('DMA-FQ', null), after }),
    fc.record({ kind: kind('deferred'), dev: aName, is: fc.boolean(), after }),
    fc.record(
      {
        ...{ kind: kind('dma'), dev: aName, after },
        is: fc.constantFrom('bypassed', 'translated', 'faulted'),
        why: fc.constantFrom('stream', 'permission'),
        snooped: fc.boolean(),
      },
      { requiredKeys: ['kind', 'dev', 'is', 'after'] },
    ),
    fc.record({ kind: kind('prints'), text: aName }),
    fc.record({ kind: kind('silent'), text: aName }),
  ];
  if (steps > 0) {
    forms.push(fc.record({ kind: kind('returns'), step, ret: aRet }));
    forms.push(fc.record({ kind: kind('answers'), step, is: aName }));
  }
  return fc.oneof(...forms);
}

const aStory = fc.oneof(
  aText,
  fc
    .array(fc.oneof(aText, fc.constantFrom('', ' a', 'b ', '# c')), { maxLength: 5 })
    .map((lines) => lines.join('\n')),
);

export const aScenario: Arbitrary<Scenario> = fc.array(aStimulus, { maxLength: 6 }).chain((steps) =>
  fc.record({
    name: aName,
    title: aText,
    story: aStory,
    kernel: aKernelOfNames,
    machine: aMachineOfNames,
    steps: fc.constant(steps),
    choices: fc.array(fc.nat(9), { maxLength: 60 }),
    expect: fc.array(anExpectation(steps.length), { maxLength: 4 }),
  }),
);
