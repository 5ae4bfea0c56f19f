// Tests IOMMU drivers that come as modules and go, and what they leave behind.
import { describe, expect, it } from 'vitest';
import { type Run, runAll } from '../../../src/engine/run.ts';
import type { Machine } from '../../../src/events/machine.ts';
import type { Stimulus } from '../../../src/events/stimulus.ts';
import { BOOT, kernel, NIC, PORT, runSmall, SMMU, smallMachine } from '../small-machine.ts';

const LOAD: Stimulus = { do: 'modprobe', module: 'arm_smmu_v3', params: '' };
const UNLOAD: Stimulus = { do: 'rmmod', module: 'arm_smmu_v3', force: false };
const RESCAN: Stimulus = { do: 'rescan', dev: null };
const remove = (dev: string): Stimulus => ({ do: 'remove', dev });
const OTHER: Stimulus = { do: 'modprobe', module: 'vfio', params: '' };

const printed = (run: Run): readonly string[] =>
  run.scheduler.events.flatMap(({ event }) => (event.type === 'printk' ? [event.text] : []));

/** The SMMU driver came, and went when nothing was left that it translated for. */
const GONE: readonly Stimulus[] = [BOOT, LOAD, remove(NIC), remove(PORT), UNLOAD];

describe('ops of an unloaded module', () => {
  it('stay on the buses, and using them is the end of the user', () => {
    const run = runSmall([...GONE, RESCAN], { modularSmmu: true });
    expect(run.state.oops).toBe('__iommu_probe_device');
    expect(run.scheduler.endOf(run.taskOf(5))).toEqual({ kind: 'dead' });
  });

  it('do no harm in kernels without ops of a bus', () => {
    const run = runSmall([...GONE, RESCAN], { modularSmmu: true }, { version: '6.12' });
    expect(run.state.oops).toBeNull();
    expect(run.state.devices[PORT]).toBeDefined();
  });

  it('are taken over when the module comes back to its place', () => {
    const run = runSmall([...GONE, LOAD, RESCAN], { modularSmmu: true });
    expect(run.state.devices[SMMU]?.bound).toBe(true);
    expect(run.state.devices[NIC]?.iommu_group).not.toBeNull();
  });

  it('refuse the module when its place was taken', () => {
    const run = runSmall([...GONE, OTHER, LOAD], { modularSmmu: true });
    expect(run.state.devices[SMMU]?.bound).toBe(false);
    expect(run.state.modules['arm_smmu_v3']?.state).toBe('live');
    expect(printed(run)).toContain(`arm-smmu-v3 ${SMMU}: Failed to register iommu`);
  });
});

describe('VT-d', () => {
  function virtualised(caching_mode: boolean): Machine {
    const small = smallMachine();
    const devices = small.devices.map((device) =>
      device.iommu_map !== undefined
        ? { ...device, bus: '', ids: [], iommu_map: [{ ...ROW, iommu: 'dmar0' }] }
        : device,
    );
    const unit = { name: 'dmar0', bus: '', parent: null, ids: [], iommu_kind: 'intel' as const };
    const boot: Machine['boot'] = [
      { step: 'populate' },
      { step: 'iommu', iommu: 'dmar0' },
      { step: 'late_initcall' },
    ];
    const all = [{ ...unit, caching_mode }, ...devices];
    return { ...small, firmware: 'acpi', devices: all, drivers: [], boot };
  }
  const ROW = { rid_base: 0, sid_base: 0, length: 0x10000 };
  const lazy = kernel({ config: { IOMMU_DEFAULT_DMA_LAZY: 'y' } });

  it.each([
    [true, 'DMA'],
    [false, 'DMA-FQ'],
  ])('in caching mode %s gives default domains of type %s', (caching_mode, type) => {
    const run = runAll({ machine: virtualised(caching_mode), kernel: lazy }, [BOOT]);
    expect(run.state.groups[0]?.default_domain).toBe(type);
    const said = printed(run).filter((text) => text.includes('batching disallowed'));
    expect(said).toHaveLength(caching_mode ? 1 : 0);
  });
});
