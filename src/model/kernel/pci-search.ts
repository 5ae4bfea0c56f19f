/** Finding PCI buses and what is on them. Kernel: drivers/pci/search.c, v6.1. */
import type { Facts } from '../context.ts';
import type { PciBus } from '../state/pci-types.ts';
import type { DeepReadonly } from '../state/state.ts';
import { busOfFunction, rootBusOf } from './pci-hardware.ts';

/**
 * The bus of that name, if a root bus leads to it.
 *
 * Kernel: drivers/pci/search.c:pci_find_bus, v6.1.
 * Leaves out: nothing.
 */
export function pci_find_bus(k: Facts, name: string): DeepReadonly<PciBus> | null {
  const bus = k.state.pci.buses[name];
  return bus === undefined || bus.lost ? null : bus;
}

/**
 * The functions on a bus, in the order in which they were found: pci_bus.devices. A function that
 * the machine has under an address that does not fit its bridge counts as on the bridge's bus.
 *
 * Kernel: include/linux/pci.h:struct pci_bus, v6.1.
 * Leaves out: nothing.
 */
export function devicesOn(k: Facts, bus: string): readonly string[] {
  const { buses, subordinate } = k.state.pci;
  const bridge = buses[bus]?.bridge;
  const all = k.state.buses['pci']?.devices ?? [];
  return all.filter((name) => {
    const own = busOfFunction(name);
    if (own === bus || buses[own] !== undefined) return own === bus;
    return k.state.devices[name]?.parent === bridge && subordinate[bridge ?? ''] === bus;
  });
}

/**
 * The functions behind a bridge; none where it has no bus.
 *
 * Kernel: include/linux/pci.h:pci_dev.subordinate, v6.1.
 * Leaves out: nothing.
 */
export function devicesBehind(k: Facts, bridge: string): readonly string[] {
  const bus = k.state.pci.subordinate[bridge];
  return bus === undefined ? [] : devicesOn(k, bus);
}

/**
 * The root bus of a host bridge that was scanned; null for none.
 *
 * Kernel: include/linux/pci.h:pci_host_bridge.bus, v6.1.
 * Leaves out: nothing.
 */
export function rootBus(k: Facts, host: string): string | null {
  const name = rootBusOf(k.machine, host);
  return name !== null && pci_find_bus(k, name)?.bridge === host ? name : null;
}

/**
 * The host bridge that leads to a bus; null where none does.
 *
 * Kernel: drivers/pci/host-bridge.c:pci_find_host_bridge, v6.1.
 * Leaves out: nothing.
 */
export function pci_find_host_bridge(k: Facts, bus: string): string | null {
  let found = pci_find_bus(k, bus);
  while (found !== null && found.above !== null) found = pci_find_bus(k, found.above);
  return found?.bridge ?? null;
}

/**
 * Does a bridge above the function keep accesses to its memory from it? Says which way.
 *
 * Kernel: none: what pci_iomap or a read of a register of the function comes to.
 * Leaves out: everything but bridge windows.
 */
export function shutBridgeAbove(k: Facts, dev: string): 'window-shut' | 'no-room' | null {
  let above = k.state.devices[dev]?.parent ?? null;
  while (above !== null) {
    const how = k.state.pci.impaired[above];
    if (how === 'window-shut' || how === 'no-room') return how;
    above = k.state.devices[above]?.parent ?? null;
  }
  return null;
}
