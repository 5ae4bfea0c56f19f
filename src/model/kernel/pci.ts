/** PCI functions coming and going. Kernel: drivers/pci/{bus,remove,pci-sysfs}.c, v6.1. */
import { isPciBus } from '../../events/stimulus.ts';
import type { DriverOps, Kernel } from '../context.ts';
import { ENOENT, EPROBE_DEFER } from '../errno.ts';
import { deviceOf } from '../lookup.ts';
import { locked, type Path, path } from '../path.ts';
import { dev_printk } from '../printk.ts';
import { device_del } from './core.ts';
import { __device_attach, device_initial_probe } from './dd-attach.ts';
import { device_release_driver_internal } from './dd-release.ts';
import { busOfFunction, hostsOf, LAST_BUS, rootBusOf } from './pci-hardware.ts';
import { hostLine, pci_scan_child_bus } from './pci-probe.ts';
import { devicesBehind, devicesOn, pci_find_host_bridge, rootBus } from './pci-search.ts';
import { pci_create_sysfs_dev_files } from './pci-sysfs.ts';

/**
 * The lock around everything that changes what is on PCI buses.
 *
 * Kernel: drivers/pci/probe.c:pci_rescan_remove_lock, v6.1.
 * Leaves out: nothing.
 */
export const PCI_RESCAN_REMOVE_LOCK = 'pci_rescan_remove_lock';

/**
 * Lets drivers find the functions of a bus, then those behind its bridges.
 *
 * Kernel: drivers/pci/bus.c:pci_bus_add_devices and pci_bus_add_device, v6.1; with pci_async_attach
 * as of v7.2.
 * Leaves out: final quirks, proc files; that with pci_of_status sysfs files are made all the same, and
 * that two releases did not add such a function at all.
 */
export const pci_bus_add_devices: (k: Kernel, bus: string) => Path<void> = path(
  'pci_bus_add_devices',
  function* (k, bus: string): Path<void> {
    for (const dev of devicesOn(k, bus)) {
      if (k.state.devices[dev]?.match_driver !== false) continue;
      if (k.has('pci_of_status') && deviceOf(k, dev).spec.of_disabled === true) continue;
      yield* pci_create_sysfs_dev_files(k, dev);
      yield { type: 'device.match_driver', dev };
      if (k.has('pci_async_attach')) yield* device_initial_probe(k, dev);
      else yield* device_attach(k, dev);
    }
    for (const dev of devicesOn(k, bus)) {
      const child = k.state.pci.subordinate[dev];
      if (child !== undefined) yield* pci_bus_add_devices(k, child);
      if (k.state.pci.impaired[dev] !== 'bus-refused') continue;
      const what = `${dev} points to a bus that was never registered, and is freed`;
      yield { type: 'kernel.oopsed', at: 'pci_bus_add_devices', what };
    }
  },
);

/** The attach of old, which says what the core refused. Kernel: pci_bus_add_device, v6.1. */
function* device_attach(k: Kernel, dev: string): Path<void> {
  const ret = yield* __device_attach(k, dev, false);
  if (ret < 0 && ret !== -EPROBE_DEFER && k.state.devices[dev] !== undefined)
    yield dev_printk(k, 'warn', dev, `device attach failed (${ret})`);
}

/**
 * Scans a root bus and starts its devices.
 *
 * Kernel: drivers/pci/probe.c:pci_host_probe, v6.1.
 * Leaves out: resource assignment; that v6.12 holds pci_rescan_remove_lock around the scan, and again
 * while the devices are added.
 */
export const pci_host_probe = path('pci_host_probe', function* (k, host: string): Path<number> {
  const bus = rootBusOf(k.machine, host);
  if (bus === null) return 0;
  yield hostLine(k, host, `PCI host bridge to bus ${bus}`);
  const first = !k.state.pci.scanned.includes(host);
  yield { type: 'pci.bus_added', bus, bridge: host, above: null, end: LAST_BUS };
  yield* pci_scan_child_bus(k, host, bus, first);
  yield* pci_bus_add_devices(k, bus);
  return 0;
});

/**
 * A function and all below it lose their drivers, the deepest and last first.
 *
 * Kernel: drivers/pci/remove.c:pci_stop_bus_device, v6.1.
 * Leaves out: sysfs and proc files.
 */
const pci_stop_bus_device: (k: Kernel, dev: string) => Path<void> = path(
  'pci_stop_bus_device',
  function* (k, dev: string): Path<void> {
    for (const child of devicesBehind(k, dev).toReversed()) yield* pci_stop_bus_device(k, child);
    yield* device_release_driver_internal(k, dev);
  },
);

/**
 * A function and all below it are deleted, and the bus between them. A bus that the bridge had under
 * another number before stays.
 *
 * Kernel: drivers/pci/remove.c:pci_remove_bus_device, v6.1.
 * Leaves out: freeing of resources.
 */
const pci_remove_bus_device: (k: Kernel, dev: string) => Path<void> = path(
  'pci_remove_bus_device',
  function* (k, dev: string): Path<void> {
    for (const child of devicesBehind(k, dev)) yield* pci_remove_bus_device(k, child);
    const bus = k.state.pci.subordinate[dev];
    if (bus !== undefined) yield { type: 'pci.bus_removed', bus };
    yield* device_del(k, dev);
  },
);

/**
 * Takes the root bus of a host bridge away.
 *
 * Kernel: drivers/pci/remove.c:pci_stop_root_bus and pci_remove_root_bus, v6.1.
 * Leaves out: the device of the host bridge.
 */
const pci_remove_root_bus = path('pci_remove_root_bus', function* (k, host: string): Path<void> {
  const bus = rootBus(k, host);
  if (bus === null) return;
  for (const dev of devicesOn(k, bus).toReversed()) yield* pci_stop_bus_device(k, dev);
  for (const dev of devicesOn(k, bus)) yield* pci_remove_bus_device(k, dev);
  yield { type: 'pci.bus_removed', bus };
});

/**
 * The driver of a host bridge.
 *
 * Kernel: drivers/pci/controller/pci-host-common.c, v6.1.
 * Leaves out: resources, ECAM.
 */
export const hostBridgeDriver: Required<Pick<DriverOps, 'probe' | 'remove'>> = {
  probe: (k, dev) => pci_host_probe(k, dev),
  remove: (k, dev) => locked(PCI_RESCAN_REMOVE_LOCK, pci_remove_root_bus(k, dev)),
};

/**
 * Writes 1 to the `remove` file of a function.
 *
 * Kernel: drivers/pci/pci-sysfs.c:remove_store, drivers/pci/remove.c, v6.1.
 * Leaves out: nothing.
 *
 * @returns 0, or -ENOENT for a function that is not there, or is out of sight.
 */
export const remove_store = path('remove_store', function* (k, dev: string): Path<number> {
  const device = k.state.devices[dev];
  if (device?.bus !== 'pci' || device.orphaned) return -ENOENT;
  yield* locked(PCI_RESCAN_REMOVE_LOCK, pci_stop_and_remove(k, dev));
  return 0;
});

/**
 * A function and all below it go.
 *
 * Kernel: drivers/pci/remove.c:pci_stop_and_remove_bus_device, v6.1.
 * Leaves out: nothing.
 */
export function* pci_stop_and_remove(k: Kernel, dev: string): Path<void> {
  if (k.state.devices[dev] === undefined) return;
  yield* pci_stop_bus_device(k, dev);
  yield* pci_remove_bus_device(k, dev);
}

/**
 * Looks for functions on a bus and behind it, and starts those that are new.
 *
 * Kernel: drivers/pci/probe.c:pci_rescan_bus, v6.1.
 * Leaves out: resource assignment.
 */
const pci_rescan_bus = path('pci_rescan_bus', function* (k, host: string, bus: string): Path<void> {
  yield* pci_scan_child_bus(k, host, bus, false);
  yield* pci_bus_add_devices(k, bus);
});

/**
 * Writes 1 to a `rescan` file: of the bus type, which scans every root bus again, of a function, which
 * scans the bus it is on, or of a bus.
 *
 * Kernel: drivers/pci/pci-sysfs.c:rescan_store, dev_rescan_store and bus_rescan_store, v6.1.
 * Leaves out: new windows for the bridge of an empty bus.
 *
 * @returns 0, or -ENOENT for what is not there, or is out of sight.
 */
export const rescan_store = path('rescan_store', function* (k, at: string | null): Path<number> {
  if (at !== null && !isInSight(k, at)) return -ENOENT;
  yield* locked(PCI_RESCAN_REMOVE_LOCK, at === null ? rescanAll(k) : rescanAt(k, at));
  return 0;
});

function isInSight(k: Kernel, at: string): boolean {
  if (isPciBus(at)) return k.state.pci.buses[at]?.bridge_gone === false;
  const device = k.state.devices[at];
  return device?.bus === 'pci' && !device.orphaned;
}

function* rescanAll(k: Kernel): Path<void> {
  for (const host of hostsOf(k.machine)) {
    const bus = rootBus(k, host);
    if (bus !== null) yield* pci_rescan_bus(k, host, bus);
  }
}

/** Scans a bus, or that of a function; nothing when no root bus leads to it. */
function* rescanAt(k: Kernel, at: string): Path<void> {
  const bus = isPciBus(at) ? at : busOfFunction(at);
  const host = pci_find_host_bridge(k, bus);
  if (host !== null) yield* pci_rescan_bus(k, host, bus);
}
