// Tests which group a device that is no PCI function belongs to.
import { describe, expect, it } from 'vitest';
import { runAll } from '../../../src/engine/run.ts';
import type { DeviceSpec, DriverSpec, Machine } from '../../../src/events/machine.ts';
import { BOOT, kernel } from '../small-machine.ts';

const SMMU = '5000000.iommu';

function machine(ids: Readonly<Record<string, readonly number[]>>, v3 = false): Machine {
  const device = (name: string, over: Partial<DeviceSpec>): DeviceSpec => ({
    ...{ name, bus: 'platform', parent: null, ids: [] },
    ...over,
  });
  const driver = (name: string, id: string): DriverSpec => ({
    ...{ name, bus: 'platform', module: null, ids: [id], driver_managed_dma: false },
    ...{ suppress_bind_attrs: false, probe_type: 'default' },
  });
  const kind = v3 ? 'arm-smmu-v3' : 'arm-smmu';
  const clients = Object.entries(ids).map(([name, own]) =>
    device(name, { ids: ['client'], iommus: [{ iommu: SMMU, ids: own }] }),
  );
  return {
    firmware: 'devicetree',
    devices: [device(SMMU, { ids: [kind], iommu_kind: kind }), ...clients],
    drivers: [driver(kind, kind), driver('client', 'client')],
    modules: [],
    boot: [],
  };
}

function groups(ids: Readonly<Record<string, readonly number[]>>, v3 = false) {
  const { state } = runAll({ machine: machine(ids, v3), kernel: kernel() }, [BOOT]);
  return Object.fromEntries(
    Object.keys(ids).map((name) => [name, state.devices[name]?.iommu_group]),
  );
}

describe('behind an SMMU v2', () => {
  it('devices have groups of their own', () => {
    expect(groups({ a: [1], b: [2] })).toEqual({ a: 0, b: 1 });
  });

  it('devices that share a stream share a group', () => {
    expect(groups({ a: [1, 2], b: [2], c: [3] })).toEqual({ a: 0, b: 0, c: 1 });
  });

  it('a device whose streams belong to two groups is refused', () => {
    expect(groups({ a: [1], b: [2], c: [1, 2] })).toEqual({ a: 0, b: 1, c: null });
  });

  it('only the last stream brings its group', () => {
    expect(groups({ a: [1], b: [1, 2] })).toEqual({ a: 0, b: 1 });
  });
});

describe('behind an SMMU v3', () => {
  it('a stream has one device', () => {
    expect(groups({ a: [1], b: [1], c: [2] }, true)).toEqual({ a: 0, b: null, c: 1 });
  });
});
