/** PCI enumeration, hot removal and rescan. Kernel: drivers/pci/{probe,bus,remove}.c, v6.1. */
import type { DeviceSpec, PciFunction } from '../../events/machine.ts';
import type { DriverOps, Kernel } from '../context.ts';
import { ENODEV, ENOENT, EPROBE_DEFER } from '../errno.ts';
import { deviceOf } from '../lookup.ts';
import { type Path, path } from '../path.ts';
import { dev_printk, printk } from '../printk.ts';
import { addChildren, device_add, device_del, removeChildren } from './core.ts';
import { __device_attach } from './dd-attach.ts';
import { device_release_driver_internal } from './dd-release.ts';
import { pciAddress } from './requester-ids.ts';

const hex = (value: number, digits: number): string => value.toString(16).padStart(digits, '0');

/** The functions that hardware has below `parent`, in the order a scan finds them. */
function functionsBelow(k: Kernel, parent: string): readonly DeviceSpec[] {
  return k.machine.devices.filter((d) => d.pci !== undefined && d.parent === parent);
}

/** The functions that are enumerated below `parent`, in the order they were found. */
function devicesBelow(k: Kernel, parent: string): readonly string[] {
  const all = k.state.buses['pci']?.devices ?? [];
  return all.filter((name) => k.state.devices[name]?.parent === parent);
}

function foundLine(dev: string, pci: PciFunction): string {
  const ids = `[${hex(pci.vendor, 4)}:${hex(pci.device, 4)}]`;
  return `pci ${dev}: ${ids} type ${hex(pci.header, 2)} class 0x${hex(pci.class, 6)}`;
}

/** What kernels from 6.10 on add to the line: the kind of port. */
const PORT_NAMES: Readonly<Record<string, string>> = {
  endpoint: 'PCIe Endpoint',
  'legacy-endpoint': 'PCIe Legacy Endpoint',
  'root-port': 'PCIe Root Port',
  upstream: 'PCIe Switch Upstream Port',
  downstream: 'PCIe Switch Downstream Port',
  'pcie-to-pci': 'PCIe to PCI/PCI-X bridge',
  'pci-to-pcie': 'PCI/PCI-X to PCIe bridge',
  'rc-endpoint': 'PCIe Root Complex Integrated Endpoint',
  'rc-event-collector': 'PCIe Root Complex Event Collector',
};

/**
 * Finds the functions below a bridge that are not known yet: a whole bus first, then behind each
 * bridge on it. Reading configuration space takes long: initcalls, and whatever else can run, get
 * ahead of a scan that runs beside them.
 *
 * Kernel: drivers/pci/probe.c:pci_scan_child_bus, pci_scan_slot, pci_device_add, v6.1.
 * Leaves out: resources, bus numbering, SR-IOV.
 */
const pci_scan_child_bus: (k: Kernel, parent: string) => Path<void> = path(
  'pci_scan_child_bus',
  function* (k, parent: string): Path<void> {
    const functions = functionsBelow(k, parent);
    for (const spec of functions) {
      if (k.state.devices[spec.name] !== undefined || spec.pci === undefined) continue;
      yield { type: 'cond_resched' };
      const port = PORT_NAMES[spec.pci.pcie ?? ''] ?? 'conventional PCI endpoint';
      const tail = k.has('pci_port_in_log') ? ` ${port}` : '';
      yield printk('info', `${foundLine(spec.name, spec.pci)}${tail}`);
      yield* device_add(k, spec);
      yield { type: 'cond_resched' };
    }
    for (const spec of functions)
      if (spec.pci?.header === 1) yield* pci_scan_child_bus(k, spec.name);
  },
);

/**
 * Lets drivers find the functions of a bus, then those behind its bridges.
 *
 * Kernel: drivers/pci/bus.c:pci_bus_add_devices and pci_bus_add_device, v6.1.
 * Leaves out: final quirks, sysfs and proc files.
 */
const pci_bus_add_devices: (k: Kernel, parent: string) => Path<void> = path(
  'pci_bus_add_devices',
  function* (k, parent: string): Path<void> {
    for (const dev of devicesBelow(k, parent)) {
      if (k.state.devices[dev]?.match_driver !== false) continue;
      yield { type: 'device.match_driver', dev };
      const ret = yield* __device_attach(k, dev, false);
      if (ret < 0 && ret !== -EPROBE_DEFER && k.state.devices[dev] !== undefined)
        yield dev_printk(k, 'warn', dev, `device attach failed (${ret})`);
    }
    for (const dev of devicesBelow(k, parent))
      if (deviceOf(k, dev).spec.pci?.header === 1) yield* pci_bus_add_devices(k, dev);
  },
);

/** The bus below a host bridge, as `0000:00`; null when nothing hangs below it. */
function rootBusName(k: Kernel, host: string): string | null {
  const first = functionsBelow(k, host)[0]?.name;
  return first !== undefined && pciAddress(first) !== null ? first.slice(0, -5) : null;
}

/**
 * Scans a root bus and starts its devices.
 *
 * Kernel: drivers/pci/probe.c:pci_host_probe, v6.1.
 * Leaves out: resource assignment.
 */
export const pci_host_probe = path('pci_host_probe', function* (k, host: string): Path<number> {
  const bus = rootBusName(k, host);
  const text = `PCI host bridge to bus ${bus}`;
  const hasDriver = k.state.devices[host]?.driver != null;
  if (bus !== null) yield hasDriver ? dev_printk(k, 'info', host, text) : printk('info', text);
  yield* pci_scan_child_bus(k, host);
  yield* pci_bus_add_devices(k, host);
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
    for (const child of devicesBelow(k, dev).toReversed()) yield* pci_stop_bus_device(k, child);
    yield* device_release_driver_internal(k, dev);
  },
);

/**
 * A function and all below it are deleted.
 *
 * Kernel: drivers/pci/remove.c:pci_remove_bus_device, v6.1.
 * Leaves out: freeing of resources.
 */
const pci_remove_bus_device: (k: Kernel, dev: string) => Path<void> = path(
  'pci_remove_bus_device',
  function* (k, dev: string): Path<void> {
    for (const child of devicesBelow(k, dev)) yield* pci_remove_bus_device(k, child);
    yield* device_del(k, dev);
  },
);

/**
 * The driver of a host bridge.
 *
 * Kernel: drivers/pci/controller/pci-host-common.c, v6.1.
 * Leaves out: resources, ECAM.
 */
export const hostBridgeDriver: DriverOps = {
  probe: (k, dev) => pci_host_probe(k, dev),
  *remove(k, dev) {
    for (const child of devicesBelow(k, dev).toReversed()) yield* pci_stop_bus_device(k, child);
    for (const child of devicesBelow(k, dev)) yield* pci_remove_bus_device(k, child);
  },
};

/**
 * The driver of PCI Express ports, which makes a device of each service of the port.
 *
 * Kernel: drivers/pci/pcie/portdrv_pci.c, v6.1.
 * Leaves out: error handling, power management.
 */
export const portDriver: DriverOps = {
  probe: path('pcie_portdrv_probe', pcie_portdrv_probe),
  remove: removeChildren,
};

/**
 * Kernel: drivers/pci/pcie/portdrv_pci.c:pcie_portdrv_probe, v6.1.
 * Leaves out: interrupt set-up, runtime power management.
 */
function* pcie_portdrv_probe(k: Kernel, dev: string): Path<number> {
  const type = deviceOf(k, dev).spec.pci?.pcie ?? null;
  const isPort = type === 'root-port' || type === 'upstream' || type === 'downstream';
  if (!isPort && type !== 'rc-event-collector') return -ENODEV;
  yield* addChildren(k, dev);
  return 0;
}

/**
 * Writes 1 to the `remove` file of a function.
 *
 * Kernel: drivers/pci/pci-sysfs.c:remove_store, drivers/pci/remove.c, v6.1.
 * Leaves out: nothing.
 *
 * @returns 0, or -ENOENT for a function that is not there.
 */
export const remove_store = path('remove_store', function* (k, dev: string): Path<number> {
  if (k.state.devices[dev]?.bus !== 'pci') return -ENOENT;
  yield* pci_stop_bus_device(k, dev);
  yield* pci_remove_bus_device(k, dev);
  return 0;
});

/**
 * Writes 1 to a `rescan` file: every host bridge is scanned again.
 *
 * Kernel: drivers/pci/pci-sysfs.c:rescan_store, drivers/pci/probe.c:pci_rescan_bus, v6.1.
 * Leaves out: renumbering of buses behind bridges.
 *
 * @returns 0, or -ENOENT for a device that is not there.
 */
export const rescan_store = path('rescan_store', function* (k, dev: string | null): Path<number> {
  if (dev !== null && k.state.devices[dev] === undefined) return -ENOENT;
  for (const host of hostBridges(k)) {
    yield* pci_scan_child_bus(k, host);
    yield* pci_bus_add_devices(k, host);
  }
  return 0;
});

/**
 * Devices that have PCI functions below them and are none, in the order of the machine.
 *
 * Kernel: drivers/pci/search.c:pci_find_next_bus, v6.1.
 * Leaves out: nothing.
 */
export function hostBridges(k: Kernel): readonly string[] {
  const parents = new Set(
    k.machine.devices.flatMap((d) => (d.pci !== undefined && d.parent !== null ? [d.parent] : [])),
  );
  const isFunction = (name: string) => k.machine.devices.some((d) => d.name === name && d.pci);
  return [...parents].filter((name) => !isFunction(name));
}
