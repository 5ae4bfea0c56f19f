import { describe, expect, it } from 'vitest';
import { runAll } from '../../../src/engine/run.ts';
import type { DeviceSpec, DriverSpec, Machine } from '../../../src/events/machine.ts';
import type { Stimulus } from '../../../src/events/stimulus.ts';
import { device_get_dma_attr, snoops } from '../../../src/model/kernel/property.ts';
import { driverKnowledge } from '../../../src/scenario/known-drivers.ts';
import {
  ASSIGN_NIC,
  BOOT,
  kernel,
  NIC,
  NIC_GROUP,
  PORT,
  runSmall,
  SMMU,
  smallMachine,
  USE_NIC,
} from '../small-machine.ts';

const TYPE1: Stimulus = { do: 'modprobe', module: 'vfio_iommu_type1', params: '' };
const HAND_OVER = [...ASSIGN_NIC.slice(0, -1), TYPE1];
const HOLD: Stimulus = { ...USE_NIC, hold: 'vm' };
const LET_GO: Stimulus = { do: 'vfio_release', hold: 'vm' };
const GROUP = String(NIC_GROUP);

const known = (name: string, over: Partial<DriverSpec>): DriverSpec => {
  const driver = driverKnowledge.known?.(name);
  if (driver === undefined) throw new Error(`${name} is not known`);
  return { ...driver, ...over };
};

/** The small machine with a DMA controller behind the SMMU, on `bus`, that `drv` may have. */
function withDma(bus: string, drv: string, module: string): Machine {
  const { devices, drivers, modules, ...rest } = smallMachine();
  const dma: DeviceSpec = {
    name: 'dma0',
    bus,
    parent: null,
    ids: ['a,dma'],
    iommus: [{ iommu: SMMU, ids: [0x10000] }],
  };
  return {
    ...rest,
    devices: [...devices, dma],
    drivers: [...drivers, known(drv, { module })],
    modules: [...modules, { name: module, depends: ['vfio'] }],
  };
}

function takeDma(bus: string, drv: string, params: string) {
  const module = drv.replace('-', '_');
  return runAll({ machine: withDma(bus, drv, module), kernel: kernel() }, [
    BOOT,
    { do: 'modprobe', module, params },
    { do: 'driver_override', bus, dev: 'dma0', drv },
    { do: 'bind', bus, drv, dev: 'dma0' },
  ]).state;
}

describe('a user of VFIO', () => {
  it('holds its group until it is told to let go, and again under the same name', () => {
    const held = runSmall([...HAND_OVER, HOLD]).state;
    expect(held.groups[GROUP]).toMatchObject({ owner_cnt: 1, owner: `vfio_group ${GROUP}` });
    expect(held.vfio.open[NIC]).toBe('vm');
    const gone = runSmall([...HAND_OVER, HOLD, LET_GO]).state;
    expect(gone.groups[GROUP]).toMatchObject({ owner_cnt: 0, owner: null, domain: 'DMA' });
    const again = runSmall([...HAND_OVER, HOLD, LET_GO, HOLD]).state;
    expect(again.vfio.open[NIC]).toBe('vm');
  });

  it('leaves no module in use behind', () => {
    const { modules } = runSmall([...HAND_OVER, HOLD, LET_GO]).state;
    expect(modules['vfio_iommu_type1']?.holders).toEqual([]);
    expect(modules['vfio']?.holders.filter((by) => by.includes('vm'))).toEqual([]);
  });

  it('finds no device file before there are any', () => {
    const cdev: Stimulus = { ...USE_NIC, iommufd: 'one' };
    const calls = (version: string) =>
      runSmall([...HAND_OVER, cdev], {}, { version }).scheduler.events.flatMap(({ event }) =>
        event.type === 'syscall.returned' ? [event.ret] : [],
      );
    expect(calls('6.1')).toEqual([-2]);
    expect(calls('6.12')).toEqual([0, 0, 0]);
  });
});

describe('drivers of VFIO beside PCI', () => {
  it('take a platform device once it need not be reset, and an amba device at once', () => {
    expect(takeDma('platform', 'vfio-platform', '').devices['dma0']?.bound).toBe(false);
    const params = 'reset_required=0';
    expect(takeDma('platform', 'vfio-platform', params).devices['dma0']?.bound).toBe(true);
    const amba = takeDma('amba', 'vfio-amba', '');
    expect(amba.devices['dma0']).toMatchObject({ bound: true, driver: 'vfio-amba' });
    expect(amba.groups[String(amba.devices['dma0']?.iommu_group)]?.owner_cnt).toBe(0);
  });
});

describe('coherency', () => {
  const { kernel: k } = runSmall([BOOT], { coherentHost: true });

  it('is asked of a device without a firmware node in vain', () => {
    expect(device_get_dma_attr(k, SMMU)).toBe('COHERENT');
    expect(device_get_dma_attr(k, NIC)).toBe('NOT_SUPPORTED');
    expect(device_get_dma_attr(k, 'nobody')).toBe('NOT_SUPPORTED');
  });

  it('is in truth that of what a device hangs below, or not known', () => {
    expect([snoops(k, NIC), snoops(k, PORT)]).toEqual([true, true]);
    expect(snoops(runSmall([BOOT]).kernel, NIC)).toBeNull();
  });
});
