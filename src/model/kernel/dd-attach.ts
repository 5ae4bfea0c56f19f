/** Finding a driver for a device and devices for a driver. Kernel: drivers/base/dd.c, v6.1. */
import type { Kernel } from '../context.ts';
import { EAGAIN, EBUSY, ENODEV, EPROBE_DEFER } from '../errno.ts';
import { deviceOf, driverOf } from '../lookup.ts';
import { deviceLock, locked, type Path, path } from '../path.ts';
import { dev_dbg, initcall_debug, printk } from '../printk.ts';
import type { ReadDriver } from '../state/state.ts';
import { dd_dbg, really_probe } from './dd.ts';
import { ASYNC, driver_allows_async_probing } from './dd-async.ts';
import { driver_deferred_probe_add, driver_deferred_probe_trigger } from './dd-deferred.ts';

const FILE = 'drivers/base/dd.c';

/**
 * Checks that `dev` can be probed at all, and probes it.
 *
 * Kernel: drivers/base/dd.c:__driver_probe_device, v6.1; part of driver_probe_device before
 * probe_errors_positive, when every deferral was queued here, that of a manual bind too.
 * Leaves out: runtime power management.
 *
 * @returns what really_probe returns, -ENODEV for a dying device, -EBUSY for one with a driver, or
 * -EPROBE_DEFER for one that device_add is not done with.
 */
const __driver_probe_device = path(
  '__driver_probe_device',
  function* (k, dev: string, drv: string): Path<number> {
    const device = k.state.devices[dev];
    if (device === undefined || device.dead) return -ENODEV;
    if (device.driver !== null) return -EBUSY;
    if (k.has('ready_to_probe') && !device.ready_to_probe) return -EPROBE_DEFER;
    yield { type: 'probe.matched', dev, drv };
    const isSplit = k.has('probe_errors_positive');
    const { trigger_count } = k.state.deferred;
    const where = `bus: '${device.bus}': ${isSplit ? '__' : ''}driver_probe_device:`;
    yield* dd_dbg(k, dev, [
      `${where} matched device ${dev} with driver ${drv}`,
      `${where} matched device with driver ${drv}`,
    ]);
    const ret = yield* really_probe(k, dev, drv);
    yield { type: 'probe.finished', dev, drv, ret };
    const printed = isSplit ? ret : swallowed(ret);
    if (initcall_debug(k))
      yield printk('debug', `probe of ${dev} returned ${printed} after 0 usecs`);
    if (!isSplit) yield* queueDeferral(k, dev, ret, trigger_count);
    return ret;
  },
);

/** What really_probe returned when it kept errors to itself: 1 for bound, 0 for not. */
function swallowed(ret: number): number {
  return ret === 0 ? 1 : Math.min(ret, 0);
}

/** Queues a device whose probe deferred; a trigger that came meanwhile is not lost. */
function* queueDeferral(k: Kernel, dev: string, ret: number, trigger_count: number): Path<void> {
  if (Math.abs(ret) !== EPROBE_DEFER) return;
  yield* driver_deferred_probe_add(k, dev);
  if (trigger_count !== k.state.deferred.trigger_count) yield* driver_deferred_probe_trigger(k);
}

/**
 * Probes, and queues the device when the probe defers.
 *
 * Kernel: drivers/base/dd.c:driver_probe_device, v6.1.
 * Leaves out: waiters for probe_count.
 *
 * @returns what __driver_probe_device returns.
 */
const driver_probe_device = path(
  'driver_probe_device',
  function* (k, dev: string, drv: string): Path<number> {
    const { trigger_count } = k.state.deferred;
    const ret = yield* __driver_probe_device(k, dev, drv);
    if (k.has('probe_errors_positive')) yield* queueDeferral(k, dev, ret, trigger_count);
    return ret;
  },
);

/** 1 for a driver that matches the device, 0 for none, -EPROBE_DEFER where the bus cannot tell yet. */
function driver_match_device(k: Kernel, dev: string, drv: ReadDriver): number {
  const device = k.state.devices[dev];
  return device === undefined ? 0 : k.ops.bus(device.bus).match(k, device, drv);
}

/**
 * Tries the drivers of the bus on `dev`, in registration order, until one binds.
 *
 * Kernel: drivers/base/dd.c:__device_attach and __device_attach_driver, v6.1.
 * Leaves out: a device whose driver was set by hand before (device_bind_driver).
 *
 * @returns 1 when bound, 0 when no driver took it, or a negative errno from the core.
 */
export const __device_attach = path(
  '__device_attach',
  function* (k, dev: string, allow_async: boolean): Path<number> {
    const { ret, async } = yield* locked(deviceLock(dev), attachLocked(k, dev, allow_async));
    const path = () => __device_attach_async_helper(k, dev);
    if (async) yield { type: 'spawn', what: `${ASYNC} ${dev}`, path };
    return ret;
  },
);

function* attachLocked(
  k: Kernel,
  dev: string,
  allow_async: boolean,
): Path<{ ret: number; async: boolean }> {
  const device = k.state.devices[dev];
  if (device === undefined || device.dead) return { ret: 0, async: false };
  if (device.driver !== null) return { ret: 1, async: false };
  const { ret, have_async } = yield* tryDrivers(k, dev, allow_async ? false : null);
  const async = ret === 0 && have_async && allow_async;
  if (async) yield* dev_dbg(k, FILE, dev, 'scheduling asynchronous probe');
  return { ret, async };
}

/** One pass over the bus; `want_async` null takes every driver, else only those of that kind. */
function* tryDrivers(
  k: Kernel,
  dev: string,
  want_async: boolean | null,
): Path<{ ret: number; have_async: boolean }> {
  let have_async = false;
  const { bus } = deviceOf(k, dev);
  for (const name of Object.keys(k.state.buses[bus]?.drivers ?? {})) {
    const drv = driverOf(k, bus, name);
    if (drv === undefined || drv.going) continue;
    const match = driver_match_device(k, dev, drv);
    if (match === -EPROBE_DEFER) yield* deferMatch(k, dev);
    if (match === -EPROBE_DEFER && k.has('match_defer_stops')) return { ret: match, have_async };
    if (match === 0) continue;
    const is_async = driver_allows_async_probing(k, drv);
    if (is_async) have_async = true;
    if (want_async !== null && is_async !== want_async) continue;
    const ret = yield* driver_probe_device(k, dev, name);
    if (ret < 0) return { ret, have_async };
    if (ret === 0) return { ret: 1, have_async };
  }
  return { ret: 0, have_async };
}

/** The bus cannot say yet whether the driver fits: the device is queued. */
function* deferMatch(k: Kernel, dev: string): Path<void> {
  yield* dev_dbg(k, FILE, dev, 'Device match requests probe deferral');
  yield { type: 'device.can_match', dev };
  yield* driver_deferred_probe_add(k, dev);
}

/**
 * The second pass, for drivers that allow asynchronous probing.
 *
 * Kernel: drivers/base/dd.c:__device_attach_async_helper, v6.1.
 * Leaves out: runtime power management.
 */
const __device_attach_async_helper = path(
  '__device_attach_async_helper',
  function* (k, dev: string): Path<number> {
    yield { type: 'lock', lock: deviceLock(dev) };
    const device = k.state.devices[dev];
    if (device !== undefined && !device.dead && device.driver === null) {
      yield* tryDrivers(k, dev, true);
      yield* dev_dbg(k, FILE, dev, 'async probe completed');
    }
    yield { type: 'unlock', lock: deviceLock(dev) };
    return 0;
  },
);

/**
 * Tries `drv` on every device of its bus, in the order the devices were added.
 *
 * Kernel: drivers/base/dd.c:driver_attach and __driver_attach, v6.1.
 * Leaves out: nothing.
 *
 * @returns 0: a device's failure never stops the loop.
 */
export const driver_attach = path(
  'driver_attach',
  function* (k, bus: string, drv: string): Path<number> {
    for (const dev of k.state.buses[bus]?.devices.slice() ?? []) {
      const spec = driverOf(k, bus, drv);
      if (spec && driver_match_device(k, dev, spec) !== 0) yield* __driver_attach(k, bus, drv, dev);
    }
    return 0;
  },
);

const __driver_attach = path(
  '__driver_attach',
  function* (k, bus: string, drv: string, dev: string): Path<void> {
    const driver = driverOf(k, bus, drv);
    if (driver === undefined) return;
    const match = driver_match_device(k, dev, driver);
    if (match === -EPROBE_DEFER) yield* deferMatch(k, dev);
    if (match === 0 || (match < 0 && k.has('match_defer_stops'))) return;
    if (driver_allows_async_probing(k, driver)) {
      yield* dev_dbg(k, FILE, dev, `probing driver ${drv} asynchronously`);
      const path = () => __driver_attach_async_helper(k, dev, drv);
      if (yield* locked(deviceLock(dev), noteAsyncDriver(k, dev, drv)))
        yield { type: 'spawn', what: `${ASYNC} ${dev}`, path };
      return;
    }
    yield* locked(deviceLock(dev), driver_probe_device(k, dev, drv));
  },
);

/**
 * Notes the driver for an asynchronous probe. While one is noted, no other driver is: it will not be
 * tried on the device, even if that probe fails.
 */
function* noteAsyncDriver(k: Kernel, dev: string, drv: string): Path<boolean> {
  const device = k.state.devices[dev];
  if (device === undefined || device.driver !== null || device.async_driver !== null) return false;
  yield { type: 'device.async_driver', dev, drv };
  return true;
}

/**
 * Kernel: drivers/base/dd.c:__driver_attach_async_helper, v6.1.
 * Leaves out: nothing.
 */
const __driver_attach_async_helper = path(
  '__driver_attach_async_helper',
  function* (k, dev: string, drv: string): Path<number> {
    yield { type: 'lock', lock: deviceLock(dev) };
    if (k.state.devices[dev] !== undefined) yield { type: 'device.async_driver', dev, drv: null };
    const ret = yield* driver_probe_device(k, dev, drv);
    yield { type: 'unlock', lock: deviceLock(dev) };
    if (k.state.devices[dev] !== undefined)
      yield* dev_dbg(k, FILE, dev, `driver ${drv} async attach completed: ${ret}`);
    return 0;
  },
);

/**
 * Binds by hand: one driver, one device, no queueing when it defers.
 *
 * Kernel: drivers/base/dd.c:device_driver_attach, v6.1.
 * Leaves out: nothing.
 *
 * @returns 0 or a negative errno: the driver's own errors lose their sign, a deferral is -EAGAIN.
 * Without probe_errors_positive any failure of the driver is -ENODEV.
 */
export const device_driver_attach = path(
  'device_driver_attach',
  function* (k, dev: string, drv: string): Path<number> {
    const ret = yield* locked(deviceLock(dev), probeByHand(k, dev, drv));
    if (!k.has('probe_errors_positive')) return ret > 0 ? -ENODEV : ret;
    const errno = ret > 0 ? -ret : ret;
    return errno === -EPROBE_DEFER ? -EAGAIN : errno;
  },
);

/** Probes, unless the driver went while it was waited for the device. */
function* probeByHand(k: Kernel, dev: string, drv: string): Path<number> {
  const bus = k.state.devices[dev]?.bus;
  if (bus === undefined || driverOf(k, bus, drv)?.going !== false) return -ENODEV;
  return yield* __driver_probe_device(k, dev, drv);
}

/**
 * Looks for a driver for a device that is new, asynchronously where a driver wants that.
 *
 * Kernel: drivers/base/dd.c:device_initial_probe, v6.1; it asks whether the bus does so by itself
 * since drivers_autoprobe_all.
 * Leaves out: nothing.
 */
export function* device_initial_probe(k: Kernel, dev: string): Path<void> {
  if (k.has('drivers_autoprobe_all') && !probesByItself(k, dev)) return;
  yield* __device_attach(k, dev, true);
}

function probesByItself(k: Kernel, dev: string): boolean {
  const bus = k.state.devices[dev]?.bus;
  return bus !== undefined && k.state.buses[bus]?.drivers_autoprobe === true;
}

/**
 * Looks for a driver on the bus, if the bus does so by itself.
 *
 * Kernel: drivers/base/bus.c:bus_probe_device, v6.1.
 * Leaves out: subsystem interfaces.
 */
export const bus_probe_device = path('bus_probe_device', function* (k, dev: string): Path<void> {
  if (probesByItself(k, dev)) yield* device_initial_probe(k, dev);
});
