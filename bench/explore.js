// Exploration beside Spin: devices that are bound at once, in groups of an SMMU, some of which are
// deferred at first. The same in Promela is explore.pml.

import { tableOf } from '../dist/events/table.js';
import { explore } from '../dist/explore/explore.js';

const SMMU = '5000000.iommu';

const driver = (name, ids, more = {}) => ({
  name,
  bus: 'platform',
  module: null,
  ids,
  driver_managed_dma: false,
  suppress_bind_attrs: false,
  probe_type: 'default',
  ...more,
});

/**
 * So many devices in so many groups, bound at once by as many programs; the first `deferred` of them
 * are asked to come again once.
 */
export function groupInputs(devices, groups, deferred) {
  const names = Array.from({ length: devices }, (_, n) => `${n + 1}000000.engine`);
  const drv = (dev) => `drv-${dev.split('.')[0]}`;
  const machine = {
    firmware: 'devicetree',
    devices: [
      {
        ...{ name: SMMU, bus: 'platform', parent: null, ids: ['arm,mmu-500'] },
        ...{ iommu_kind: 'arm-smmu', dma_coherent: true },
      },
      ...names.map((name, n) => ({
        ...{ name, bus: 'platform', parent: null, ids: [`vendor,${name}`] },
        iommus: [{ iommu: SMMU, ids: [0x10 + (n % groups)] }],
      })),
    ],
    drivers: [
      driver('arm-smmu', ['arm,mmu-500'], { suppress_bind_attrs: true }),
      ...names.map((name, n) =>
        driver(
          drv(name),
          [`vendor,${name}`],
          n < deferred ? { outcomes: tableOf([[name, [0, -517, 0]]]) } : {},
        ),
      ),
    ],
    modules: [],
    boot: [],
  };
  const bus = 'platform';
  return {
    kernel: { version: '6.12', release: null, config: {}, cmdline: '', patches: {} },
    machine,
    stimuli: [
      { do: 'driver_register', bus, drv: 'arm-smmu' },
      { do: 'device_add', dev: SMMU },
      { do: 'drivers_autoprobe', bus, on: false },
      ...names.map((dev) => ({ do: 'device_add', dev })),
      ...names.map((dev) => ({ do: 'driver_register', bus, drv: drv(dev) })),
      // Groups and links are made at the first bind: numbered by who is first, were it done at once.
      ...names.flatMap((dev) =>
        ['bind', 'unbind'].map((word) => ({ do: word, bus, drv: drv(dev), dev })),
      ),
      ...(deferred > 0 ? [{ do: 'late_initcall' }] : []),
      { do: 'together', steps: names.map((dev) => ({ do: 'drivers_probe', bus, dev })) },
    ],
    choices: [],
  };
}

/** Explores up to a number of schedules; counts are of the last stimulus, seconds of it all. */
export function explored(inputs, options) {
  const begun = performance.now();
  const walks = explore(inputs, options);
  let before = 0;
  let step = walks.next();
  for (; step.done !== true; step = walks.next())
    if (step.value.stimulus < inputs.stimuli.length - 1) before = step.value.states;
  const seconds = (performance.now() - begun) / 1000;
  return { ...step.value, states: step.value.states - before, seconds };
}
