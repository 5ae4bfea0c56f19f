/** Probing what the boot cannot go on without. Kernel: drivers/base/core.c, v6.1. */
import { type Path, path } from '../path.ts';
import { printk } from '../printk.ts';
import { DEFERRED_PROBE_WORK, driver_deferred_probe_trigger } from './dd-deferred.ts';
import { holdsBack } from './fw-devlink.ts';

/**
 * Tries what is deferred once more without the suppliers that no driver matched.
 *
 * Kernel: drivers/base/core.c:wait_for_init_devices_probe, v6.1.
 * Leaves out: waiting for asynchronous probes.
 */
export const wait_for_init_devices_probe = path(
  'wait_for_init_devices_probe',
  function* (k): Path<void> {
    if (!k.has('fw_devlink_best_effort') || !holdsBack(k)) return;
    yield printk('info', 'Trying to probe devices needed for running init ...');
    yield { type: 'links.best_effort', on: true };
    yield* driver_deferred_probe_trigger(k);
    yield { type: 'join', what: DEFERRED_PROBE_WORK };
    yield { type: 'links.best_effort', on: false };
  },
);
