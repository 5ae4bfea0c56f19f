import { describe, expect, it } from 'vitest';
import { type Run, type RunOptions, runAll } from '../../../src/engine/run.ts';
import type { EventType, KernelEvent } from '../../../src/events/event.ts';
import type { DriverSpec } from '../../../src/events/machine.ts';
import type { Stimulus } from '../../../src/events/stimulus.ts';
import { tableOf } from '../../../src/events/table.ts';
import type { Kernel } from '../../../src/model/context.ts';
import { driver_register, driver_unregister } from '../../../src/model/kernel/bus.ts';
import type { Path } from '../../../src/model/path.ts';
import {
  BIND_NIC,
  BOOT,
  LEAKY,
  NIC,
  NIC_GROUP,
  runSmall,
  smallSystem,
  UNBIND_NIC,
} from '../small-machine.ts';

/** The types of the events about the card, without those named. */
function story(run: Run, leaveOut: readonly EventType[] = []): readonly string[] {
  return run.scheduler.events.flatMap(({ event }) =>
    'dev' in event && event.dev === NIC && !leaveOut.includes(event.type) ? [event.type] : [],
  );
}

function count(run: Run, type: EventType): number {
  return story(run).filter((one) => one === type).length;
}

const printed = (run: Run): readonly string[] =>
  run.scheduler.events.flatMap(({ event }) => (event.type === 'printk' ? [event.text] : []));
const ownerCount = (run: Run) => run.state.groups[NIC_GROUP]?.owner_cnt;
const rets = (run: Run) =>
  run.scheduler.events.flatMap(({ event, task }) =>
    event.type === 'task.finished' && /^sh-/.test(task) ? [event.ret] : [],
  );

describe('really_probe', () => {
  it('binds in the order of the kernel', () => {
    const run = runSmall([BOOT]);
    const from = story(run).indexOf('probe.matched');
    expect(story(run, ['printk']).slice(from - 1)).toEqual(
      expect.arrayContaining(['probe.matched', 'dma.configured', 'driver.probed', 'driver.bound']),
    );
    const order = [
      'probe.started',
      'owner.used',
      'dma.configured',
      'driver.probed',
      'driver.bound',
    ];
    const places = order.map((type) => story(run).indexOf(type));
    expect(places).toEqual([...places].sort((a, b) => a - b));
    expect(ownerCount(run)).toBe(1);
  });

  it('gives DMA ownership back when the probe fails, and says so', () => {
    const run = runSmall([BOOT], { outcomes: [-22] });
    expect(story(run)).toContain('probe.unwound');
    expect(run.state.devices[NIC]).toMatchObject({ driver: null, bound: false, owner_uses: 0 });
    expect(ownerCount(run)).toBe(0);
    expect(printed(run)).toContain(`e1000e: probe of ${NIC} failed with error -22`);
  });

  it('says it in the words of later kernels', () => {
    const run = runSmall([BOOT], { outcomes: [-22] }, { version: '6.12' });
    expect(printed(run)).toContain(`e1000e ${NIC}: probe with driver e1000e failed with error -22`);
  });

  it('says nothing when the driver does not want the device', () => {
    const run = runSmall([BOOT], { outcomes: [-19] });
    expect(printed(run).some((text) => text.includes('failed'))).toBe(false);
    expect(run.state.deferred.pending).toEqual([]);
  });

  it('defers, and binds when something else was bound', () => {
    const run = runSmall([BOOT], { outcomes: [-517, 0] });
    expect(count(run, 'deferred.added')).toBe(1);
    expect(run.state.devices[NIC]).toMatchObject({ bound: true, deferred: 'none', owner_uses: 1 });
    const bound = run.scheduler.events.find(
      ({ event }) => event.type === 'driver.bound' && event.dev === NIC,
    );
    expect(bound?.task).toBe('deferred_probe_work');
  });

  it('stays pending while the driver defers', () => {
    const run = runSmall([BOOT], { outcomes: [-517] });
    expect(run.state.deferred.pending).toEqual([NIC]);
    expect(ownerCount(run)).toBe(0);
  });

  it('probes twice with DEBUG_TEST_DRIVER_REMOVE, and counts once or twice', () => {
    const over = { config: LEAKY.config };
    expect(ownerCount(runSmall([BOOT], {}, over))).toBe(1);
    expect(ownerCount(runSmall([BOOT], {}, LEAKY))).toBe(2);
    expect(count(runSmall([BOOT], {}, over), 'driver.probed')).toBe(2);
  });
});

describe('binding by hand', () => {
  it('leaks one count with every bind of B-01', () => {
    const cycle: readonly Stimulus[] = [UNBIND_NIC, BIND_NIC];
    const after = (cycles: number) => {
      const stimuli = Array.from({ length: cycles }, () => cycle).flat();
      return ownerCount(runSmall([BOOT, ...stimuli], {}, LEAKY));
    };
    expect([0, 1, 2, 3].map(after)).toEqual([2, 3, 4, 5]);
    expect(ownerCount(runSmall([BOOT, UNBIND_NIC], {}, LEAKY))).toBe(1);
  });

  it('tells what went wrong', () => {
    const unknown: Stimulus = { do: 'bind', bus: 'pci', drv: 'nobody', dev: NIC };
    const run = runSmall([BOOT, BIND_NIC, UNBIND_NIC, UNBIND_NIC, BIND_NIC, unknown]);
    expect(rets(run)).toEqual([-16, 0, -19, 0, -2]);
  });

  it('turns a deferral into -EAGAIN and does not queue it', () => {
    const run = runSmall([BOOT, UNBIND_NIC, BIND_NIC], { outcomes: [0, -517] });
    expect(rets(run)).toEqual([0, -11]);
    expect(run.state.deferred.pending).toEqual([]);
  });
});

describe('an asynchronous driver', () => {
  it('probes in a task of its own, and the boot waits for it before the late initcalls', () => {
    const run = runSmall([BOOT], { asyncNic: true });
    const { events } = run.scheduler;
    const bound = events.findIndex(
      ({ event }) => event.type === 'driver.bound' && event.dev === NIC,
    );
    expect(events[bound]?.task).toBe(`async ${NIC}`);
    expect(bound).toBeLessThan(events.findIndex(({ event }) => event.type === 'deferred.enabled'));
  });

  const insmod = (params: string): Stimulus => ({ do: 'insmod', module: 'e1000e', params });
  /** Did the module's loading end after the card was bound? */
  const waited = (run: Run) => {
    const types = run.scheduler.events.map(({ event, task }) => `${task} ${event.type}`);
    const bound = types.indexOf(`async ${NIC} driver.bound`);
    expect(bound).toBeGreaterThan(0);
    return bound < types.indexOf('insmod-1 task.finished');
  };

  it('is waited for by its module, unless the module asked for it', () => {
    const options = { modularNic: true };
    expect(waited(runSmall([BOOT, insmod('')], { ...options, asyncNic: true }))).toBe(true);
    expect(waited(runSmall([BOOT, insmod('async_probe=1')], options))).toBe(false);
    const refused = runSmall([BOOT, insmod('async_probe=no')], options);
    expect(refused.state.devices[NIC]?.bound).toBe(true);
    expect(refused.scheduler.events.some(({ task }) => task.startsWith('async'))).toBe(false);
  });

  it('that is queued keeps other drivers off: they are not tried, even if its probe fails', () => {
    const system = smallSystem({ modularNic: true, asyncNic: true, outcomes: [-19] });
    const nic = system.machine.drivers.find(({ name }) => name === 'e1000e');
    const rival = { ...nic, name: 'rival', outcomes: tableOf([[NIC, [0]]]) } as DriverSpec;
    const machine = { ...system.machine, drivers: [...system.machine.drivers, rival] };
    const load = (options: RunOptions) =>
      runAll({ ...system, machine }, [BOOT, insmod('')], options).state.devices[NIC]?.driver;
    expect(load({})).toBe(null);
    const eager: RunOptions['choose'] = (runnable) =>
      Math.max(
        0,
        runnable.findIndex(({ name }) => name.startsWith('async')),
      );
    expect(load({ choose: eager })).toBe('rival');
  });

  it('is waited for before its driver goes', () => {
    const run = runSmall([BOOT], { modularNic: true, asyncNic: true });
    const spec = run.system.machine.drivers.find(({ name }) => name === 'e1000e');
    const started: KernelEvent = { type: 'task.started', stimulus: { do: 'note', text: '' } };
    run.scheduler.run('both', started, comesAndGoes(run.kernel, spec));
    const types = story(run, ['printk']);
    expect(types.lastIndexOf('driver.bound')).toBeGreaterThan(0);
    expect(types.at(-1)).toBe('driver.unbound');
    expect(run.state.devices[NIC]?.driver).toBe(null);
  });
});

function* comesAndGoes(k: Kernel, spec: DriverSpec | undefined): Path<number> {
  if (spec === undefined) return -1;
  yield* driver_register(k, spec);
  yield* driver_unregister(k, spec.bus, spec.name);
  return 0;
}
