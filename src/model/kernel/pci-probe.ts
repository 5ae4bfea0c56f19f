/** Enumeration of PCI buses. Kernel: drivers/pci/probe.c, v6.1. */
import type { DeviceSpec, PciFunction } from '../../events/machine.ts';
import type { Kernel } from '../context.ts';
import { deviceOf } from '../lookup.ts';
import { type Path, path } from '../path.ts';
import { dev_printk, printk } from '../printk.ts';
import { device_add } from './core.ts';
import { devicesOn, pci_find_bus } from './pci-search.ts';
import {
  answersOn,
  type BusNumbers,
  bridgeAt,
  busName,
  busNumber,
  busOfFunction,
  isNumberedByKernel,
  type Written,
} from './pci-hardware.ts';

/** One scan: below which host bridge, and what it has written to bridges so far. */
interface Scan {
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

/** The last bus number of a domain. */
const LAST_BUS = 0xff;

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
 * Does the kernel number all bridges itself, whatever they hold?
 *
 * Kernel: include/asm-generic/pci.h:pcibios_assign_all_busses;
 * drivers/pci/controller/pci-host-common.c sets PCI_REASSIGN_ALL_BUS, v6.1.
 * Leaves out: other host bridges that set it; linux,pci-probe-only.
 */
function pcibios_assign_all_busses(k: Kernel, host: string): boolean {
  const generic = k.state.devices[host]?.driver === 'pci-host-generic';
  return generic && isNumberedByKernel(k.machine, host);
}

/**
 * Finds the functions on one bus that are not known yet. Reading configuration space takes long:
 * initcalls, and whatever else can run, get ahead of a scan that runs beside them.
 *
 * Kernel: drivers/pci/probe.c:pci_scan_slot, pci_scan_device, pci_device_add, v6.1.
 * Leaves out: resources, SR-IOV, slots without a function 0; a bus whose bridge is gone.
 */
const pci_scan_slots = path('pci_scan_slot', function* (k, scan: Scan, bus: string): Path<void> {
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
});

const isHotplugBridge = (k: Kernel, dev: string): boolean =>
  k.state.devices[dev]?.spec.pci?.slot !== undefined;

/** `pci=hpbussize=N`: how many buses a hot-plug bridge gets at least. */
function pci_hotplug_bus_size(k: Kernel): number {
  const given = /(?:^|,)hpbussize=(\d+)/.exec(k.cmdline('pci') ?? '')?.[1];
  return given === undefined ? 1 : Number(given);
}

/**
 * Scans a bus and what is behind its bridges: first those that have their numbers, then the others.
 * What is left of `available` goes to hot-plug bridges.
 *
 * Kernel: drivers/pci/probe.c:pci_scan_child_bus_extend, v6.1.
 * Leaves out: buses of virtual functions.
 *
 * @returns the last bus number behind the bus.
 */
const pci_scan_child_bus_extend: (
  k: Kernel,
  scan: Scan,
  bus: string,
  available: number,
) => Path<number> = path(
  'pci_scan_child_bus_extend',
  function* (k, scan: Scan, bus: string, available: number): Path<number> {
    const start = busNumber(bus);
    yield* pci_scan_slots(k, scan, bus);
    const bridges = devicesOn(k, bus).filter((dev) => deviceOf(k, dev).spec.pci?.header === 1);
    const hotplug = bridges.filter((dev) => isHotplugBridge(k, dev)).length;
    let max = start;
    let used = 0;
    for (const dev of bridges) {
      const before = max;
      max = yield* pci_scan_bridge_extend(k, scan, bus, dev, max, 0, 0);
      used += Math.max(1, max - before);
    }
    for (const dev of bridges) {
      let share = 0;
      if (hotplug === 0 && bridges.length === 1) share = available;
      else if (isHotplugBridge(k, dev)) share = fairShare(available, hotplug, used);
      const before = max;
      max = yield* pci_scan_bridge_extend(k, scan, bus, dev, before, share, 1);
      if (max - before > 1) used += max - before - 1;
    }
    const { bridge = '', end = LAST_BUS } = k.state.pci.buses[bus] ?? {};
    if (!isHotplugBridge(k, bridge)) return max;
    const wanted = start + Math.max(available, pci_hotplug_bus_size(k) - 1);
    return max < wanted ? Math.min(wanted, end) : max;
  },
);

/** What one of several hot-plug bridges gets; the kernel's unsigned arithmetic is kept. */
function fairShare(available: number, bridges: number, used: number): number {
  const left = available - used + 1;
  return Math.min(Math.floor(available / bridges), left < 0 ? Number.MAX_SAFE_INTEGER : left);
}

/**
 * Scans behind one bridge. In pass 0 a bridge that has its numbers keeps them; in pass 1 the others
 * get the next ones. A number that another bridge's bus still has leaves the bridge without a bus
 * of its own.
 *
 * Kernel: drivers/pci/probe.c:pci_scan_bridge_extend, v6.1.
 * Leaves out: CardBus, Enhanced Allocation, a bridge that does not answer.
 *
 * @returns the last bus number so far.
 */
const pci_scan_bridge_extend = path(
  'pci_scan_bridge_extend',
  function* (
    k,
    scan: Scan,
    bus: string,
    dev: string,
    max: number,
    available: number,
    pass: 0 | 1,
  ): Path<number> {
    const own = bridgeAt(k, scan.host, scan.written, dev);
    if (own === null) return max;
    const { hardware, numbers } = own;
    const { secondary, subordinate } = numbers;
    const isSound =
      numbers.primary === busNumber(bus) && secondary > busNumber(bus) && secondary <= subordinate;
    const broken = !scan.first && !isSound;
    const assigns = !scan.first && pcibios_assign_all_busses(k, scan.host);
    if ((secondary > 0 || subordinate > 0) && !assigns && !(broken && pass === 0)) {
      if (pass === 1) return max;
      yield* scanBehind(k, scan, bus, dev, secondary, subordinate, subordinate - secondary);
      return Math.max(max, subordinate);
    }
    if (pass === 0) {
      if (assigns || broken)
        scan.written.set(hardware, { primary: 0, secondary: 0, subordinate: 0 });
      return max;
    }
    const next = max + 1;
    const end = k.state.pci.buses[bus]?.end ?? LAST_BUS;
    const asked = { primary: busNumber(bus), secondary: next, subordinate: end };
    scan.written.set(hardware, asked);
    const left = Math.max(0, available - 1);
    const last = yield* scanBehind(k, scan, bus, dev, next, end, left);
    if (last === null) return max;
    yield* setRange(k, childName(bus, next), last);
    scan.written.set(hardware, { ...asked, subordinate: last });
    return last;
  },
);

const childName = (bus: string, number: number): string =>
  busName(bus.slice(0, bus.lastIndexOf(':')), number);

/**
 * Makes the bus behind a bridge, unless one of that number is there, and scans it.
 *
 * Kernel: drivers/pci/probe.c:pci_add_new_bus and pci_alloc_child_bus, v6.1.
 * Leaves out: the bus's own device and its resource.
 *
 * @returns the last bus number behind it, or null when a bus of that name is in the way: the bridge
 * then points to one that was never registered.
 */
function* scanBehind(
  k: Kernel,
  scan: Scan,
  bus: string,
  dev: string,
  number: number,
  end: number,
  available: number,
): Path<number | null> {
  const name = childName(bus, number);
  if (pci_find_bus(k, name) === null) {
    if (k.state.pci.buses[name] !== undefined) {
      yield { type: 'pci.bridge_impaired', dev, how: 'bus-refused' };
      const what = `cannot create duplicate bus ${name}`;
      yield { type: 'kernel.warned', at: 'pci_alloc_child_bus', what };
      return null;
    }
    yield { type: 'pci.bus_added', bus: name, bridge: dev, above: bus, end };
  }
  return yield* pci_scan_child_bus_extend(k, scan, name, available);
}

function* setRange(k: Kernel, bus: string, end: number): Path<void> {
  if (k.state.pci.buses[bus]?.end !== end) yield { type: 'pci.bus_range', bus, end };
}

/**
 * Scans all below a bus of a host bridge and records what changed.
 *
 * Kernel: drivers/pci/probe.c:pci_scan_child_bus, v6.1.
 * Leaves out: nothing.
 */
export const pci_scan_child_bus = path(
  'pci_scan_child_bus',
  function* (k, host: string, bus: string, first: boolean): Path<void> {
    const scan: Scan = { host, first, written: new Map(), found: new Set() };
    yield* pci_scan_child_bus_extend(k, scan, bus, 0);
    for (const [hardware, numbers] of scan.written) {
      const before = k.state.pci.numbers[hardware] ?? null;
      if (!sameNumbers(before, numbers)) yield { type: 'pci.bridge_numbered', hardware, ...numbers };
    }
    yield* pci_assign_unassigned_bus_resources(k, scan);
  },
);

function sameNumbers(a: BusNumbers | null, b: BusNumbers): boolean {
  return (
    a?.primary === b.primary && a.secondary === b.secondary && a.subordinate === b.subordinate
  );
}

/**
 * Gives bridges their windows. One that came without a bus gets them too late, when its driver has
 * switched it on: they are decided on, and never written. One behind a bridge whose windows were
 * decided on before, and are in use by what hangs on the bus that it had, finds no room.
 *
 * Kernel: drivers/pci/setup-bus.c:pci_assign_unassigned_bus_resources, v6.1.
 * Leaves out: sizes and addresses; windows that fit by chance.
 */
const pci_assign_unassigned_bus_resources = path(
  'pci_assign_unassigned_bus_resources',
  function* (k, { found }: Scan): Path<void> {
    for (const [dev, how] of Object.entries(k.state.pci.impaired))
      if (how === 'no-bus' && k.state.pci.subordinate[dev] !== undefined)
        yield { type: 'pci.bridge_impaired', dev, how: 'window-shut' };
    for (const dev of found) {
      if (k.state.pci.impaired[dev] !== undefined) continue;
      if (k.state.pci.subordinate[dev] === undefined)
        yield { type: 'pci.bridge_impaired', dev, how: 'no-bus' };
      else if (isCrowded(k, dev, found))
        yield { type: 'pci.bridge_impaired', dev, how: 'no-room' };
    }
  },
);

/** Does something that hangs on an earlier bus of the bridge above still use its windows? */
function isCrowded(k: Kernel, dev: string, found: ReadonlySet<string>): boolean {
  const above = deviceOf(k, dev).parent;
  if (above === null || found.has(above)) return false;
  return Object.values(k.state.devices).some(
    ({ name, bus, parent }) =>
      bus === 'pci' && parent === above && busOfFunction(name) !== busOfFunction(dev),
  );
}

/** A line about a host bridge, under the name of its driver where it has one. */
export function hostLine(k: Kernel, host: string, text: string) {
  const hasDriver = k.state.devices[host]?.driver != null;
  return hasDriver ? dev_printk(k, 'info', host, text) : printk('info', text);
}
