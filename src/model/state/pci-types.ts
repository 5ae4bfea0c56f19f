/** The state of PCI buses. Written by reducers only. */
import type { Table } from '../../events/table.ts';

/** struct pci_bus. */
export interface PciBus {
  name: string;
  /** The bridge or host bridge that leads to it. */
  bridge: string;
  /** That device was deleted since, and left the bus behind. */
  bridge_gone: boolean;
  /** The bus that the bridge is on; null for a root bus. */
  above: string | null;
  /** The last bus number behind it: busn_res.end. */
  end: number;
  /** No root bus leads to it any more. */
  lost: boolean;
}

/**
 * What is wrong with a bridge: it was given no bus; the bus it points to was never registered; its
 * windows were decided on when it was switched on already, and are shut; or found no room.
 */
export type BridgeTrouble = 'no-bus' | 'bus-refused' | 'window-shut' | 'no-room';

export interface Pci {
  /** By name, `0000:03`. */
  buses: Table<PciBus>;
  /** pci_dev.subordinate: bridge to the bus behind it. */
  subordinate: Table<string>;
  impaired: Table<BridgeTrouble>;
  /** Host bridges whose root bus was scanned. */
  scanned: string[];
  /** What bridges hold that were given other numbers than at boot, by their names at boot. */
  numbers: Table<{ primary: number; secondary: number; subordinate: number }>;
  /** Functions known under another address than at boot, with the name they had then. */
  renumbered: Table<string>;
  /** Functions that were put into their slots or taken out, by their names at boot. */
  plugged: Table<boolean>;
}
