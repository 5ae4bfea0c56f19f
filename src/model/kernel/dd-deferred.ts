/**
 * Deferred probing. Kernel: drivers/base/dd.c, v6.1 unless said.
 *
 * deferred_probe_mutex is left out: what it guards is one step each here. The worker is a work item:
 * one that is queued while it runs runs again, which is the same as one that finds the list filled.
 */
import type { Kernel } from '../context.ts';
import { ENODEV, EPROBE_DEFER, ETIMEDOUT } from '../errno.ts';
import { deviceOf } from '../lookup.ts';
import { type Path, path } from '../path.ts';
import { dev_dbg, dev_printk, pr_debug } from '../printk.ts';
import { device_reorder_to_tail } from './devices-kset.ts';
import { fw_devlink_drivers_done } from './fw-devlink.ts';
import { fw_devlink_probing_done } from './sync-state.ts';

const FILE = 'drivers/base/dd.c';

/** The one worker of the deferred probe workqueue item. */
export const DEFERRED_PROBE_WORK = 'deferred_probe_work';

/**
 * Puts `dev` at the tail of the pending list, unless it is on a list already.
 *
 * Kernel: drivers/base/dd.c:driver_deferred_probe_add, v6.1.
 * Leaves out: nothing.
 */
export const driver_deferred_probe_add = path(
  'driver_deferred_probe_add',
  function* (k, dev: string): Path<void> {
    const { can_match, deferred } = deviceOf(k, dev);
    if (k.has('can_match_gate') && !can_match) return;
    if (deferred !== 'none') return;
    yield* dev_dbg(k, FILE, dev, 'Added to deferred list');
    yield { type: 'deferred.added', dev };
  },
);

/**
 * Takes `dev` off the deferred lists.
 *
 * Kernel: drivers/base/dd.c:driver_deferred_probe_del, v6.1.
 * Leaves out: nothing.
 */
export const driver_deferred_probe_del = path(
  'driver_deferred_probe_del',
  function* (k, dev: string): Path<void> {
    if (deviceOf(k, dev).deferred === 'none') return;
    yield* dev_dbg(k, FILE, dev, 'Removed from deferred list');
    yield { type: 'deferred.removed', dev };
  },
);

/**
 * Makes all pending devices active and starts the worker.
 *
 * Kernel: drivers/base/dd.c:driver_deferred_probe_trigger, v6.1.
 * Leaves out: nothing.
 */
export const driver_deferred_probe_trigger = path(
  'driver_deferred_probe_trigger',
  function* (k): Path<void> {
    const { enable, trigger_count } = k.state.deferred;
    if (!enable) return;
    yield { type: 'deferred.triggered', trigger_count: trigger_count + 1 };
    yield {
      type: 'spawn',
      what: DEFERRED_PROBE_WORK,
      path: () => k.ops.deferred_probe_work_func(k),
      single: true,
    };
  },
);

/**
 * Takes the head of the active list for the worker to retry; null when the list is empty.
 *
 * Kernel: drivers/base/dd.c:deferred_probe_work_func, v6.1: the loop's head.
 * Leaves out: the move to the tail of the pm list.
 */
export function* nextActive(k: Kernel): Path<string | null> {
  const dev = k.state.deferred.active[0];
  if (dev === undefined) return null;
  yield { type: 'deferred.retried', dev };
  yield* device_reorder_to_tail(k, dev);
  yield* dev_dbg(k, FILE, dev, 'Retrying from deferred list');
  return dev;
}

/**
 * The timeout in seconds as it stands now: 0 once it has run, negative for never.
 *
 * Kernel: drivers/base/dd.c:driver_deferred_probe_timeout, v6.1; -1 before timeout_default_0.
 * Leaves out: nothing.
 */
export function driver_deferred_probe_timeout(k: Kernel): number {
  if (k.state.deferred.timed_out) return 0;
  const given = k.cmdline('deferred_probe_timeout');
  if (given !== null && /^[+-]?\d+$/.test(given)) return Number(given);
  if (k.has('timeout_default_10') && k.config('MODULES') === 'y') return 10;
  return k.has('timeout_default_0') ? 0 : -1;
}

/**
 * Should a missing supplier still be waited for?
 *
 * Kernel: drivers/base/dd.c:driver_deferred_probe_check_state, v6.1; not there before
 * deferred_check_state, blind to modules before check_state_modules, gone in the candidates of 6.0.
 * Leaves out: nothing.
 *
 * @returns -EPROBE_DEFER for yes; -ENODEV or -ETIMEDOUT, with a warning, for no.
 */
export const driver_deferred_probe_check_state = path(
  'driver_deferred_probe_check_state',
  function* (k, dev: string): Path<number> {
    if (!k.state.deferred.initcalls_done || k.has('check_state_deleted')) return -EPROBE_DEFER;
    if (!k.has('deferred_check_state')) return -EPROBE_DEFER;
    const hasExpired = driver_deferred_probe_timeout(k) === 0;
    const waitsForModules = k.has('check_state_modules') && k.config('MODULES') === 'y';
    if (hasExpired && (waitsForModules || !k.has('check_state_modules'))) {
      yield dev_printk(k, 'warn', dev, 'deferred probe timeout, ignoring dependency');
      return -ETIMEDOUT;
    }
    if (waitsForModules) return -EPROBE_DEFER;
    yield dev_printk(k, 'warn', dev, 'ignoring dependency for device, assuming no driver');
    return -ENODEV;
  },
);

/**
 * The end of the initcalls: deferred devices are retried from here on.
 *
 * Kernel: drivers/base/dd.c:deferred_probe_initcall, v6.1.
 * Leaves out: debugfs.
 */
export const deferred_probe_initcall = path('deferred_probe_initcall', function* (k): Path<number> {
  yield { type: 'deferred.enabled' };
  yield* driver_deferred_probe_trigger(k);
  yield { type: 'join', what: DEFERRED_PROBE_WORK };
  yield { type: 'initcalls.done' };
  if (k.config('MODULES') !== 'y') yield* fw_devlink_drivers_done(k);
  yield* driver_deferred_probe_trigger(k);
  yield { type: 'join', what: DEFERRED_PROBE_WORK };
  const seconds = driver_deferred_probe_timeout(k);
  if (seconds > 0) yield { type: 'deferred.timeout_armed', seconds };
  if (k.config('MODULES') !== 'y') yield* fw_devlink_probing_done(k);
  return 0;
});

/**
 * A driver registered while the timeout runs starts it again.
 *
 * Kernel: drivers/base/dd.c:deferred_probe_extend_timeout, v6.1.
 * Leaves out: nothing.
 */
export const deferred_probe_extend_timeout = path(
  'deferred_probe_extend_timeout',
  function* (k): Path<void> {
    if (!k.has('timeout_extend') || !k.state.deferred.timeout_armed) return;
    const seconds = driver_deferred_probe_timeout(k);
    yield { type: 'deferred.timeout_armed', seconds };
    yield* pr_debug(k, FILE, `Extended deferred probe timeout by ${seconds} secs`);
  },
);

/**
 * The timeout expires: devices are retried without what they wait for, and the rest is listed.
 *
 * Kernel: drivers/base/dd.c:deferred_probe_timeout_work_func, v6.1.
 * Leaves out: nothing.
 */
export const deferred_probe_timeout_work_func = path(
  'deferred_probe_timeout_work_func',
  function* (k): Path<number> {
    if (!k.state.deferred.timeout_armed) return 0;
    yield* fw_devlink_drivers_done(k);
    yield { type: 'deferred.timed_out' };
    yield* driver_deferred_probe_trigger(k);
    yield { type: 'join', what: DEFERRED_PROBE_WORK };
    for (const dev of k.state.deferred.pending) {
      if (k.has('defer_reason_in_log')) {
        const reason = deviceOf(k, dev).deferred_reason ?? '(reason unknown)';
        yield dev_printk(k, 'warn', dev, `deferred probe pending: ${reason}`);
      } else {
        yield dev_printk(k, 'info', dev, 'deferred probe pending');
      }
    }
    yield* fw_devlink_probing_done(k);
    return 0;
  },
);
