/**
 * Suppliers hear when they may take the state that the boot loader left into their own hands.
 * Kernel: drivers/base/core.c, v6.1 unless said.
 */
import type { Kernel } from '../context.ts';
import { driverOf } from '../lookup.ts';
import { deviceLock, type Path, path } from '../path.ts';
import { dev_printk } from '../printk.ts';
import { consumersOf, is } from './device-link-facts.ts';

/** The driver of `dev`, as its registration describes it. */
function driverSpec(k: Kernel, dev: string) {
  const device = k.state.devices[dev];
  if (device === undefined || device.driver === null) return undefined;
  return driverOf(k, device.bus, device.driver)?.spec;
}

/** Kernel: include/linux/device.h:dev_has_sync_state, v6.1. Leaves out: a bus with the callback. */
function dev_has_sync_state(k: Kernel, dev: string): boolean {
  return driverSpec(k, dev)?.sync_state === true;
}

/**
 * Puts the supplier on `queue` if all its managed consumers are bound.
 *
 * Kernel: drivers/base/core.c:__device_links_queue_sync_state, v6.1.
 * Leaves out: nothing.
 */
function* __device_links_queue_sync_state(k: Kernel, dev: string, queue: string[]): Path<void> {
  if (!dev_has_sync_state(k, dev) || k.state.devices[dev]?.state_synced === true) return;
  if (consumersOf(k, dev).some(({ status }) => status !== 'ACTIVE')) return;
  yield { type: 'sync_state.queued', dev };
  queue.push(dev);
}

/**
 * A consumer of `dev`, or `dev` itself, was bound: now or when the pauses are over it may hear.
 *
 * Kernel: drivers/base/core.c:__device_links_supplier_defer_sync and its callers, v6.1.
 * Leaves out: nothing.
 */
export function* sync_state_after_bind(k: Kernel, dev: string, queue: string[]): Path<void> {
  if (k.state.defer_sync_state_count === 0) {
    yield* __device_links_queue_sync_state(k, dev, queue);
  } else if (dev_has_sync_state(k, dev) && !k.state.deferred_sync.includes(dev)) {
    yield { type: 'sync_state.deferred', dev };
  }
}

/**
 * Calls the callbacks. `locked` is the device whose lock the caller holds, null for none.
 *
 * Kernel: drivers/base/core.c:device_links_flush_sync_list, v6.1.
 * Leaves out: what the callbacks do.
 */
export function* device_links_flush_sync_list(
  k: Kernel,
  queue: readonly string[],
  locked: string | null,
): Path<void> {
  for (const dev of queue) {
    const lock = deviceLock(dev);
    if (dev !== locked) yield { type: 'lock', lock };
    if (dev_has_sync_state(k, dev)) yield { type: 'device.sync_state', dev };
    if (dev !== locked) yield { type: 'unlock', lock };
  }
}

/**
 * Callbacks have to wait until a matching resume.
 *
 * Kernel: drivers/base/core.c:device_links_supplier_sync_state_pause, v6.1.
 * Leaves out: nothing.
 */
export const device_links_supplier_sync_state_pause = path(
  'device_links_supplier_sync_state_pause',
  function* (): Path<void> {
    yield { type: 'sync_state.paused' };
  },
);

/**
 * Ends a pause; after the last one the suppliers that waited are looked at.
 *
 * Kernel: drivers/base/core.c:device_links_supplier_sync_state_resume, v6.1.
 * Leaves out: nothing.
 */
export const device_links_supplier_sync_state_resume = path(
  'device_links_supplier_sync_state_resume',
  function* (k): Path<void> {
    if (k.state.defer_sync_state_count === 0) {
      const at = 'device_links_supplier_sync_state_resume';
      yield { type: 'kernel.warned', at, what: 'Unmatched sync_state pause/resume!' };
      return;
    }
    const waiting = [...k.state.deferred_sync];
    yield { type: 'sync_state.resumed' };
    if (k.state.defer_sync_state_count > 0) return;
    const queue: string[] = [];
    for (const dev of waiting) yield* __device_links_queue_sync_state(k, dev, queue);
    yield* device_links_flush_sync_list(k, queue, null);
  },
);

/**
 * No more probes are expected: suppliers whose consumers did not come are named, or hear anyway.
 *
 * Kernel: drivers/base/core.c:fw_devlink_probing_done and fw_devlink_dev_sync_state, v6.5.
 * Leaves out: a default that the kernel's configuration gives.
 */
export const fw_devlink_probing_done = path('fw_devlink_probing_done', function* (k): Path<void> {
  if (!k.has('sync_state_timeout')) return;
  const queue: string[] = [];
  for (const link of k.state.links.slice()) {
    const { supplier } = link;
    if (!is(link, 'MANAGED') || link.status === 'ACTIVE') continue;
    if (!dev_has_sync_state(k, supplier) || k.state.devices[supplier]?.state_synced === true) {
      continue;
    }
    if (k.cmdline('fw_devlink.sync_state') !== 'timeout') {
      yield dev_printk(k, 'warn', supplier, `sync_state() pending due to ${link.consumer}`);
      continue;
    }
    if (k.state.deferred_sync.includes(supplier)) continue;
    yield dev_printk(k, 'warn', supplier, 'Timed out. Forcing sync_state()');
    yield { type: 'sync_state.queued', dev: supplier };
    queue.push(supplier);
  }
  yield* device_links_flush_sync_list(k, queue, null);
});

/**
 * The end of the boot for suppliers that ask nobody: what no consumer has asked for goes off.
 *
 * Kernel: drivers/clk/clk.c:clk_disable_unused, v6.1: late_initcall_sync.
 * Leaves out: regulators, which wait another 30 seconds; power domains; which clocks are in use.
 */
export const clk_disable_unused = path('clk_disable_unused', function* (k): Path<void> {
  if (k.cmdline('clk_ignore_unused') !== null) return;
  for (const dev of Object.keys(k.state.devices)) {
    const isBound = k.state.devices[dev]?.bound === true;
    if (isBound && driverSpec(k, dev)?.cleans_up === true)
      yield { type: 'supplier.cleaned_up', dev };
  }
});
