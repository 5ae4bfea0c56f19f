/** Taking a driver off a device. Kernel: drivers/base/dd.c, v6.1 unless said. */
import type { Kernel } from '../context.ts';
import { deviceOf } from '../lookup.ts';
import { deviceLock, type Path, path } from '../path.ts';
import { device_remove, device_unbind_cleanup, dma_cleanup } from './dd.ts';
import {
  device_links_busy,
  device_links_driver_cleanup,
  device_links_unbind_consumers,
} from './device-links.ts';
import { iommu_bus_notifier } from './vfio-viable.ts';

/**
 * Unbinds whatever driver `dev` has, consumers of the device first.
 *
 * Kernel: drivers/base/dd.c:device_release_driver_internal and __device_release_driver, v6.1.
 * Leaves out: runtime power management, uevents, sysfs links.
 */
export const device_release_driver_internal: (k: Kernel, dev: string) => Path<void> = path(
  'device_release_driver_internal',
  function* (k, dev: string): Path<void> {
    yield { type: 'lock', lock: deviceLock(dev) };
    const drv = k.state.devices[dev]?.driver ?? null;
    const driverNow = () => k.state.devices[dev]?.driver ?? null;
    while (drv !== null && driverNow() === drv && (yield* device_links_busy(k, dev))) {
      yield { type: 'unlock', lock: deviceLock(dev) };
      yield* device_links_unbind_consumers(k, dev, (consumer) =>
        device_release_driver_internal(k, consumer),
      );
      yield { type: 'lock', lock: deviceLock(dev) };
    }
    if (drv !== null && driverNow() === drv) yield* __device_release_driver(k, dev, drv);
    yield { type: 'unlock', lock: deviceLock(dev) };
  },
);

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
    yield* iommu_bus_notifier(k, 'unbound', dev);
  },
);

/**
 * Unbinds every device of a driver, the last one bound first.
 *
 * Kernel: drivers/base/dd.c:driver_detach, v6.1.
 * Leaves out: waiting for asynchronous probes.
 */
export const driver_detach = path(
  'driver_detach',
  function* (k, bus: string, drv: string): Path<void> {
    for (;;) {
      const dev = k.state.buses[bus]?.drivers[drv]?.devices.at(-1);
      if (dev === undefined) return;
      yield* device_release_driver_internal(k, dev);
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
