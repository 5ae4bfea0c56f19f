/** Enumeration of PCI buses. Kernel: drivers/pci/probe.c, v6.1. */
import type { Kernel } from '../context.ts';
import { deviceOf } from '../lookup.ts';
import { type Path, path } from '../path.ts';
import { dev_printk, printk } from '../printk.ts';
import {
  type BusNumbers,
  bootNumbers,
  bridgeAt,
  busName,
  busNumber,
  isNumberedByKernel,
  LAST_BUS,
} from './pci-hardware.ts';
import { pci_scan_slots, type Scan } from './pci-scan-slot.ts';
import { devicesOn, pci_find_bus, pci_find_host_bridge } from './pci-search.ts';
import { pci_assign_unassigned_bus_resources } from './pci-setup-bus.ts';

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
    yield* finish(k, scan);
  },
);

/**
 * Scans the one slot of a bus for a card, and numbers the bridges on it.
 *
 * Kernel: drivers/pci/hotplug/pciehp_pci.c:pciehp_configure_device, v6.1, as far as it scans.
 * Leaves out: nothing.
 */
export const pci_scan_card = path('pci_scan_slot', function* (k, bus: string): Path<void> {
  const host = pci_find_host_bridge(k, bus);
  if (host === null) return;
  const scan: Scan = { host, first: false, written: new Map(), found: new Set() };
  yield* pci_scan_slots(k, scan, bus);
  for (const dev of scan.found) yield* pci_hp_add_bridge(k, scan, bus, dev);
  yield* finish(k, scan);
});

/**
 * Numbers a bridge that came by hot-plug, out of the range of the port above it.
 *
 * Kernel: drivers/pci/probe.c:pci_hp_add_bridge, v6.1.
 * Leaves out: nothing.
 */
const pci_hp_add_bridge = path(
  'pci_hp_add_bridge',
  function* (k, scan: Scan, bus: string, dev: string): Path<void> {
    const start = busNumber(bus);
    const end = k.state.pci.buses[bus]?.end ?? start;
    let free = start;
    while (free <= end && pci_find_bus(k, childName(bus, free)) !== null) free += 1;
    if (free > end) {
      yield dev_printk(k, 'err', dev, 'No bus number available for hot-added bridge');
      return;
    }
    const max = yield* pci_scan_bridge_extend(k, scan, bus, dev, free - 1, 0, 0);
    yield* pci_scan_bridge_extend(k, scan, bus, dev, max, end - max, 1);
  },
);

/** Records what a scan wrote to bridges, and gives new ones their windows. */
function* finish(k: Kernel, scan: Scan): Path<void> {
  for (const [hardware, numbers] of scan.written) {
    const before = k.state.pci.numbers[hardware] ?? bootNumbers(k.machine).get(hardware) ?? null;
    if (!sameNumbers(before, numbers)) yield { type: 'pci.bridge_numbered', hardware, ...numbers };
  }
  yield* pci_assign_unassigned_bus_resources(k, scan);
}

function sameNumbers(a: BusNumbers | null, b: BusNumbers): boolean {
  return a?.primary === b.primary && a.secondary === b.secondary && a.subordinate === b.subordinate;
}

/**
 * A line about a host bridge, under the name of its driver where it has one.
 *
 * Kernel: drivers/pci/probe.c:pci_register_host_bridge, v6.1.
 * Leaves out: nothing.
 */
export function hostLine(k: Kernel, host: string, text: string) {
  const hasDriver = k.state.devices[host]?.driver != null;
  return hasDriver ? dev_printk(k, 'info', host, text) : printk('info', text);
}
