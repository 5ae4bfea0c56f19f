/** Managed device links and probe order. Kernel: drivers/base/core.c, v6.1 unless said. */
import type { LinkState } from '../../events/event.ts';
import type { Kernel } from '../context.ts';
import { EPROBE_DEFER } from '../errno.ts';
import { deviceOf } from '../lookup.ts';
import { type Path, path } from '../path.ts';
import { dev_dbg } from '../printk.ts';
import { device_reorder_to_tail } from './devices-kset.ts';

const FILE = 'drivers/base/core.c';

interface LinkEnds {
  readonly consumer: string;
  readonly supplier: string;
  readonly status: LinkState;
  /** SYNC_STATE_ONLY: it holds no probe back and goes when the consumer is bound. */
  readonly relaxed: boolean;
}

function suppliersOf(k: Kernel, consumer: string): readonly LinkEnds[] {
  return k.state.links.filter((link) => link.consumer === consumer);
}

function consumersOf(k: Kernel, supplier: string): readonly LinkEnds[] {
  return k.state.links.filter((link) => link.supplier === supplier);
}

function* setStatus({ consumer, supplier }: LinkEnds, status: LinkState): Path<void> {
  yield { type: 'link.state', consumer, supplier, status };
}

/** DORMANT, or AVAILABLE when the supplier is bound. */
function restStatus(k: Kernel, { supplier }: LinkEnds): LinkState {
  return k.state.devices[supplier]?.links_status === 'DRIVER_BOUND' ? 'AVAILABLE' : 'DORMANT';
}

/**
 * Adds the managed links of a new device: to its suppliers that exist, and from consumers that
 * were waiting for it.
 *
 * Kernel: drivers/base/core.c:fw_devlink_link_device and device_link_init_status, v6.1, for
 * fw_devlink=on.
 * Leaves out: SYNC_STATE_ONLY proxies, sync_state, suppliers that never become devices.
 */
export const fw_devlink_link_device = path(
  'fw_devlink_link_device',
  function* (k, dev: string): Path<void> {
    const mode = k.cmdline('fw_devlink');
    if (mode === 'off' || mode === 'permissive') return;
    for (const consumer of Object.keys(k.state.devices)) {
      const device = deviceOf(k, consumer);
      if (device.spec.suppliers?.includes(dev)) yield* addLink(k, consumer, dev);
    }
    for (const supplier of deviceOf(k, dev).spec.suppliers ?? []) {
      if (k.state.devices[supplier] !== undefined) yield* addLink(k, dev, supplier);
    }
  },
);

function* addLink(k: Kernel, consumer: string, supplier: string): Path<void> {
  if (suppliersOf(k, consumer).some((link) => link.supplier === supplier)) return;
  yield { type: 'link.added', consumer, supplier };
  yield* device_reorder_to_tail(k, consumer);
  yield* dev_dbg(k, FILE, consumer, `Linked as a consumer to ${supplier}`);
  const ends: LinkEnds = { consumer, supplier, status: 'DORMANT', relaxed: false };
  const bound = restStatus(k, ends) === 'AVAILABLE';
  const consumerStatus = deviceOf(k, consumer).links_status;
  if (bound) yield* setStatus(ends, consumerStatus === 'DRIVER_BOUND' ? 'ACTIVE' : 'AVAILABLE');
  if (bound && consumerStatus === 'NO_DRIVER') return;
  for (const [from, to] of cycleThrough(k, consumer, supplier)) yield* relaxLink(k, from, to);
}

/**
 * The dependencies that make a cycle with the one of `consumer` on `supplier`, it among them; empty
 * for none. A device depends on its suppliers and on its parent. Cost: each device once.
 *
 * Kernel: drivers/base/core.c:__fw_devlink_relax_cycles, v6.1.
 */
function cycleThrough(k: Kernel, consumer: string, supplier: string): readonly Dependency[] {
  const found: Dependency[] = [];
  const known = new Map<string, boolean>([[consumer, true]]);
  const reaches = (name: string): boolean => {
    const before = known.get(name);
    if (before !== undefined) return before;
    known.set(name, false);
    const spec =
      k.state.devices[name]?.spec ?? k.machine.devices.find((device) => device.name === name);
    const on = (spec?.suppliers ?? []).filter(reaches);
    for (const other of on) found.push([name, other]);
    const below = spec?.parent != null && reaches(spec.parent);
    known.set(name, on.length > 0 || below);
    return on.length > 0 || below;
  };
  return reaches(supplier) ? [[consumer, supplier], ...found] : [];
}

type Dependency = readonly [consumer: string, supplier: string];

/** Takes from a link the power to hold its consumer back. Kernel: fw_devlink_relax_link, v6.1. */
function* relaxLink(k: Kernel, consumer: string, supplier: string): Path<void> {
  const link = suppliersOf(k, consumer).find((candidate) => candidate.supplier === supplier);
  if (link === undefined || link.relaxed) return;
  yield { type: 'link.relaxed', consumer, supplier };
  yield* dev_dbg(k, FILE, consumer, `Relaxing link with ${supplier}`);
}

/**
 * No more drivers are expected: links to suppliers that no driver ever matched are relaxed.
 *
 * Kernel: drivers/base/core.c:fw_devlink_drivers_done, v6.1.
 * Leaves out: nothing.
 */
export const fw_devlink_drivers_done = path('fw_devlink_drivers_done', function* (k): Path<void> {
  for (const { consumer, supplier } of k.state.links.slice())
    if (k.state.devices[supplier]?.can_match === false) yield* relaxLink(k, consumer, supplier);
});

/** Have all drivers registered that are expected to? */
function areDriversDone(k: Kernel): boolean {
  const { timed_out, initcalls_done } = k.state.deferred;
  return timed_out || (initcalls_done && k.config('MODULES') !== 'y');
}

/**
 * Nobody waits for a new device that no driver matches, once all drivers are there.
 *
 * Kernel: drivers/base/core.c:fw_devlink_unblock_consumers, called at the end of device_add, v6.1.
 * Leaves out: nothing.
 */
export function* fw_devlink_unblock_consumers(k: Kernel, dev: string): Path<void> {
  if (!areDriversDone(k) || k.state.devices[dev]?.can_match !== false) return;
  for (const { consumer } of consumersOf(k, dev)) yield* relaxLink(k, consumer, dev);
}

/**
 * May `dev` be probed as far as its suppliers go? Marks its links as in use by a probing consumer.
 *
 * Kernel: drivers/base/core.c:device_links_check_suppliers, v6.1.
 * Leaves out: best-effort mode (fw_devlink relaxes for init).
 *
 * @returns 0, or -EPROBE_DEFER with the reason recorded on the device.
 */
export const device_links_check_suppliers = path(
  'device_links_check_suppliers',
  function* (k, dev: string): Path<number> {
    const mode = k.cmdline('fw_devlink');
    if (mode !== 'off' && mode !== 'permissive') {
      const missing = deviceOf(k, dev).spec.suppliers?.find(
        (s) => k.state.devices[s] === undefined && cycleThrough(k, dev, s).length === 0,
      );
      if (missing !== undefined) return yield* deferFor(k, dev, `wait for supplier ${missing}`);
    }
    const links = suppliersOf(k, dev).filter((link) => !link.relaxed);
    for (const link of links) {
      if (link.status !== 'AVAILABLE') {
        for (const marked of suppliersOf(k, dev))
          if (marked.status === 'CONSUMER_PROBE') yield* setStatus(marked, restStatus(k, marked));
        return yield* deferFor(k, dev, `supplier ${link.supplier} not ready`);
      }
      yield* setStatus(link, 'CONSUMER_PROBE');
    }
    yield { type: 'links.status', dev, status: 'PROBING' };
    return 0;
  },
);

function* deferFor(k: Kernel, dev: string, reason: string): Path<number> {
  yield* dev_dbg(k, FILE, dev, `error -EPROBE_DEFER: ${reason}`);
  const { bus } = deviceOf(k, dev);
  yield { type: 'deferred.reason', dev, reason: `${bus}: ${reason}` };
  return -EPROBE_DEFER;
}

/**
 * `dev` is bound: its consumers may come, its suppliers are in use.
 *
 * Kernel: drivers/base/core.c:device_links_driver_bound, v6.1.
 * Leaves out: sync_state, dangling children, AUTOPROBE_CONSUMER's own queueing (the trigger that
 * follows a bind retries the consumers all the same).
 */
export const device_links_driver_bound = path(
  'device_links_driver_bound',
  function* (k, dev: string): Path<void> {
    for (const link of consumersOf(k, dev))
      if (link.status === 'DORMANT') yield* setStatus(link, 'AVAILABLE');
    for (const link of suppliersOf(k, dev)) {
      const { consumer, supplier } = link;
      if (link.relaxed) yield { type: 'link.deleted', consumer, supplier };
      else yield* setStatus(link, 'ACTIVE');
    }
    yield { type: 'links.status', dev, status: 'DRIVER_BOUND' };
  },
);

/**
 * A probe failed: the links go back to rest.
 *
 * Kernel: drivers/base/core.c:device_links_no_driver, v6.1.
 * Leaves out: AUTOREMOVE_CONSUMER links.
 */
export const device_links_no_driver = path(
  'device_links_no_driver',
  function* (k, dev: string): Path<void> {
    for (const link of consumersOf(k, dev))
      if (link.status === 'CONSUMER_PROBE' || link.status === 'ACTIVE')
        yield* setStatus(link, 'DORMANT');
    for (const link of suppliersOf(k, dev))
      if (link.status === 'CONSUMER_PROBE' || link.status === 'ACTIVE')
        yield* setStatus(link, restStatus(k, link));
    yield { type: 'links.status', dev, status: 'NO_DRIVER' };
  },
);

/**
 * The consumer that must be unbound before `dev` may lose its driver; null when there is none.
 *
 * Kernel: drivers/base/core.c:device_links_busy and device_links_unbind_consumers, v6.1.
 * Leaves out: waiting for a consumer whose probe is under way.
 */
export function* consumerToUnbind(k: Kernel, dev: string): Path<string | null> {
  for (const link of consumersOf(k, dev)) {
    const { status, consumer } = link;
    if (status === 'SUPPLIER_UNBIND' || link.relaxed) continue;
    yield* setStatus(link, 'SUPPLIER_UNBIND');
    if (status === 'ACTIVE') return consumer;
  }
  yield { type: 'links.status', dev, status: 'UNBINDING' };
  return null;
}

/**
 * `dev` has lost its driver.
 *
 * Kernel: drivers/base/core.c:device_links_driver_cleanup, v6.1.
 * Leaves out: AUTOREMOVE_SUPPLIER links.
 */
export const device_links_driver_cleanup = path(
  'device_links_driver_cleanup',
  function* (k, dev: string): Path<void> {
    for (const link of consumersOf(k, dev)) yield* setStatus(link, 'DORMANT');
    yield* device_links_no_driver(k, dev);
  },
);

/**
 * `dev` is being deleted: all its links go.
 *
 * Kernel: drivers/base/core.c:device_links_purge, v6.1.
 * Leaves out: the warning for active links.
 */
export const device_links_purge = path(
  'device_links_purge',
  function* (k, dev: string): Path<void> {
    for (const { consumer, supplier } of [...suppliersOf(k, dev), ...consumersOf(k, dev)])
      yield { type: 'link.deleted', consumer, supplier };
  },
);
