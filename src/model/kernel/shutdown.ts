/** The way down of the whole system. Kernel: drivers/base/core.c and kernel/reboot.c, v6.1. */
import type { Kernel } from '../context.ts';
import { driverOf } from '../lookup.ts';
import { deviceLock, locked, type Path, path } from '../path.ts';
import { dev_printk, initcall_debug, printk } from '../printk.ts';
import { ASYNC } from './dd-async.ts';
import { DEFERRED_PROBE_WORK } from './dd-deferred.ts';

/** What the kernel says when all devices are shut down. */
const LAST_WORDS = {
  reboot: 'reboot: Restarting system',
  poweroff: 'reboot: Power down',
  halt: 'reboot: System halted',
} as const;

/**
 * Shuts all devices down, then the machine.
 *
 * Kernel: kernel/reboot.c:kernel_restart, kernel_power_off and kernel_halt, v6.1.
 * Leaves out: notifiers, user space's part; that nothing runs afterwards.
 */
export const kernel_restart = path(
  'kernel_restart',
  function* (k, how: keyof typeof LAST_WORDS): Path<number> {
    yield* device_shutdown(k);
    yield printk('emerg', LAST_WORDS[how]);
    return 0;
  },
);

/**
 * Shuts the devices down, the one that was added or moved last first, each with its parent locked. No
 * probe succeeds from here on. Drivers stay bound.
 *
 * Kernel: drivers/base/core.c:device_shutdown, v6.1.
 * Leaves out: classes' shutdown_pre, runtime power management.
 */
const device_shutdown = path('device_shutdown', function* (k): Path<void> {
  yield { type: 'join', what: DEFERRED_PROBE_WORK };
  yield { type: 'join', what: ASYNC };
  yield { type: 'probing.blocked' };
  for (;;) {
    const dev = k.state.devices_kset.at(-1);
    if (dev === undefined) return;
    yield { type: 'device.shutdown', dev };
    const parent = lockedParent(k, dev);
    const own = locked(deviceLock(dev), shutdownOne(k, dev));
    yield* parent === null ? own : locked(deviceLock(parent), own);
  }
});

/** The parent that is locked. That of a function on a root bus is the bus's own `pci0000:00`. */
function lockedParent(k: Kernel, dev: string): string | null {
  const device = k.state.devices[dev];
  if (device === undefined) return k.state.pci.buses[dev.slice('pci'.length)]?.bridge ?? null;
  const { parent, bus } = device;
  const above = k.state.devices[parent ?? ''];
  return bus === 'pci' && above?.bus !== 'pci' ? null : parent;
}

/** Calls the bus's shutdown, which calls the driver's, or the driver's where the bus has none. */
function* shutdownOne(k: Kernel, dev: string): Path<void> {
  const device = k.state.devices[dev];
  if (device === undefined) return;
  const { bus, driver } = device;
  const shutdown = driver === null ? undefined : k.ops.driver(bus, driver).shutdown;
  const ofBus = k.ops.bus(bus).shutdown === true;
  if (!ofBus && shutdown === undefined) return;
  if (initcall_debug(k)) yield dev_printk(k, 'info', dev, 'shutdown');
  if (driver !== null && driverOf(k, bus, driver) !== undefined && shutdown !== undefined)
    yield* shutdown(k, dev, driver);
}
