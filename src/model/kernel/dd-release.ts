/** Taking a driver off a device. Kernel: drivers/base/dd.c, v6.1 unless said. */
import type { Kernel } from '../context.ts';
import { deviceOf, driverOf } from '../lookup.ts';
import { deviceLock, type Path, path } from '../path.ts';
import { device_remove, device_unbind_cleanup, dma_cleanup } from './dd.ts';
import { ASYNC, driver_allows_async_probing } from './dd-async.ts';
import {
  device_links_busy,
  device_links_driver_cleanup,
  device_links_unbind_consumers,
} from './device-links.ts';
import { notifyGroup } from './vfio-viable.ts';

/**
 * Unbinds the driver of `dev`, consumers of the device first; with `only`, no other driver than that.
 *
 * Kernel: drivers/base/dd.c:device_release_driver_internal and __device_release_driver, v6.1.
 * Leaves out: runtime power management, uevents, sysfs links.
 */
export const device_release_driver_internal: (
  k: Kernel,
  dev: string,
  only?: string | null,
) => Path<void> = path(
  'device_release_driver_internal',
  function* (k, dev: string, only: string | null = null): Path<void> {
    yield { type: 'lock', lock: deviceLock(dev) };
    const drv = k.state.devices[dev]?.driver ?? null;
    if (drv !== null && (only === null || only === drv)) yield* releaseLocked(k, dev, drv);
    yield { type: 'unlock', lock: deviceLock(dev) };
  },
);

/** The lock is given back while consumers are unbound: the driver may be gone after that. */
function* releaseLocked(k: Kernel, dev: string, drv: string): Path<void> {
  const driverNow = () => k.state.devices[dev]?.driver ?? null;
  while (driverNow() === drv && (yield* device_links_busy(k, dev))) {
    yield { type: 'unlock', lock: deviceLock(dev) };
    yield* device_links_unbind_consumers(k, dev, (consumer) =>
      device_release_driver_internal(k, consumer),
    );
    yield { type: 'lock', lock: deviceLock(dev) };
  }
  if (driverNow() === drv) yield* __device_release_driver(k, dev, drv);
}

const __device_release_driver = path(
  '__device_release_driver',
  function* (k, dev: string, drv: string): Path<void> {
    yield { type: 'driver.unbinding', dev, drv };
    yield* device_remove(k, dev, drv);
    yield* dma_cleanup(k, dev);
    if (k.has('devres_before_links')) {
      yield* device_unbind_cleanup(k, dev);
      yield* device_links_driver_cleanup(k, dev);
    } else {
      yield* device_links_driver_cleanup(k, dev);
      yield* device_unbind_cleanup(k, dev);
    }
    yield { type: 'driver.unbound', dev, drv };
    yield* notifyGroup(k, 'unbound', dev);
  },
);

/**
 * Unbinds every device of a driver, the last one bound first.
 *
 * Kernel: drivers/base/dd.c:driver_detach, v6.1.
 * Leaves out: nothing.
 */
export const driver_detach = path(
  'driver_detach',
  function* (k, bus: string, drv: string): Path<void> {
    const driver = driverOf(k, bus, drv);
    if (driver !== undefined && driver_allows_async_probing(k, driver))
      yield { type: 'join', what: ASYNC };
    for (;;) {
      const dev = k.state.buses[bus]?.drivers[drv]?.devices.at(-1);
      if (dev === undefined) return;
      yield* device_release_driver_internal(k, dev, drv);
    }
  },
);

/**
 * Unbinds `dev` when `drv` is its driver.
 *
 * Kernel: drivers/base/dd.c:device_driver_detach, drivers/base/bus.c:unbind_store, v6.1.
 * Leaves out: nothing.
 *
 * @returns true when it did.
 */
export function* device_driver_detach(k: Kernel, dev: string, drv: string): Path<boolean> {
  if (deviceOf(k, dev).driver !== drv) return false;
  yield* device_release_driver_internal(k, dev);
  return true;
}
