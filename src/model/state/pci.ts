/** Reducers of PCI buses, bridges and slots. */
import { drop, type Reducers } from './reducer.ts';
import type { State } from './state.ts';

/**
 * The device between a host bridge's driver and its root bus. Only the list of all devices has it: in
 * its turn at a shutdown the host bridge is locked.
 */
const hostDevice = (rootBus: string): string => `pci${rootBus}`;

/** Marks the buses that no root bus leads to any more: only their names are still taken. */
function loseUnreachable(state: State): void {
  const { buses } = state.pci;
  for (let lost = true; lost; ) {
    lost = false;
    for (const bus of Object.values(buses)) {
      if (bus.lost || bus.above === null) continue;
      const above = buses[bus.above];
      if (above !== undefined && !above.lost) continue;
      bus.lost = true;
      lost = true;
    }
  }
}

/** A deleted device is no bridge any more, and its name may come back for another function. */
export function forgetFunction(state: State, dev: string): void {
  const { pci } = state;
  delete pci.renumbered[dev];
  delete pci.subordinate[dev];
  delete pci.impaired[dev];
  for (const bus of Object.values(pci.buses)) if (bus.bridge === dev) bus.bridge_gone = true;
}

export const pciReducers = {
  'pci.bus_added': (state, { bus, bridge, above, end }) => {
    state.pci.buses[bus] = { name: bus, bridge, bridge_gone: false, above, end, lost: false };
    state.pci.subordinate[bridge] = bus;
    if (above !== null) return;
    if (!state.pci.scanned.includes(bridge)) state.pci.scanned.push(bridge);
    if (state.devices[hostDevice(bus)] === undefined) state.devices_kset.push(hostDevice(bus));
  },
  'pci.bus_range': (state, { bus, end }) => {
    const found = state.pci.buses[bus];
    if (found !== undefined) found.end = end;
  },
  'pci.bus_removed': (state, { bus }) => {
    const bridge = state.pci.buses[bus]?.bridge;
    delete state.pci.buses[bus];
    if (state.devices[hostDevice(bus)] === undefined) drop(state.devices_kset, hostDevice(bus));
    if (bridge !== undefined && state.pci.subordinate[bridge] === bus)
      delete state.pci.subordinate[bridge];
    loseUnreachable(state);
  },
  'pci.bridge_numbered': (state, { hardware, primary, secondary, subordinate }) => {
    state.pci.numbers[hardware] = { primary, secondary, subordinate };
  },
  'pci.bridge_impaired': (state, { dev, how }) => {
    state.pci.impaired[dev] = how;
  },
  'pci.renumbered': (state, { dev, hardware }) => {
    state.pci.renumbered[dev] = hardware;
  },
  'pci.plugged': (state, { hardware }) => {
    state.pci.plugged[hardware] = true;
  },
  'pci.unplugged': (state, { hardware }) => {
    state.pci.plugged[hardware] = false;
  },
} satisfies Partial<Reducers>;
