/** What links do as drivers come and go. Kernel: drivers/base/core.c:device_links_*, v6.1. */
import type { LinkState } from '../../events/terms.ts';
import type { Kernel } from '../context.ts';
import { EAGAIN, EPROBE_DEFER } from '../errno.ts';
import { deviceOf } from '../lookup.ts';
import { type Path, path } from '../path.ts';
import { dev_dbg } from '../printk.ts';
import type { ReadState } from '../state/state.ts';
import { driver_deferred_probe_add } from './dd-deferred.ts';
import { CORE, device_link_drop_managed, device_link_release, setStatus } from './device-link.ts';
import { consumersOf, is, linkBetween, type ReadLink, suppliersOf } from './device-link-facts.ts';
import { dev_is_best_effort, fw_devlink_driver_bound, missingSupplier } from './fw-devlink.ts';
import { device_links_flush_sync_list, sync_state_after_bind } from './sync-state.ts';

/** AVAILABLE for a link to a bound supplier, else DORMANT. */
function restStatus(k: Kernel, { supplier }: ReadLink): LinkState {
  return k.state.devices[supplier]?.links_status === 'DRIVER_BOUND' ? 'AVAILABLE' : 'DORMANT';
}

/** Is it a link to a supplier that nobody needs in best effort mode: no driver matched it yet? */
function isOptional(k: Kernel, consumer: string, link: ReadLink): boolean {
  const can_match = k.state.devices[link.supplier]?.can_match ?? false;
  return dev_is_best_effort(k, consumer) && is(link, 'INFERRED') && !can_match;
}

/**
 * May `dev` be probed as far as its suppliers go? Marks its links as in use by a probing consumer.
 *
 * Kernel: drivers/base/core.c:device_links_check_suppliers, v6.1.
 * Leaves out: nothing.
 *
 * @returns 0; -EPROBE_DEFER with the reason recorded on the device; or -EAGAIN: probe it, though some
 * supplier is missing.
 */
export const device_links_check_suppliers = path(
  'device_links_check_suppliers',
  function* (k, dev: string): Path<number> {
    let ret = 0;
    const missing = missingSupplier(k, dev);
    if (missing !== null) {
      if (!dev_is_best_effort(k, dev))
        return yield* deferFor(k, dev, `wait for supplier ${missing}`);
      ret = -EAGAIN;
    }
    for (const link of suppliersOf(k, dev)) {
      if (link.status !== 'AVAILABLE' && !is(link, 'SYNC_STATE_ONLY')) {
        if (isOptional(k, dev, link)) {
          ret = -EAGAIN;
          continue;
        }
        yield* device_links_missing_supplier(k, dev);
        yield* deferFor(k, dev, `supplier ${link.supplier} not ready`);
        ret = -EPROBE_DEFER;
        break;
      }
      yield* setStatus(link, 'CONSUMER_PROBE');
    }
    yield { type: 'links.status', dev, status: 'PROBING' };
    return ret;
  },
);

/**
 * Takes back the marks of a probe that does not begin.
 *
 * Kernel: drivers/base/core.c:device_links_missing_supplier, v6.1.
 * Leaves out: nothing.
 */
function* device_links_missing_supplier(k: Kernel, dev: string): Path<void> {
  for (const link of suppliersOf(k, dev))
    if (link.status === 'CONSUMER_PROBE') yield* setStatus(link, restStatus(k, link));
}

function* deferFor(k: Kernel, dev: string, reason: string): Path<number> {
  yield* dev_dbg(k, CORE, dev, `error -EPROBE_DEFER: ${reason}`);
  const { bus } = deviceOf(k, dev);
  yield { type: 'deferred.reason', dev, reason: `${bus}: ${reason}` };
  return -EPROBE_DEFER;
}

/**
 * `dev` is bound: its consumers may come, its suppliers are in use.
 *
 * Kernel: drivers/base/core.c:device_links_driver_bound, v6.1.
 * Leaves out: the warnings for states that should not be.
 */
export const device_links_driver_bound = path(
  'device_links_driver_bound',
  function* (k, dev: string): Path<void> {
    yield* fw_devlink_driver_bound(k, dev);
    for (const link of consumersOf(k, dev)) {
      if (link.status === 'CONSUMER_PROBE' || link.status === 'ACTIVE') continue;
      yield* setStatus(link, 'AVAILABLE');
      if (is(link, 'AUTOPROBE_CONSUMER')) yield* driver_deferred_probe_add(k, link.consumer);
    }
    const queue: string[] = [];
    yield* sync_state_after_bind(k, dev, queue);
    for (const link of suppliersOf(k, dev)) {
      const isLeft = isOptional(k, dev, link) && link.status !== 'CONSUMER_PROBE';
      if (is(link, 'SYNC_STATE_ONLY') || isLeft) yield* device_link_drop_managed(k, link);
      else yield* setStatus(link, 'ACTIVE');
      yield* sync_state_after_bind(k, link.supplier, queue);
    }
    yield { type: 'links.status', dev, status: 'DRIVER_BOUND' };
    yield* device_links_flush_sync_list(k, queue, dev);
  },
);

/**
 * The links of `dev` to its suppliers go back to rest, the last one first.
 *
 * Kernel: drivers/base/core.c:__device_links_no_driver, v6.1.
 * Leaves out: the warning for states that should not be.
 */
function* __device_links_no_driver(k: Kernel, dev: string): Path<void> {
  for (const link of suppliersOf(k, dev).toReversed()) {
    if (is(link, 'AUTOREMOVE_CONSUMER')) yield* device_link_drop_managed(k, link);
    else if (link.status === 'CONSUMER_PROBE' || link.status === 'ACTIVE')
      yield* setStatus(link, restStatus(k, link));
  }
  yield { type: 'links.status', dev, status: 'NO_DRIVER' };
}

/**
 * A probe failed.
 *
 * Kernel: drivers/base/core.c:device_links_no_driver, v6.1.
 * Leaves out: nothing.
 */
export const device_links_no_driver = path(
  'device_links_no_driver',
  function* (k, dev: string): Path<void> {
    for (const link of consumersOf(k, dev))
      if (link.status === 'CONSUMER_PROBE' || link.status === 'ACTIVE')
        yield* setStatus(link, 'DORMANT');
    yield* __device_links_no_driver(k, dev);
  },
);

/**
 * `dev` has lost its driver. Links that live no longer than the supplier's driver go.
 *
 * Kernel: drivers/base/core.c:device_links_driver_cleanup, v6.1.
 * Leaves out: the warnings for states that should not be.
 */
export const device_links_driver_cleanup = path(
  'device_links_driver_cleanup',
  function* (k, dev: string): Path<void> {
    for (const link of consumersOf(k, dev)) {
      if (link.status === 'SUPPLIER_UNBIND' && is(link, 'AUTOREMOVE_SUPPLIER'))
        yield* device_link_drop_managed(k, link);
      if (linkBetween(k, link) !== undefined) yield* setStatus(link, 'DORMANT');
    }
    if (k.state.deferred_sync.includes(dev)) yield { type: 'sync_state.undeferred', dev };
    yield* __device_links_no_driver(k, dev);
  },
);

/**
 * Is a consumer bound or being bound? Keeps the others from being bound from here on.
 *
 * Kernel: drivers/base/core.c:device_links_busy, v6.1.
 * Leaves out: nothing.
 */
export const device_links_busy = path(
  'device_links_busy',
  function* (k, dev: string): Path<boolean> {
    let busy = false;
    for (const link of consumersOf(k, dev)) {
      busy = link.status === 'CONSUMER_PROBE' || link.status === 'ACTIVE';
      if (busy) break;
      if (link.status !== 'SUPPLIER_UNBIND') yield* setStatus(link, 'SUPPLIER_UNBIND');
    }
    if (deviceOf(k, dev).links_status !== 'UNBINDING')
      yield { type: 'links.status', dev, status: 'UNBINDING' };
    return busy;
  },
);

/**
 * Unbinds the consumers of `dev`, by `release`; waits for one whose probe is under way. A consumer
 * that does not wait for `dev` is not unbound, only its probe is waited for.
 *
 * Kernel: drivers/base/core.c:device_links_unbind_consumers, v6.1. The kernel looks again and again
 * while a consumer with a link for sync_state alone probes; here that one is waited for too.
 * Leaves out: nothing.
 */
export const device_links_unbind_consumers = path(
  'device_links_unbind_consumers',
  function* (k, dev: string, release: (consumer: string) => Path<void>): Path<void> {
    for (;;) {
      const link = consumersOf(k, dev).find(({ status }) => status !== 'SUPPLIER_UNBIND');
      if (link === undefined) return;
      if (link.status === 'CONSUMER_PROBE') {
        const until = (state: ReadState) =>
          linkBetween({ state }, link)?.status !== 'CONSUMER_PROBE';
        yield { type: 'wait', on: 'wait_for_device_probe', until };
        continue;
      }
      const wasActive = link.status === 'ACTIVE';
      yield* setStatus(link, 'SUPPLIER_UNBIND');
      if (wasActive) yield* release(link.consumer);
    }
  },
);

/**
 * `dev` is being deleted: all its links go, the last one first.
 *
 * Kernel: drivers/base/core.c:device_links_purge, v6.1.
 * Leaves out: the warning for active links.
 */
export const device_links_purge = path(
  'device_links_purge',
  function* (k, dev: string): Path<void> {
    const own = k.state.links.filter(({ consumer }) => consumer === dev);
    const others = k.state.links.filter(({ supplier }) => supplier === dev);
    for (const link of [...own.toReversed(), ...others.toReversed()])
      yield* device_link_release(k, link);
  },
);
