// Tests what user space gets back from files and system calls where the path to them matters.
import { describe, expect, it } from 'vitest';
import { assert } from '../../../src/assert.ts';
import { createRun } from '../../../src/engine/run.ts';
import type { DeviceSpec, Machine } from '../../../src/events/machine.ts';
import type { Stimulus } from '../../../src/events/stimulus.ts';
import { ASSIGN_NIC, BOOT, NIC, runSmall, SMMU, smallSystem, USE_NIC } from '../small-machine.ts';

const write = (file: 'bind' | 'unbind', drv: string, dev: string): Stimulus => ({
  do: file,
  bus: 'platform',
  drv,
  dev,
});

describe('bind and unbind', () => {
  it.each([
    ['bind', 'arm-smmu-v3', -13],
    ['unbind', 'arm-smmu-v3', -13],
    ['unbind', 'no-such-driver', -2],
  ] as const)('%s of %s gives %i', (file, drv, ret) => {
    const run = runSmall([BOOT, write(file, drv, SMMU)]);
    expect(run.scheduler.endOf(run.taskOf(1))).toEqual({ kind: 'returned', ret });
  });
});

describe('bind of a device whose match is put off', () => {
  const serial: DeviceSpec = {
    name: '2000000.serial',
    bus: 'amba',
    parent: null,
    ids: ['arm,primecell'],
    match_defers_on: ['1000000.clock'],
  };

  it.each([
    ['serial', 0],
    ['other', -19],
  ] as const)('%s gives %i: a match that is no refusal goes on', (drv, ret) => {
    const system = smallSystem({});
    const [like] = system.machine.drivers;
    assert(like !== undefined, 'the small machine has drivers');
    const own = { ...like, bus: 'amba', suppress_bind_attrs: false };
    const machine: Machine = {
      ...system.machine,
      devices: [drv === 'serial' ? serial : { ...serial, match_defers_on: [] }],
      drivers: [
        { ...own, name: 'serial', ids: ['arm,primecell'] },
        { ...own, name: 'other', ids: ['arm,other'] },
      ],
      boot: [],
    };
    const run = createRun({ ...system, machine });
    run.give(BOOT);
    run.give({ do: 'bind', bus: 'amba', drv, dev: serial.name });
    expect(run.scheduler.endOf(run.taskOf(1))).toEqual({ kind: 'returned', ret });
  });
});

describe('new_id', () => {
  const answerOf = (drv: string, ...ids: readonly string[]) => {
    const load: Stimulus = { do: 'modprobe', module: 'vfio_pci', params: '' };
    const writes = ids.map((id): Stimulus => ({ do: 'new_id', bus: 'pci', drv, id }));
    const run = runSmall([BOOT, load, ...writes]);
    return run.scheduler.endOf(run.taskOf(1 + ids.length));
  };

  it.each([
    ['e1000e', ['8086 10d3'], -17],
    ['e1000e', ['8086 10d3 1 2'], -17],
    ['e1000e', ['8086 10d3 ffffffff ffffffff 0 0 0'], 0],
    ['e1000e', ['8086 10d4'], 0],
    ['vfio-pci', ['8086 10d3'], 0],
    ['vfio-pci', ['8086 10d3', '8086 10d3'], -17],
    ['vfio-pci', ['8086 10d3 1 2', '8086 10d3'], 0],
    ['vfio-pci', ['8086 10d3', '8086 10d3 1 2'], -17],
    ['vfio-pci', ['8086:10d3'], -22],
  ] as const)('of %s with %j gives %i', (drv, ids, ret) => {
    expect(answerOf(drv, ...ids)).toEqual({ kind: 'returned', ret });
  });

  it('is not what `ids=` goes through: one given twice is added twice', () => {
    const params = 'ids=8086:10d3,8086:10d3';
    const run = runSmall([BOOT, { do: 'modprobe', module: 'vfio_pci', params }]);
    expect(run.state.buses['pci']?.drivers['vfio-pci']?.dynamic_ids).toHaveLength(2);
  });
});

describe('the driver link of a device', () => {
  const unbind: Stimulus = { do: 'unbind', bus: 'pci', drv: '', dev: NIC };

  it('leads to the unbind file of whichever driver is bound', () => {
    const run = runSmall([BOOT, unbind]);
    expect(run.scheduler.endOf(run.taskOf(1))).toEqual({ kind: 'returned', ret: 0 });
    expect(run.state.devices[NIC]?.driver).toBeNull();
  });

  it('is not there without a driver', () => {
    const run = runSmall([BOOT, unbind, unbind]);
    expect(run.scheduler.endOf(run.taskOf(2))).toEqual({ kind: 'returned', ret: -2 });
  });
});

describe('VFIO_SET_IOMMU', () => {
  const answers = (stimuli: readonly Stimulus[]) => {
    const run = runSmall(stimuli);
    const calls = run.scheduler.events.flatMap(({ event }) =>
      event.type === 'syscall.returned' && event.call === 'VFIO_SET_IOMMU' ? [event.ret] : [],
    );
    return { calls, end: run.scheduler.endOf(run.taskOf(stimuli.length - 1)) };
  };
  const type1: Stimulus = { do: 'modprobe', module: 'vfio_iommu_type1', params: '' };

  it('asks for one backend after the other, and gives up without one', () => {
    const { calls, end } = answers(ASSIGN_NIC);
    expect(calls).toEqual([-19, -19]);
    expect(end).toEqual({ kind: 'returned', ret: 5 });
  });

  it('succeeds with the backend loaded', () => {
    const { calls, end } = answers([...ASSIGN_NIC.slice(0, -1), type1, USE_NIC]);
    expect(calls).toEqual([0]);
    expect(end).toEqual({ kind: 'returned', ret: 0 });
  });
});

describe('an opaque PCI driver', () => {
  it('is bound when its probe answers with a positive number, and the kernel wonders', () => {
    const run = runSmall([BOOT], {}, {}, { oracle: (_dev, drv) => (drv === 'e1000e' ? 1 : null) });
    expect(run.state.devices[NIC]?.bound).toBe(true);
    const text = `e1000e ${NIC}: Driver probe function unexpectedly returned 1`;
    expect(run.scheduler.events.some(({ event }) => 'text' in event && event.text === text)).toBe(
      true,
    );
  });
});
