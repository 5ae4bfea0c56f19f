// Tests how IOMMUs and buses find each other in kernels with bus_set_iommu, and what ends that.
import { describe, expect, it } from 'vitest';
import type { Run } from '../../../src/engine/run.ts';
import type { KernelEvent } from '../../../src/events/event.ts';
import type { KernelSpec } from '../../../src/events/machine.ts';
import type { Stimulus } from '../../../src/events/stimulus.ts';
import { bus_set_iommu, bus_unset_iommu } from '../../../src/model/kernel/bus-iommu.ts';
import { iommu_probe_device } from '../../../src/model/kernel/iommu.ts';
import type { Path } from '../../../src/model/path.ts';
import { PROFILES } from '../../../src/model/versions/profile.ts';
import { BOOT, NIC, PORT, runSmall, SMMU } from '../small-machine.ts';

const MODULAR = { modularSmmu: true, modularNic: true };
const load = (module: string): Stimulus => ({ do: 'modprobe', module, params: '' });
const LOAD = load('arm_smmu_v3');
const UNLOAD: Stimulus = { do: 'rmmod', module: 'arm_smmu_v3', force: false };
const V1 = { version: '5.4', patches: { smmu_module_v1: true } };
const OPS = 'arm-smmu-v3';

const eventsOf = <T extends KernelEvent['type']>(run: Run, type: T) =>
  run.scheduler.events.flatMap(({ event }) =>
    event.type === type ? [event as Extract<KernelEvent, { type: T }>] : [],
  );
const printed = (run: Run) => eventsOf(run, 'printk').map(({ text }) => text);
const NOTE = { type: 'task.started', stimulus: { do: 'note', text: 'a test' } } as const;

/** A run after its boot, with an SMMU, on the core's list, and two functions with the same ids. */
function withClashingClients(over: Partial<KernelSpec>) {
  const run = runSmall([BOOT], MODULAR, over);
  const registered = { type: 'iommu.registered', iommu: SMMU, ops: OPS, at: null } as const;
  run.scheduler.record({ ...registered, fwnode: true });
  run.scheduler.record({ type: 'driver.bound', dev: SMMU, drv: OPS });
  for (const dev of [PORT, NIC]) {
    run.scheduler.record({ type: 'dev_iommu.allocated', dev });
    run.scheduler.record({ type: 'fwspec.set', dev, iommu: SMMU, ids: [16] });
  }
  return { run, call: (path: Path<number>) => run.scheduler.run('test', NOTE, path) };
}

describe('a machine with a built-in SMMU', () => {
  it.each(PROFILES)('has groups with default domains on %s', (version) => {
    const { state } = runSmall([BOOT], {}, { version });
    for (const dev of [PORT, NIC]) {
      const group = state.groups[state.devices[dev]?.iommu_group ?? ''];
      expect(group?.devices).toEqual([dev]);
      expect(group?.domain).toBe('DMA');
      expect(group?.domain).toBe(group?.default_domain);
    }
  });
});

describe('bus_set_iommu', () => {
  it.each([
    ['5.4', ['pci', 'platform']],
    ['5.19', ['pci', 'platform']],
    ['6.1', ['platform', 'pci']],
  ])('on %s the ops of buses are set in the order %j', (version, buses) => {
    const run = runSmall([BOOT], {}, { version });
    expect(eventsOf(run, 'bus.iommu_ops').map(({ bus }) => bus)).toEqual(buses);
    expect(run.state.devices[NIC]?.iommu_group).not.toBeNull();
  });

  it('on 6.8 there are none', () => {
    const run = runSmall([BOOT], {}, { version: '6.8' });
    expect(eventsOf(run, 'bus.iommu_ops')).toEqual([]);
    expect(run.state.devices[NIC]?.iommu_group).not.toBeNull();
  });

  it.each([V1, { version: '5.10' }])('on %j fails with the first device that fails', (over) => {
    const { run, call } = withClashingClients(over);
    expect(call(bus_set_iommu(run.kernel, 'pci', OPS))).toEqual({ kind: 'returned', ret: -22 });
    // The one that had joined is out again, and nobody hears of the bus.
    expect(run.state.devices[PORT]?.iommu_group).toBeNull();
    expect(run.state.groups).toEqual({});
    expect(run.state.buses['pci']).toMatchObject({ iommu_ops: null, iommu_notifier: 0 });
  });

  it('refuses a bus that has ops, and to take them away before bus_ops_unset', () => {
    for (const [version, unset] of [
      ['5.4', -16],
      ['5.10', 0],
    ] as const) {
      const run = runSmall([BOOT], {}, { version });
      const call = (path: Path<number>) => run.scheduler.run('test', NOTE, path);
      expect(call(bus_set_iommu(run.kernel, 'pci', 'intel-iommu'))).toMatchObject({ ret: -16 });
      expect(call(bus_set_iommu(run.kernel, 'pci', null))).toMatchObject({ ret: unset });
      expect(run.state.buses['pci']?.iommu_ops).toBe(unset === 0 ? null : OPS);
      expect(run.state.buses['pci']?.iommu_notifier).toBe(1);
      expect(run.state.devices[NIC]?.iommu_group).not.toBeNull();
    }
  });

  it('refuses a module that came back elsewhere, which is all that its driver says', () => {
    const run = runSmall([BOOT, LOAD, UNLOAD, load('vfio'), LOAD], MODULAR, V1);
    expect(run.state.devices[SMMU]?.bound).toBe(false);
    expect(printed(run)).toContain(`${OPS}: probe of ${SMMU} failed with error -16`);
    expect(printed(run)).not.toContain(`${OPS} ${SMMU}: Failed to register iommu`);
  });
});

describe('bus_unset_iommu', () => {
  const JPB = { version: '5.4', patches: { bus_unset_iommu_jpb: true } };

  it('takes all devices out of their groups with the last user', () => {
    const run = runSmall([BOOT], {}, JPB);
    const call = (path: Path<number>) => run.scheduler.run('test', NOTE, path);
    expect(call(bus_set_iommu(run.kernel, 'pci', OPS))).toMatchObject({ ret: 0 });
    expect(run.state.buses['pci']?.iommu_notifier).toBe(2);
    expect(call(bus_unset_iommu(run.kernel, 'pci', 'intel-iommu'))).toMatchObject({ ret: -22 });
    expect(call(bus_unset_iommu(run.kernel, 'pci', OPS))).toMatchObject({ ret: 0 });
    expect(run.state.devices[NIC]?.iommu_group).not.toBeNull();
    expect(call(bus_unset_iommu(run.kernel, 'pci', OPS))).toMatchObject({ ret: 0 });
    expect(run.state.devices[NIC]?.iommu_group).toBeNull();
    expect(run.state.buses['pci']?.iommu_ops).toBeNull();
  });
});

describe('the module of an IOMMU driver', () => {
  it('is held once for each device in a group, from 5.6 on', () => {
    const loads = [BOOT, LOAD, load('e1000e')];
    const run = runSmall([...loads, UNLOAD], MODULAR, { version: '5.10' });
    expect(run.state.modules['arm_smmu_v3']?.holders).toEqual([NIC]);
    expect(run.scheduler.endOf(run.taskOf(3))).toEqual({ kind: 'returned', ret: -11 });
    expect(runSmall(loads, MODULAR, V1).state.modules['arm_smmu_v3']?.holders).toEqual([]);
  });

  it.each(['5.10', '6.1'])('takes no device any more when it goes, on %s', (version) => {
    const run = runSmall([BOOT, LOAD], MODULAR, { version });
    const fresh = NIC;
    expect(run.state.devices[fresh]?.iommu_group).toBeNull();
    run.scheduler.record({ type: 'dev_iommu.allocated', dev: fresh });
    run.scheduler.record({ type: 'fwspec.set', dev: fresh, iommu: SMMU, ids: [7] });
    run.scheduler.record({ type: 'module.going', module: 'arm_smmu_v3' });
    const end = run.scheduler.run('test', NOTE, iommu_probe_device(run.kernel, fresh));
    expect(end).toEqual({ kind: 'returned', ret: -22 });
    expect(run.state.devices[fresh]?.dev_iommu).toBe(false);
  });

  it('must be named as the owner of its ops once registration looks', () => {
    const patches = { smmu_module_v1: true };
    const run = runSmall([BOOT, LOAD], MODULAR, { version: '6.1', patches });
    expect(run.state.devices[SMMU]?.bound).toBe(false);
    expect(eventsOf(run, 'kernel.warned').map(({ at }) => at)).toContain('iommu_device_register');
    expect(printed(run)).toContain(`${OPS}: probe of ${SMMU} failed with error -22`);
  });

  it('is built in where the kernel has no option for it', () => {
    const run = runSmall([BOOT, UNLOAD], MODULAR, { version: '5.4' });
    expect(run.state.devices[SMMU]?.bound).toBe(true);
    expect(run.state.modules['arm_smmu_v3']).toBeUndefined();
    expect(run.scheduler.endOf(run.taskOf(1))).toEqual({ kind: 'returned', ret: -2 });
  });
});
