// Small systems in which two to four tasks meet, and all their schedules by brute force.
import fc, { type Arbitrary } from 'fast-check';
import type { DeviceSpec, DriverSpec, Machine } from '../../src/events/machine.ts';
import type { Concurrent, Stimulus } from '../../src/events/stimulus.ts';
import { tableOf } from '../../src/events/table.ts';
import type { Inputs } from '../../src/events/trace.ts';
import { estimateSchedules } from '../../src/explore/estimate.ts';
import { finalKey } from '../../src/explore/same-state.ts';
import { runChecked } from '../../src/invariants/checked-run.ts';
import { kernel } from '../model/small-machine.ts';

const SMMU = 'smmu';
const DEVICES = ['a', 'b', 'c'] as const;
type Name = (typeof DEVICES)[number];

const aDevice = (name: Name): Arbitrary<DeviceSpec> =>
  fc
    .record({
      isBehind: fc.boolean(),
      stream: fc.integer({ min: 1, max: 2 }),
      suppliers: fc.subarray(
        DEVICES.filter((other) => other !== name),
        { maxLength: 1 },
      ),
    })
    .map(({ isBehind, stream, suppliers }) => ({
      ...{ name, bus: 'platform', parent: null, ids: [`x,${name}`] },
      ...(isBehind ? { iommus: [{ iommu: SMMU, ids: [stream] }] } : {}),
      ...(suppliers.length === 0 ? {} : { suppliers }),
    }));

const aDriver = (name: Name): Arbitrary<DriverSpec> =>
  fc
    .record({
      probe_type: fc.constantFrom<DriverSpec['probe_type']>('default', 'async'),
      outcome: fc.constantFrom(0, 0, 0, -517, -19),
      first: fc.constantFrom(null, null, -517),
      isModule: fc.boolean(),
      others: fc.subarray(
        DEVICES.filter((other) => other !== name),
        { maxLength: 2 },
      ),
    })
    .map(({ probe_type, outcome, first, isModule, others }) => ({
      ...{ name: `drv-${name}`, bus: 'platform', ids: [name, ...others].map((id) => `x,${id}`) },
      ...{ module: isModule ? `mod_${name}` : null, probe_type, outcome },
      ...{ driver_managed_dma: false, suppress_bind_attrs: false },
      ...(first === null ? {} : { outcomes: tableOf([[name, [first, outcome]]]) }),
    }));

const SMMU_DEVICE: DeviceSpec = {
  ...{ name: SMMU, bus: 'platform', parent: null, ids: ['arm,smmu-v3'] },
  ...{ iommu_kind: 'arm-smmu-v3', dma_coherent: true },
};
const SMMU_DRIVER: DriverSpec = {
  ...{ name: 'arm-smmu-v3', bus: 'platform', module: null, ids: ['arm,smmu-v3'] },
  ...{ driver_managed_dma: false, suppress_bind_attrs: true, probe_type: 'default' },
};

const aMachine: Arbitrary<Machine> = fc
  .record({
    devices: fc.tuple(...DEVICES.map(aDevice)),
    drivers: fc.tuple(...DEVICES.map(aDriver)),
  })
  .map(({ devices, drivers }) => ({
    firmware: 'devicetree',
    devices: [SMMU_DEVICE, ...devices],
    drivers: [SMMU_DRIVER, ...drivers],
    modules: drivers.flatMap(({ module }) =>
      module === null ? [] : [{ name: module, depends: [] }],
    ),
    boot: [],
  }));

const bus = 'platform';
const aName = fc.constantFrom(...DEVICES, SMMU);
const aModule = fc.constantFrom(...DEVICES).map((name) => `mod_${name}`);
const drvOf = (name: string): string => (name === SMMU ? 'arm-smmu-v3' : `drv-${name}`);

/** What somebody does to such a machine, mostly to its first device. */
const aDevName = fc.constantFrom<Name>('a', 'a', 'a', 'b', 'c');
const anAction: Arbitrary<Concurrent> = fc.oneof(
  { weight: 2, arbitrary: aName.map((dev): Concurrent => ({ do: 'device_add', dev })) },
  {
    weight: 2,
    arbitrary: aName.map((name): Concurrent => ({ do: 'driver_register', bus, drv: drvOf(name) })),
  },
  {
    weight: 6,
    arbitrary: fc
      .record({ dev: aDevName, of: aDevName })
      .map(({ dev, of }): Concurrent => ({ do: 'bind', bus, drv: drvOf(of), dev })),
  },
  {
    weight: 4,
    arbitrary: aDevName.map((dev): Concurrent => ({ do: 'unbind', bus, drv: '', dev })),
  },
  { weight: 3, arbitrary: aDevName.map((dev): Concurrent => ({ do: 'drivers_probe', bus, dev })) },
  {
    weight: 2,
    arbitrary: aModule.map((module): Concurrent => ({ do: 'modprobe', module, params: '' })),
  },
  {
    weight: 2,
    arbitrary: aModule.map((module): Concurrent => ({ do: 'rmmod', module, force: false })),
  },
  {
    weight: 3,
    arbitrary: fc
      .record({ dev: aDevName, of: aDevName })
      .map(({ dev, of }): Concurrent => ({ do: 'driver_override', bus, dev, drv: drvOf(of) })),
  },
  { weight: 1, arbitrary: fc.constant<Concurrent>({ do: 'late_initcall' }) },
  { weight: 1, arbitrary: fc.constant<Concurrent>({ do: 'deferred_probe_timeout' }) },
);

/** Devices and drivers that are there from the start, by chance. */
const aSetup: Arbitrary<readonly Stimulus[]> = fc
  .record({
    hasSmmu: fc.boolean(),
    devices: fc.subarray([...DEVICES], { minLength: 1 }),
    drivers: fc.subarray([...DEVICES]),
    isDone: fc.boolean(),
    freed: fc.subarray([...DEVICES]),
  })
  .map(({ hasSmmu, devices, drivers, isDone, freed }) => [
    ...(hasSmmu ? [SMMU] : []).flatMap((dev): Stimulus[] => [
      { do: 'driver_register', bus, drv: drvOf(dev) },
      { do: 'device_add', dev },
    ]),
    ...devices.map((dev): Stimulus => ({ do: 'device_add', dev })),
    ...drivers.map((name): Stimulus => ({ do: 'driver_register', bus, drv: drvOf(name) })),
    ...(isDone ? [{ do: 'late_initcall' } as const] : []),
    ...freed.map((dev): Stimulus => ({ do: 'unbind', bus, drv: '', dev })),
  ]);

const someStimuli: Arbitrary<readonly Stimulus[]> = fc
  .record({
    before: aSetup,
    together: fc.array(anAction, { minLength: 2, maxLength: 3 }),
    after: fc.array(anAction, { maxLength: 1 }),
  })
  .map(({ before, together, after }) => [...before, { do: 'together', steps: together }, ...after]);

const aKernel = fc.constantFrom(
  kernel(),
  kernel({ version: '6.12' }),
  kernel({ version: '5.19', patches: { bus_dma_cleanup: false } }),
  kernel({
    config: { DEBUG_TEST_DRIVER_REMOVE: 'y' },
    patches: { test_remove_dma_cleanup: false },
  }),
  kernel({ patches: { ready_to_probe: false } }),
);

/** Things done to devices that differ in what they come to by who is first. */
const CONTESTED = ['a', 'b'] as const;
const aContested = fc.constantFrom(...CONTESTED);
const aDriverName = fc.constantFrom(...DEVICES).map(drvOf);
const aContest: Arbitrary<Concurrent> = fc.oneof(
  {
    weight: 3,
    arbitrary: fc
      .record({ dev: aContested, drv: aDriverName })
      .map(({ dev, drv }): Concurrent => ({ do: 'bind', bus, drv, dev })),
  },
  {
    weight: 2,
    arbitrary: aContested.map((dev): Concurrent => ({ do: 'unbind', bus, drv: '', dev })),
  },
  {
    weight: 3,
    arbitrary: aContested.map((dev): Concurrent => ({ do: 'drivers_probe', bus, dev })),
  },
  {
    weight: 9,
    arbitrary: fc
      .record({ dev: aContested, drv: aDriverName })
      .map(({ dev, drv }): Concurrent => ({ do: 'driver_override', bus, dev, drv })),
  },
  {
    weight: 3,
    arbitrary: fc.boolean().map((on): Concurrent => ({ do: 'drivers_autoprobe', bus, on })),
  },
  { weight: 1, arbitrary: fc.constant<Concurrent>({ do: 'device_add', dev: 'c' }) },
  { weight: 1, arbitrary: fc.constant<Concurrent>({ do: 'late_initcall' }) },
);

/** Two devices that no driver has, and three drivers that would take both. */
const aContestedSystem: Arbitrary<Inputs> = fc
  .record({
    machine: aMachine,
    kernel: aKernel,
    hasSmmu: fc.boolean(),
    isDone: fc.boolean(),
    contest: fc.array(aContest, { minLength: 2, maxLength: 3 }),
    after: fc.array(aContest, { maxLength: 1 }),
  })
  .map(({ machine, kernel, hasSmmu, isDone, contest, after }) => ({
    kernel,
    machine: {
      ...machine,
      devices: machine.devices.map(({ suppliers: _, ...device }) => device),
      drivers: machine.drivers.map((driver) =>
        driver.name === drvOf(SMMU)
          ? driver
          : { ...driver, module: null, ids: DEVICES.map((name) => `x,${name}`) },
      ),
    },
    stimuli: [
      ...(hasSmmu ? [SMMU] : []).flatMap((dev): Stimulus[] => [
        { do: 'driver_register', bus, drv: drvOf(dev) },
        { do: 'device_add', dev },
      ]),
      ...(isDone ? [{ do: 'late_initcall' } as const] : []),
      { do: 'drivers_autoprobe', bus, on: false },
      ...CONTESTED.map((dev): Stimulus => ({ do: 'device_add', dev })),
      ...DEVICES.map((name): Stimulus => ({ do: 'driver_register', bus, drv: drvOf(name) })),
      { do: 'together', steps: contest },
      ...after,
    ],
    choices: [],
  }));

export const aSmallSystem: Arbitrary<Inputs> = fc.oneof(
  { weight: 2, arbitrary: aContestedSystem },
  {
    weight: 1,
    arbitrary: fc
      .record({ machine: aMachine, stimuli: someStimuli, kernel: aKernel })
      .map((inputs) => ({ ...inputs, choices: [] })),
  },
);

/** What all schedules of some inputs come to. */
export interface AllOutcomes {
  readonly schedules: number;
  readonly finals: ReadonlySet<string>;
  readonly violations: ReadonlySet<string>;
}

/** Runs every schedule there is; null where there are more than `most`, or seem to be. */
export function bruteForce(inputs: Inputs, most: number): AllOutcomes | null {
  if (estimateSchedules(inputs, 10, 1).mean > 2 * most) return null;
  const finals = new Set<string>();
  const broken = new Set<string>();
  let choices: readonly number[] = [];
  for (let schedules = 1; schedules <= most; schedules += 1) {
    const widths: number[] = [];
    const { run, violations } = runChecked(
      { ...inputs, choices: [] },
      {
        eventsMax: 20_000,
        choose(runnable) {
          widths.push(runnable.length);
          return choices[widths.length - 1] ?? 0;
        },
      },
    );
    finals.add(finalKey(run));
    for (const { invariant, subject } of violations) broken.add(`${invariant} ${subject}`);
    const made = widths.map((_, n) => choices[n] ?? 0);
    while (made.length > 0 && (made.at(-1) ?? 0) + 1 >= (widths[made.length - 1] ?? 0)) made.pop();
    const last = made.pop();
    if (last === undefined) return { schedules, finals, violations: broken };
    choices = [...made, last + 1];
  }
  return null;
}
