// The way down: every device once, the last one first, and no probe succeeds any more.
import { describe, expect, it } from 'vitest';
import { type Run, runAll } from '../../../src/engine/run.ts';
import type { DeviceSpec, DriverSpec } from '../../../src/events/machine.ts';
import { BIND_NIC, BOOT, kernel, NIC, PORT, runSmall, UNBIND_NIC } from '../small-machine.ts';

const REBOOT = { do: 'shutdown', how: 'reboot' } as const;

function shutDown(run: Run): readonly string[] {
  return run.scheduler.events.flatMap(({ event }) =>
    event.type === 'device.shutdown' ? [event.dev] : [],
  );
}

describe('device_shutdown', () => {
  it('takes the devices in the reverse order of their addition, and unbinds none', () => {
    const booted = runSmall([BOOT]);
    const run = runSmall([BOOT, REBOOT]);
    expect(shutDown(run)).toEqual(booted.state.devices_kset.toReversed());
    expect(shutDown(run).indexOf(NIC)).toBeLessThan(shutDown(run).indexOf(PORT));
    expect(run.state.devices_kset).toEqual([]);
    expect(run.state.devices[NIC]?.driver).toBe('e1000e');
    expect(run.state.devices[NIC]?.iommu_group).not.toBeNull();
  });

  it('takes what was deferred and tried again before what was added later', () => {
    const device = (name: string): DeviceSpec => ({
      name,
      bus: 'platform',
      parent: null,
      ids: [`lab,${name}`],
    });
    const driver = (name: string, over: Partial<DriverSpec>): DriverSpec => ({
      name: `${name}-drv`,
      bus: 'platform',
      module: null,
      ids: [`lab,${name}`],
      driver_managed_dma: false,
      suppress_bind_attrs: false,
      probe_type: 'default',
      ...over,
    });
    const machine = {
      firmware: 'none',
      devices: [device('user'), device('clock'), device('other')],
      drivers: [driver('user', { defers_on: { user: ['clock'] } }), driver('clock', {})],
      modules: [],
      boot: [],
    } as const;
    const run = runAll({ machine, kernel: kernel() }, [BOOT, REBOOT]);
    expect(shutDown(run)).toEqual(['user', 'other', 'clock']);
  });

  it('defers every probe from then on', () => {
    const run = runSmall([BOOT, UNBIND_NIC, REBOOT, BIND_NIC]);
    const end = run.scheduler.endOf(run.taskOf(3));
    expect(end).toEqual({ kind: 'returned', ret: -11 });
    expect(run.state.devices[NIC]?.driver).toBeNull();
  });
});
