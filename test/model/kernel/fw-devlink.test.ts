// Tests what firmware makes wait and what lets it go: suppliers, cycles, the deferred timeout.
import { describe, expect, it } from 'vitest';
import { runAll } from '../../../src/engine/run.ts';
import type { DeviceSpec, DriverSpec, KernelSpec, Machine } from '../../../src/events/machine.ts';
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
const runUnder = (over: Partial<KernelSpec>, of: Machine, ...stimuli: Stimulus[]) =>
  runAll({ machine: of, kernel: kernel(over) }, [BOOT, ...stimuli]);
type Ran = ReturnType<typeof run>;
const printed = ({ scheduler }: Ran) =>
  scheduler.events.flatMap(({ event }) => (event.type === 'printk' ? [event.text] : []));
/** The links as they were made: consumer, supplier, flags without MANAGED. */
const linked = ({ scheduler }: Ran) =>
  scheduler.events.flatMap(({ event }) =>
    event.type === 'link.added'
      ? [[event.consumer, event.supplier, ...event.flags.filter((f) => f !== 'MANAGED')]]
      : [],
  );
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

describe('the words for a cycle', () => {
  const devices = [device('a', ['b']), device('b', ['a'])];
  const both = machine(devices, [driver('a'), driver('b')]);

  it('name the nodes since 6.3', () => {
    const lines = printed(run(both)).filter((text) => text.includes('cycl'));
    expect(lines).toEqual([
      '/a: Fixed dependency cycle(s) with /b',
      '/b: Fixed dependency cycle(s) with /a',
    ]);
  });

  it('named the devices before, where a link could not be made', () => {
    const old = runUnder({ version: '5.15' }, both);
    const lines = printed(old).filter((text) => text.includes('cycl'));
    expect(lines).toEqual(['platform b: Fixing up cyclic dependency with a']);
    expect(linked(old)).toEqual([
      ['a', 'b', 'AUTOPROBE_CONSUMER', 'INFERRED'],
      ['b', 'a', 'SYNC_STATE_ONLY', 'INFERRED'],
    ]);
    for (const name of ['a', 'b']) expect(old.state.devices[name]?.bound).toBe(true);
  });

  it('did not exist before fw_devlink held anything back: the second link was refused', () => {
    const oldest = runUnder({ version: '5.10', cmdline: 'fw_devlink=on' }, both);
    expect(printed(oldest).filter((text) => text.includes('cycl'))).toEqual([]);
    expect(linked(oldest)).toEqual([['a', 'b', 'AUTOPROBE_CONSUMER', 'INFERRED']]);
  });
});

describe('a node without a device', () => {
  const line = device('gpio');
  const keys = { ...device('keys'), child_suppliers: ['gpio'] };
  const drivers = [driver('gpio'), driver('keys', { module: 'keys' })];
  const load: Stimulus = { do: 'modprobe', module: 'keys', params: '' };

  it.each([
    ['before', [line, keys]],
    ['after', [keys, line]],
  ])('has what is above it keep its supplier from sync_state; added %s it', (_when, devices) => {
    const sane = run(machine(devices, drivers));
    expect(linked(sane)).toEqual([['keys', 'gpio', 'SYNC_STATE_ONLY', 'INFERRED']]);
    expect(sane.state.links).toMatchObject([{ status: 'AVAILABLE' }]);
    expect(run(machine(devices, drivers), load).state.links).toEqual([]);
  });

  it('is left to the bound driver above it once its supplier comes', () => {
    const late = [driver('gpio', { module: 'gpio' }), driver('keys')];
    const ran = run(machine([keys, line], late), { do: 'modprobe', module: 'gpio', params: '' });
    expect(ran.state.devices['keys']?.bound).toBe(true);
    expect(ran.state.devices['gpio']?.bound).toBe(true);
    expect(printed(ran).filter((text) => text.includes('Failed'))).toEqual([]);
  });

  it('is stood for by the bound device above it, where others need it', () => {
    const chip = device('chip');
    const cell = { ...device('cell'), parent: 'chip', bus: '' };
    const user = device('user', ['cell']);
    const bound = run(machine([user, chip, cell], [driver('user'), driver('chip')]));
    expect(linked(bound)).toEqual([['user', 'chip', 'AUTOPROBE_CONSUMER', 'INFERRED']]);
    expect(bound.state.devices['user']?.bound).toBe(true);
    const unbound = run(machine([user, chip, cell], [driver('user')]));
    expect(unbound.state.devices['user']?.deferred_reason).toBe('platform: wait for supplier cell');
  });
});

describe('suppliers that firmware names', () => {
  const off = { ...device('clock'), disabled: true };

  it('do not count where they are disabled', () => {
    const { state } = run(machine([off, device('user', ['clock'])], [driver('user')]));
    expect(state.devices['user']?.bound).toBe(true);
  });

  it('make no links under ACPI, nor with fw_devlink=off', () => {
    const devices = [device('clock'), device('user', ['clock'])];
    const of = machine(devices, [driver('user')]);
    for (const made of [
      run({ ...of, firmware: 'acpi' }),
      runUnder({ cmdline: 'fw_devlink=off' }, of),
      runUnder({ version: '5.5' }, of),
    ]) {
      expect(linked(made)).toEqual([]);
      expect(made.state.devices['user']?.bound).toBe(true);
    }
  });

  it.each([
    ['5.10', ['SYNC_STATE_ONLY', 'INFERRED']],
    ['6.1', ['AUTOPROBE_CONSUMER', 'INFERRED']],
    ['6.8', ['PM_RUNTIME', 'AUTOPROBE_CONSUMER', 'INFERRED']],
  ])('in %s make links with the flags %s', (version, flags) => {
    const of = machine([device('clock'), device('user', ['clock'])], []);
    expect(linked(runUnder({ version }, of))).toEqual([['user', 'clock', ...flags]]);
  });
});

describe('sync_state', () => {
  const clock = driver('clock', { sync_state: true });
  const devices = [device('clock'), device('user', ['clock']), device('other', ['clock'])];
  const load = (module: string): Stimulus => ({ do: 'modprobe', module, params: '' });
  const calls = ({ scheduler }: Ran) =>
    scheduler.events.filter(({ event }) => event.type === 'device.sync_state').length;

  it('waits for the last consumer, and is called once', () => {
    const drivers = [clock, driver('user'), driver('other', { module: 'other' })];
    const of = machine(devices, drivers);
    expect(calls(run(of))).toBe(0);
    const bound = run(of, load('other'));
    expect(calls(bound)).toBe(1);
    expect(bound.state.devices['clock']?.state_synced).toBe(true);
    const unbind: Stimulus = { do: 'unbind', bus: 'platform', drv: 'user', dev: 'user' };
    const bind: Stimulus = { do: 'bind', bus: 'platform', drv: 'user', dev: 'user' };
    expect(calls(run(of, load('other'), unbind, bind))).toBe(1);
  });

  it('waits for the end of the boot', () => {
    const { scheduler } = run(machine(devices, [clock, driver('user'), driver('other')]));
    const types = scheduler.events.map(({ event }) => event.type);
    expect(types.indexOf('device.sync_state')).toBeGreaterThan(types.indexOf('initcalls.done'));
  });

  it('waits on where the supplier loses its driver and gets it back', () => {
    const drivers = [clock, driver('user'), driver('other', { module: 'other' })];
    const unbind: Stimulus = { do: 'unbind', bus: 'platform', drv: 'clock', dev: 'clock' };
    const bind: Stimulus = { do: 'bind', bus: 'platform', drv: 'clock', dev: 'clock' };
    const again = run(machine(devices, drivers), unbind, bind);
    expect(again.state.devices['user']?.bound).toBe(true);
    expect(calls(again)).toBe(0);
    expect(calls(run(machine(devices, drivers), unbind, bind, load('other')))).toBe(1);
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
