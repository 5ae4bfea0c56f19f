/** Drivers and the files below /sys/bus. Kernel: drivers/base/bus.c, drivers/base/driver.c, v6.1. */
import type { DriverSpec } from '../../events/machine.ts';
import type { Kernel } from '../context.ts';
import { EACCES, EBUSY, EINVAL, ENODEV, ENOENT } from '../errno.ts';
import { driverOf } from '../lookup.ts';
import { type Path, path } from '../path.ts';
import { pr_debug, printk } from '../printk.ts';
import type { ReadState } from '../state/state.ts';
import { __device_attach, device_driver_attach, driver_attach } from './dd-attach.ts';
import { deferred_probe_extend_timeout } from './dd-deferred.ts';
import { device_driver_detach, driver_detach } from './dd-release.ts';

const FILE = 'drivers/base/bus.c';

/**
 * Registers a driver and offers it every device of its bus.
 *
 * Kernel: drivers/base/driver.c:driver_register, drivers/base/bus.c:bus_add_driver, v6.1.
 * Leaves out: sysfs, uevents, a bus that was never initialised.
 *
 * @returns 0, or -EBUSY when the bus has a driver of that name.
 */
export const driver_register: (k: Kernel, spec: DriverSpec) => Path<number> = path(
  'driver_register',
  function* (k, spec: DriverSpec): Path<number> {
    const { bus, name: drv } = spec;
    if (driverOf(k, bus, drv) !== undefined) {
      yield printk('err', `Error: Driver '${drv}' is already registered, aborting...`);
      return -EBUSY;
    }
    yield* pr_debug(k, FILE, `bus: '${bus}': add driver ${drv}`);
    yield { type: 'driver.registered', bus, drv, spec };
    if (k.state.buses[bus]?.drivers_autoprobe === true) yield* driver_attach(k, bus, drv);
    yield* deferred_probe_extend_timeout(k);
    return 0;
  },
);

/**
 * Unregisters a driver: its devices lose it, the last one bound first.
 *
 * Kernel: drivers/base/driver.c:driver_unregister, drivers/base/bus.c:bus_remove_driver, v6.1.
 * Leaves out: that its bind files stay until those who write to them are done: who has not begun to probe
 * comes too late.
 */
export const driver_unregister: (k: Kernel, bus: string, drv: string) => Path<void> = path(
  'driver_unregister',
  function* (k, bus: string, drv: string): Path<void> {
    if (driverOf(k, bus, drv) === undefined) return;
    yield { type: 'driver.going', bus, drv };
    const isLeft = (state: ReadState) => (state.buses[bus]?.drivers[drv]?.probing ?? 0) === 0;
    if (!isLeft(k.state))
      yield { type: 'wait', on: `the end of the probes of ${drv}`, until: isLeft };
    yield* pr_debug(k, FILE, `bus: '${bus}': remove driver ${drv}`);
    yield* driver_detach(k, bus, drv);
    yield { type: 'driver.unregistered', bus, drv };
  },
);

/** What opening `bind` or `unbind` of the driver for writing gives: a shell would create the file. */
function openBindFile(k: Kernel, bus: string, drv: string): number {
  const driver = driverOf(k, bus, drv);
  if (driver === undefined || driver.going) return -ENOENT;
  return driver.spec.suppress_bind_attrs ? -EACCES : 0;
}

/**
 * Writes a device's name to `drivers/DRV/bind`.
 *
 * Kernel: drivers/base/bus.c:bind_store, v6.1; -ENODEV for a bound device before
 * probe_errors_positive.
 * Leaves out: nothing.
 *
 * @returns 0; -ENOENT without the driver; -EACCES when it has no such file; -ENODEV for a device that is not there or does not match;
 * -EBUSY for a bound one; -EAGAIN for a deferral; or the probe's errno.
 */
export const bind_store = path(
  'bind_store',
  function* (k, bus: string, drv: string, dev: string): Path<number> {
    const opened = openBindFile(k, bus, drv);
    if (opened !== 0) return opened;
    const device = k.state.devices[dev];
    const driver = driverOf(k, bus, drv);
    if (device?.bus !== bus || driver === undefined) return -ENODEV;
    // A match that wants to be asked again later counts: the device is there, the answer is not.
    if (k.ops.bus(bus).match(k, device, driver) === 0) return -ENODEV;
    if (device.driver !== null && !k.has('probe_errors_positive')) return -ENODEV;
    return yield* device_driver_attach(k, dev, drv);
  },
);

/**
 * Writes a device's name to `drivers/DRV/unbind`.
 *
 * Kernel: drivers/base/bus.c:unbind_store, v6.1.
 * Leaves out: nothing.
 *
 * @returns 0; -ENOENT without the driver; -EACCES when it has no such file; -ENODEV when the driver does not have that device.
 */
export const unbind_store = path(
  'unbind_store',
  function* (k, bus: string, drv: string, dev: string): Path<number> {
    const opened = openBindFile(k, bus, drv);
    if (opened !== 0) return opened;
    if (k.state.devices[dev]?.bus !== bus) return -ENODEV;
    return (yield* device_driver_detach(k, dev, drv)) ? 0 : -ENODEV;
  },
);

/**
 * Writes a device's name to `drivers_probe`.
 *
 * Kernel: drivers/base/bus.c:drivers_probe_store and bus_rescan_devices_helper, v6.1.
 * Leaves out: nothing.
 *
 * @returns 0, also when no driver took the device; -ENODEV for an unknown device; -EINVAL when the
 * core refused.
 */
export const drivers_probe_store = path(
  'drivers_probe_store',
  function* (k, bus: string, dev: string): Path<number> {
    const device = k.state.devices[dev];
    if (device?.bus !== bus) return -ENODEV;
    if (device.driver !== null) return 0;
    return (yield* __device_attach(k, dev, false)) < 0 ? -EINVAL : 0;
  },
);

/**
 * Writes `driver_override` of a device: the next match obeys it, nothing happens now.
 *
 * Kernel: drivers/base/driver.c:driver_set_override, v6.1.
 * Leaves out: names of a page and more.
 *
 * @returns 0, or -ENOENT for a device that is not there.
 */
export const driver_override_store = path(
  'driver_override_store',
  function* (k, dev: string, drv: string | null): Path<number> {
    if (k.state.devices[dev] === undefined) return -ENOENT;
    yield { type: 'device.driver_override', dev, drv: drv === '' ? null : drv };
    return 0;
  },
);
