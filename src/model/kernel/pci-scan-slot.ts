/** Finding the functions on a bus. Kernel: drivers/pci/probe.c, v6.1. */
import type { DeviceSpec, PciFunction } from '../../events/machine.ts';
import { type Path, path } from '../path.ts';
import { printk } from '../printk.ts';
import { device_add } from './core.ts';
import { answersOn, type Written } from './pci-hardware.ts';

/** One scan: below which host bridge, and what it has written to bridges so far. */
export interface Scan {
  readonly host: string;
  /** The host bridge was never scanned before: bridges hold the numbers that the machine says. */
  readonly first: boolean;
  readonly written: Written;
  /** Bridges found by this scan. */
  readonly found: Set<string>;
}

const hex = (value: number, digits: number): string => value.toString(16).padStart(digits, '0');

function foundLine(dev: string, pci: PciFunction): string {
  const ids = `[${hex(pci.vendor, 4)}:${hex(pci.device, 4)}]`;
  return `pci ${dev}: ${ids} type ${hex(pci.header, 2)} class 0x${hex(pci.class, 6)}`;
}

/** What pci_port_in_log adds to the line: the kind of port. */
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

/** A function as it is known under `name`: what it brings along is named after it. */
function specAs(spec: DeviceSpec, name: string, parent: string): DeviceSpec {
  if (spec.name === name && spec.parent === parent) return spec;
  const rename = (child: DeviceSpec): DeviceSpec =>
    child.name.startsWith(`${spec.name}:`)
      ? { ...child, parent: name, name: `${name}${child.name.slice(spec.name.length)}` }
      : child;
  const creates = spec.creates?.map(rename);
  return { ...spec, name, parent, ...(creates === undefined ? {} : { creates }) };
}

/**
 * Finds the functions on one bus that are not known yet. Reading configuration space takes long:
 * initcalls, and whatever else can run, get ahead of a scan that runs beside them.
 *
 * Kernel: drivers/pci/probe.c:pci_scan_slot, pci_scan_device, pci_device_add, v6.1.
 * Leaves out: resources, SR-IOV, slots without a function 0; a bus whose bridge is gone.
 */
export const pci_scan_slots = path(
  'pci_scan_slot',
  function* (k, scan: Scan, bus: string): Path<void> {
    const { bridge, bridge_gone } = k.state.pci.buses[bus] ?? { bridge: '', bridge_gone: true };
    for (const { hardware, name } of answersOn(k, scan.host, scan.written, bus)) {
      const { pci } = hardware;
      if (k.state.devices[name] !== undefined || pci === undefined || bridge_gone) continue;
      yield { type: 'cond_resched' };
      const port = PORT_NAMES[pci.pcie ?? ''] ?? 'conventional PCI endpoint';
      const tail = k.has('pci_port_in_log') ? ` ${port}` : '';
      yield printk('info', `${foundLine(name, pci)}${tail}`);
      if (name !== hardware.name)
        yield { type: 'pci.renumbered', dev: name, hardware: hardware.name };
      yield* device_add(k, specAs(hardware, name, bridge));
      if (pci.header === 1) scan.found.add(name);
      yield { type: 'cond_resched' };
    }
  },
);
