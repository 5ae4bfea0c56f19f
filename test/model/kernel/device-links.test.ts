// Goal: device links are made, merged, moved and dropped as drivers/base/core.c does it. Method: the
// paths run one by one on a state that is put together by events; each step they yield is folded.
import { describe, expect, it } from 'vitest';
import { createCalls } from '../../../src/engine/calls.ts';
import type { KernelEvent } from '../../../src/events/event.ts';
import type { LinkFlag, LinksStatus } from '../../../src/events/terms.ts';
import type { Kernel } from '../../../src/model/context.ts';
import { device_is_dependent, device_link_add } from '../../../src/model/kernel/device-link.ts';
import { flagBits } from '../../../src/model/kernel/device-link-facts.ts';
import {
  device_links_busy,
  device_links_check_suppliers,
  device_links_driver_bound,
  device_links_driver_cleanup,
  device_links_no_driver,
  device_links_purge,
  device_links_unbind_consumers,
} from '../../../src/model/kernel/device-links.ts';
import { kernelOps } from '../../../src/model/kernel/ops.ts';
import { type Path, rootFrame, type Step } from '../../../src/model/path.ts';
import { reduce } from '../../../src/model/state/reduce.ts';
import { initialState, type State } from '../../../src/model/state/state.ts';
import { profileHas } from '../../../src/model/versions/profile.ts';

interface Bench {
  readonly state: State;
  readonly steps: readonly Step[];
  /** Runs a path to its end; a wait ends once `meanwhile` was done. */
  run<A extends readonly unknown[], R>(path: (k: Kernel, ...args: A) => Path<R>, ...args: A): R;
  meanwhile: () => void;
  status(dev: string, status: LinksStatus): void;
}

function bench(devices: readonly (string | readonly [name: string, parent: string])[]): Bench {
  const state = initialState();
  const steps: Step[] = [];
  const fold = (event: KernelEvent) => reduce(state, event);
  for (const one of devices) {
    const [name, parent] = typeof one === 'string' ? [one, null] : one;
    fold({ type: 'device.added', dev: name, spec: { name, bus: 'platform', parent, ids: [] } });
  }
  const k: Kernel = {
    spec: { version: '6.1', release: null, config: {}, cmdline: '', patches: {} },
    machine: { firmware: 'devicetree', devices: [], drivers: [], modules: [], boot: [] },
    state,
    ops: kernelOps,
    task: { name: 'test' },
    probe: null,
    oracle: () => 0,
    allocates: () => 0,
    has: (patch) => profileHas('6.1', patch),
    config: () => 'y',
    cmdline: () => null,
  };
  const bench: Bench = {
    state,
    steps,
    meanwhile: () => {},
    status: (dev, status) => fold({ type: 'links.status', dev, status }),
    run(path, ...args) {
      const running = createCalls(path(k, ...args), rootFrame());
      for (let next = running.next(); ; next = running.next()) {
        if (next.done === true) return next.value;
        const step = next.value;
        steps.push(step);
        if (step.type === 'wait') {
          bench.meanwhile();
          expect(step.until(state)).toBe(true);
        } else if (!['lock', 'unlock', 'spawn', 'join', 'cond_resched'].includes(step.type)) {
          fold(step as KernelEvent);
        }
      }
    },
  };
  return bench;
}

/** A consumer and a supplier with one link; both without drivers. */
function pair(...flags: LinkFlag[]): Bench {
  const made = bench(['user', 'clock']);
  expect(made.run(device_link_add, 'user', 'clock', flags)).toBe(true);
  return made;
}

const statusOf = ({ state }: Bench) => state.links[0]?.status;
const bind = (on: Bench, dev: string) => {
  expect(on.run(device_links_check_suppliers, dev)).toBe(0);
  on.run(device_links_driver_bound, dev);
};

describe('the state that a link begins in', () => {
  it.each<readonly [LinksStatus, LinksStatus, string]>([
    ['NO_DRIVER', 'NO_DRIVER', 'DORMANT'],
    ['NO_DRIVER', 'PROBING', 'DORMANT'],
    ['NO_DRIVER', 'DRIVER_BOUND', 'DORMANT'],
    ['PROBING', 'NO_DRIVER', 'DORMANT'],
    ['PROBING', 'PROBING', 'CONSUMER_PROBE'],
    ['PROBING', 'DRIVER_BOUND', 'DORMANT'],
    ['DRIVER_BOUND', 'NO_DRIVER', 'AVAILABLE'],
    ['DRIVER_BOUND', 'PROBING', 'CONSUMER_PROBE'],
    ['DRIVER_BOUND', 'DRIVER_BOUND', 'ACTIVE'],
    ['UNBINDING', 'NO_DRIVER', 'SUPPLIER_UNBIND'],
    ['UNBINDING', 'PROBING', 'SUPPLIER_UNBIND'],
    ['UNBINDING', 'DRIVER_BOUND', 'SUPPLIER_UNBIND'],
  ])('supplier %s, consumer %s: %s', (supplier, consumer, status) => {
    const on = bench(['user', 'clock']);
    on.status('clock', supplier);
    on.status('user', consumer);
    on.run(device_link_add, 'user', 'clock', []);
    expect(statusOf(on)).toBe(status);
  });

  it('lets a supplier go from under a consumer that was bound while it probed', () => {
    const on = bench(['user', 'clock']);
    on.status('clock', 'PROBING');
    on.status('user', 'DRIVER_BOUND');
    on.run(device_link_add, 'user', 'clock', []);
    on.run(device_links_driver_bound, 'clock');
    expect(statusOf(on)).toBe('AVAILABLE');
    expect(on.run(device_links_busy, 'clock')).toBe(false);
  });
});

describe('a link is refused', () => {
  it('for a device with itself, and for a supplier that is not there', () => {
    const on = bench(['user', 'clock']);
    expect(on.run(device_link_add, 'user', 'user', [])).toBe(false);
    expect(on.run(device_link_add, 'user', 'nobody', [])).toBe(false);
  });

  it.each<readonly LinkFlag[][]>([
    [['STATELESS', 'AUTOREMOVE_CONSUMER']],
    [['STATELESS', 'SYNC_STATE_ONLY']],
    [['AUTOPROBE_CONSUMER', 'AUTOREMOVE_SUPPLIER']],
    [['SYNC_STATE_ONLY', 'PM_RUNTIME']],
  ])('for the flags %s', (flags) => {
    expect(bench(['user', 'clock']).run(device_link_add, 'user', 'clock', flags)).toBe(false);
  });

  it('where the supplier depends on the consumer, unless it is for sync_state only', () => {
    const on = bench(['bus', ['chip', 'bus'], 'line']);
    on.run(device_link_add, 'line', 'chip', []);
    expect(on.run(device_link_add, 'bus', 'line', [])).toBe(false);
    expect(on.run(device_link_add, 'bus', 'chip', [])).toBe(false);
    expect(on.run(device_link_add, 'bus', 'line', ['SYNC_STATE_ONLY', 'INFERRED'])).toBe(true);
  });

  it('for sync_state only, where the consumer is bound', () => {
    const on = bench(['user', 'clock']);
    on.status('user', 'DRIVER_BOUND');
    expect(on.run(device_link_add, 'user', 'clock', ['SYNC_STATE_ONLY'])).toBe(false);
  });

  it('in the words of the kernel', () => {
    expect(flagBits(['SYNC_STATE_ONLY', 'INFERRED'])).toBe('0x180');
  });
});

describe('a second request', () => {
  const merged = (first: readonly LinkFlag[], second: readonly LinkFlag[]) => {
    const on = pair(...first);
    on.run(device_link_add, 'user', 'clock', second);
    expect(on.state.links).toHaveLength(1);
    return on.state.links[0]?.flags;
  };

  it('makes a link of firmware a real one', () => {
    expect(merged(['INFERRED', 'SYNC_STATE_ONLY'], [])).toEqual(['MANAGED']);
  });

  it('lets the longer life win', () => {
    expect(merged(['AUTOREMOVE_CONSUMER'], ['AUTOREMOVE_SUPPLIER'])).toEqual([
      'AUTOREMOVE_SUPPLIER',
      'MANAGED',
    ]);
    expect(merged(['AUTOREMOVE_SUPPLIER'], ['AUTOREMOVE_CONSUMER'])).toContain(
      'AUTOREMOVE_SUPPLIER',
    );
    expect(merged(['AUTOREMOVE_SUPPLIER'], [])).toEqual(['MANAGED']);
  });

  it('takes a link that a driver holds under management', () => {
    expect(merged(['STATELESS'], ['PM_RUNTIME'])).toEqual(['STATELESS', 'PM_RUNTIME', 'MANAGED']);
  });
});

describe('a consumer', () => {
  it('waits until its supplier is bound, is in use, and rests again', () => {
    const on = pair();
    expect(on.run(device_links_check_suppliers, 'user')).toBe(-517);
    expect(on.state.devices['user']?.deferred_reason).toBe('platform: supplier clock not ready');
    bind(on, 'clock');
    expect(statusOf(on)).toBe('AVAILABLE');
    bind(on, 'user');
    expect(statusOf(on)).toBe('ACTIVE');
    on.run(device_links_driver_cleanup, 'user');
    expect(statusOf(on)).toBe('AVAILABLE');
  });

  it('does not wait for a link without management, nor for one for sync_state only', () => {
    for (const flag of ['STATELESS', 'SYNC_STATE_ONLY'] as const)
      expect(pair(flag).run(device_links_check_suppliers, 'user')).toBe(0);
  });

  it('gives back what it has marked when another supplier is missing', () => {
    const on = bench(['user', 'clock', 'reset']);
    on.run(device_link_add, 'user', 'clock', []);
    on.run(device_link_add, 'user', 'reset', []);
    bind(on, 'clock');
    expect(on.run(device_links_check_suppliers, 'user')).toBe(-517);
    expect(on.state.links.map(({ status }) => status)).toEqual(['AVAILABLE', 'DORMANT']);
  });

  it('is queued when its supplier is bound, where the link says so and a driver matched it', () => {
    const on = pair('AUTOPROBE_CONSUMER');
    bind(on, 'clock');
    expect(on.state.deferred.pending).toEqual([]);
    on.run(device_links_driver_cleanup, 'clock');
    reduce(on.state, { type: 'probe.matched', dev: 'user', drv: 'user' });
    bind(on, 'clock');
    expect(on.state.deferred.pending).toEqual(['user']);
  });

  it('loses a link that lives as long as its driver, also when its probe fails', () => {
    for (const end of [device_links_driver_cleanup, device_links_no_driver]) {
      const on = pair('AUTOREMOVE_CONSUMER');
      bind(on, 'clock');
      on.run(device_links_check_suppliers, 'user');
      on.run(end, 'user');
      expect(on.state.links).toEqual([]);
    }
  });
});

describe('a supplier that goes', () => {
  const bound = (...flags: LinkFlag[]) => {
    const on = pair(...flags);
    bind(on, 'clock');
    bind(on, 'user');
    return on;
  };
  const released: string[] = [];
  const release = function* (consumer: string): Path<void> {
    released.push(consumer);
    yield { type: 'links.status', dev: consumer, status: 'NO_DRIVER' };
  };

  it('takes the driver of its consumer first', () => {
    const on = bound();
    expect(on.run(device_links_busy, 'clock')).toBe(true);
    released.length = 0;
    on.run(device_links_unbind_consumers, 'clock', release);
    expect(released).toEqual(['user']);
    expect(on.run(device_links_busy, 'clock')).toBe(false);
    on.run(device_links_driver_cleanup, 'clock');
    expect(statusOf(on)).toBe('DORMANT');
  });

  it('waits for a consumer that is being probed', () => {
    const on = pair();
    bind(on, 'clock');
    on.run(device_links_check_suppliers, 'user');
    on.meanwhile = () => on.run(device_links_no_driver, 'user');
    expect(on.run(device_links_busy, 'clock')).toBe(true);
    on.run(device_links_unbind_consumers, 'clock', release);
    expect(on.steps).toContainEqual(
      expect.objectContaining({ type: 'wait', on: 'wait_for_device_probe' }),
    );
    expect(on.run(device_links_busy, 'clock')).toBe(false);
  });

  it('drops a link that lives as long as its driver', () => {
    const on = bound('PM_RUNTIME', 'AUTOREMOVE_SUPPLIER');
    on.run(device_links_busy, 'clock');
    on.run(device_links_unbind_consumers, 'clock', release);
    on.run(device_links_driver_cleanup, 'clock');
    expect(on.state.links).toEqual([]);
  });

  it('leaves the link that a driver holds itself', () => {
    const on = pair('AUTOREMOVE_SUPPLIER');
    on.run(device_link_add, 'user', 'clock', ['STATELESS']);
    bind(on, 'clock');
    on.run(device_links_busy, 'clock');
    on.run(device_links_driver_cleanup, 'clock');
    expect(on.state.links).toMatchObject([{ flags: ['STATELESS', 'AUTOREMOVE_SUPPLIER'] }]);
    expect(on.run(device_links_check_suppliers, 'user')).toBe(0);
  });

  it('and is deleted has no links', () => {
    const on = bound();
    on.run(device_links_purge, 'clock');
    expect(on.state.links).toEqual([]);
  });
});

describe('who depends on whom', () => {
  it('goes down through children and consumers, but not through links for sync_state only', () => {
    const on = bench(['soc', ['clock', 'soc'], 'user', 'other']);
    on.run(device_link_add, 'user', 'clock', []);
    on.run(device_link_add, 'other', 'clock', ['SYNC_STATE_ONLY']);
    const facts = { state: on.state };
    expect(device_is_dependent(facts, 'soc', 'user')).toBe(true);
    expect(device_is_dependent(facts, 'soc', 'other')).toBe(false);
    expect(device_is_dependent(facts, 'user', 'soc')).toBe(false);
  });
});
