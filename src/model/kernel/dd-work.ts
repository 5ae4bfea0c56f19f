/** The worker that retries deferred probes. Kernel: drivers/base/dd.c, v6.1. */
import { type Path, path } from '../path.ts';
import { bus_probe_device } from './dd-attach.ts';
import { nextActive } from './dd-deferred.ts';

/**
 * Retries the active devices one after the other.
 *
 * Kernel: drivers/base/dd.c:deferred_probe_work_func, v6.1.
 * Leaves out: see nextActive.
 */
export const deferred_probe_work_func = path(
  'deferred_probe_work_func',
  function* (k): Path<number> {
    for (;;) {
      const dev = yield* nextActive(k);
      if (dev === null) return 0;
      yield* bus_probe_device(k, dev);
    }
  },
);
