import { describe, expect, it } from 'vitest';
import type { Run } from '../../../src/engine/run.ts';
import type { EventType } from '../../../src/events/event.ts';
import type { Stimulus } from '../../../src/events/stimulus.ts';
import { BIND_NIC, BOOT, LEAKY, NIC, NIC_GROUP, runSmall, UNBIND_NIC } from '../small-machine.ts';

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
});
