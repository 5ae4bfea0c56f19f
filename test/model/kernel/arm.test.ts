// DMA operations of 32-bit Arm, and what firmware left running behind an SMMU.
import { describe, expect, it } from 'vitest';
import type { DeviceSpec, DriverSpec } from '../../../src/events/machine.ts';
import { type Changes, runScenario } from '../scenario-run.ts';

type Run = ReturnType<typeof runScenario>;
const events = (run: Run) => run.scheduler.events.map(({ event }) => event);
const typesOf = (run: Run) => new Set(events(run).map(({ type }) => type));

describe('the mapping of an IPMMU', () => {
  const SPOILT = 'deferral-takes-the-ipmmu-mapping';

  it('counts itself and every device behind it', () => {
    const { state } = runScenario('deferral-spares-the-ipmmu-mapping');
    expect(Object.values(state.mappings)).toMatchObject([{ shared: true, kref: 3, context: 0 }]);
  });

  it('loses the reference of the IPMMU with that of the device that is torn down', () => {
    expect(Object.values(runScenario(SPOILT).state.mappings)).toMatchObject([{ kref: 1 }]);
  });

  it('is freed while the IPMMU points to it, and its count runs below zero', () => {
    const more = [{ do: 'unbind', bus: 'platform', drv: 'fcp', dev: 'fe970000.fcp' }] as const;
    const run = runScenario(SPOILT, { more });
    expect(Object.values(run.state.mappings)).toMatchObject([{ kref: 0, context: null }]);
    const warned = events(run).filter(({ type }) => type === 'kernel.warned');
    expect(warned).toMatchObject([{ at: 'arm_iommu_release_mapping' }]);
  });
});

describe('another architecture', () => {
  it('has none of these operations', () => {
    const run = runScenario('dma-configured-at-probe');
    const types = [...typesOf(run)].filter((type) => /^(?:dma_ops|mapping|smmu)\./.test(type));
    expect(types).toEqual([]);
  });
});

describe('the reset of an SMMU', () => {
  const twoStreams = (spec: DeviceSpec): DeviceSpec =>
    spec.iommus === undefined
      ? spec
      : { ...spec, iommus: spec.iommus.map((row) => ({ ...row, ids: [0x7c, 0x7d] })) };
  function reset(changes: Changes) {
    const run = runScenario('rmr-streams-bypass', changes);
    return events(run).find(({ type }) => type === 'smmu.reset');
  }

  it('keeps every reserved stream in the tables of v3', () => {
    expect(reset({ device: twoStreams })).toMatchObject({
      entries: [
        { index: 0x7c, id: 0x7c, does: 'bypass' },
        { index: 0x7d, id: 0x7d, does: 'bypass' },
      ],
    });
  });

  it('keeps what a device was attached to before', () => {
    const run = runScenario('qcom-readback-keeps-the-splash-screen');
    const smmu = run.state.smmus['15000000.iommu'];
    const entry = { id: 2176, mask: 0, does: 'bypass', context: null };
    expect(Object.values(smmu?.entries ?? {})).toEqual([expect.objectContaining(entry)]);
    expect(smmu?.unmatched).toBe('fault');
  });

  it('is followed by entries that go with their devices', () => {
    const unbind = {
      do: 'unbind',
      bus: 'platform',
      drv: 'arm-smmu',
      dev: '5000000.iommu',
    } as const;
    const kept = runScenario('direct-regions-mapped-before-the-attach');
    const entries = Object.values(kept.state.smmus['5000000.iommu']?.entries ?? {});
    expect(entries).toEqual([expect.objectContaining({ id: 32, does: 'translate' })]);
    const driver = (spec: DriverSpec) => ({ ...spec, suppress_bind_attrs: false });
    const changes = { more: [unbind], driver };
    const gone = runScenario('direct-regions-mapped-before-the-attach', changes);
    expect(gone.state.smmus['5000000.iommu']?.entries).toEqual({});
  });

  it('needs a machine that says what was left', () => {
    const device = ({ boot_mapping: _, reserved: __, ...spec }: DeviceSpec) => spec;
    const types = typesOf(runScenario('smmu-reset-cuts-the-splash-screen', { device }));
    expect(types.has('smmu.reset')).toBe(false);
  });
});
