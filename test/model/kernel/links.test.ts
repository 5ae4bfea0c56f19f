// Tests what holds a consumer back and what lets it go: suppliers, cycles, the deferred timeout.
import { describe, expect, it } from 'vitest';
import { runAll } from '../../../src/engine/run.ts';
import type { DeviceSpec, DriverSpec, Machine } from '../../../src/events/machine.ts';
import type { Stimulus } from '../../../src/events/stimulus.ts';
import { tableOf } from '../../../src/events/table.ts';
import { BOOT, kernel } from '../small-machine.ts';

const device = (name: string, suppliers: readonly string[] = []): DeviceSpec => ({
  name,
  bus: 'platform',
  parent: null,
  ids: [`test,${name}`],
  suppliers,
});

const driver = (name: string, over: Partial<DriverSpec> = {}): DriverSpec => ({
  name,
  bus: 'platform',
  module: null,
  ids: [`test,${name}`],
  driver_managed_dma: false,
  suppress_bind_attrs: false,
  probe_type: 'default',
  ...over,
});

function machine(devices: readonly DeviceSpec[], drivers: readonly DriverSpec[]): Machine {
  const modules = drivers.flatMap((d) =>
    d.module === null ? [] : [{ name: d.module, depends: [] }],
  );
  return { firmware: 'devicetree', devices, drivers, modules, boot: [] };
}

const run = (of: Machine, ...stimuli: Stimulus[]) =>
  runAll({ machine: of, kernel: kernel() }, [BOOT, ...stimuli]);
const TIMEOUT: Stimulus = { do: 'deferred_probe_timeout' };

describe('a supplier without a driver', () => {
  const system = machine([device('clock'), device('user', ['clock'])], [driver('user')]);

  it('holds its consumer back', () => {
    const { state } = run(system);
    expect(state.devices['user']).toMatchObject({
      bound: false,
      deferred: 'pending',
      deferred_reason: 'platform: supplier clock not ready',
    });
  });

  it('holds nobody back once the timeout has run, and its link goes with the binding', () => {
    const { state, scheduler } = run(system, TIMEOUT);
    expect(state.devices['user']?.bound).toBe(true);
    expect(state.links).toEqual([]);
    expect(scheduler.events.map(({ event }) => event.type)).toContain('link.flags');
  });

  it('keeps its link when its driver has been seen', () => {
    const defers = driver('clock', { outcome: -517 });
    const { state } = run(machine(system.devices, [defers, driver('user')]), TIMEOUT);
    expect(state.devices['user']?.bound).toBe(false);
    expect(state.links).toMatchObject([
      { consumer: 'user', flags: ['AUTOPROBE_CONSUMER', 'MANAGED', 'INFERRED'] },
    ]);
  });
});

describe('a cycle', () => {
  it('holds none of its devices back', () => {
    const devices = [device('a', ['b']), device('b', ['c']), device('c', ['a'])];
    const { state } = run(machine(devices, [driver('a'), driver('b'), driver('c')]));
    for (const name of ['a', 'b', 'c']) expect(state.devices[name]?.bound).toBe(true);
  });

  it('does not let a device go that only depends on it', () => {
    const devices = [device('a', ['b']), device('b', ['a']), device('d', ['a'])];
    const { state } = run(machine(devices, [driver('b'), driver('d')]));
    expect(state.devices['b']?.bound).toBe(true);
    expect(state.devices['d']?.bound).toBe(false);
  });
});

describe('the user of what a module provides', () => {
  const regulator = driver('regulator', { module: 'fixed' });
  const user = driver('user', { defers_on: tableOf([['user', ['regulator']]]) });
  const system = machine([device('regulator'), device('user')], [user, regulator]);
  const load: Stimulus = { do: 'modprobe', module: 'fixed', params: '' };

  it('waits for it, then keeps the module from being unloaded', () => {
    const { state } = run(system, load, { do: 'rmmod', module: 'fixed', force: false });
    expect(state.devices['user']?.bound).toBe(true);
    expect(state.modules['fixed']?.holders).toEqual(['user uses regulator']);
  });

  it('lets go of it with its own driver', () => {
    const unbind: Stimulus = { do: 'unbind', bus: 'platform', drv: 'user', dev: 'user' };
    const { state } = run(system, load, unbind, { do: 'rmmod', module: 'fixed', force: false });
    expect(state.modules['fixed']).toBeUndefined();
  });
});
