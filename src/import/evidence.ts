/** What is known of a boot before anything is emulated: what its observations and other files say. */

import type { IommuKind } from '../events/machine.ts';
import type { Table } from '../events/table.ts';
import type { Observation } from './observation.ts';

/** A PCI function as its line describes it. */
export interface SeenFunction {
  readonly dev: string;
  readonly vendor: number;
  readonly device: number;
  readonly class: number;
  readonly header: number;
  /** The kind of port in words, where the kernel prints it. */
  readonly port: string | null;
  /** Where the log describes it first; absent where a listing does. */
  readonly line?: number;
}

/** A device joined a group. */
export interface SeenJoin {
  readonly dev: string;
  readonly group: number;
  /** Driver or bus name before the device's. */
  readonly prefix: string | null;
  readonly line: number;
}

/** A driver was seen at work on a device. */
export interface SeenPair {
  readonly dev: string;
  readonly drv: string;
  readonly line: number;
  /** The driver was registered before that. */
  readonly wasThere?: true;
}

/** A device that the timeout lists as deferred still. */
export interface SeenPending {
  readonly dev: string;
  /** Why, in the words of kernels that print it. */
  readonly reason: string | null;
  readonly line: number;
  /** It did not wait yet when the timeout listed others. */
  readonly late?: true;
}

/** The card behind a port was put in or pulled out. */
export interface SeenPlug {
  /** The first line that tells. */
  readonly observation: Observation;
  readonly port: string;
  readonly present: boolean;
}

/** A device that has the stream of another. */
export interface SeenSharing {
  readonly dev: string;
  readonly other: string;
  readonly stream: number;
}

export interface Evidence {
  release: string | null;
  cmdline: string | null;
  /** Options that the log's lines imply, without the prefix CONFIG_. */
  readonly config: Table<string>;
  /** The log shows ACPI tables, or devices named as IORT names them. */
  acpi: boolean;
  /** The log shows a devicetree. */
  devicetree: boolean;
  readonly functions: SeenFunction[];
  /** Bridge to the bus numbers behind it, as printed: `01`, `02-04`. */
  readonly bridges: Table<string>;
  /** Root bus `0000:00` to the device that is its host bridge; '' where only the bus is named. */
  readonly hosts: Table<string>;
  /** Host bridge device to how often its root bus was announced. */
  readonly hostScans: Table<number>;
  /** IOMMUs, each with its first line. */
  readonly iommus: { readonly dev: string; readonly kind: IommuKind; readonly line: number }[];
  /** VT-d units that the kernel set up to translate. */
  readonly translating: Set<string>;
  /** Arm's SMMUs that said what they can do: whether firmware calls them coherent. */
  readonly coherent: Table<boolean>;
  readonly joins: SeenJoin[];
  /** Devices that an SMMU refused because another has their stream. */
  readonly sharing: SeenSharing[];
  /** Devices that gave up waiting for what firmware says they need. */
  readonly ignored: { readonly dev: string; readonly line: number }[];
  readonly pending: SeenPending[];
  readonly pairs: SeenPair[];
  /** Device to its bus, where a prefix or the log's own fields tell it. */
  readonly buses: Table<string>;
  /** Drivers that probe asynchronously. */
  readonly asyncDrivers: Set<string>;
  /** `driver device` to what its probe was seen to return, in order. */
  readonly results: Table<number[]>;
  /** Line from which on user space runs; null where the log does not reach it. */
  userspaceLine: number | null;
  /** Port to the slot behind it that it controls, and the first line that says so. */
  readonly slots: Table<{ readonly slot: string; readonly line: number }>;
  /** Cards that came and went. */
  readonly plugs: readonly SeenPlug[];
  /** Device to the one whose driver made it, where a trace tells. */
  readonly makers: Table<string>;
  /** Device to its IOMMU, where a listing tells. */
  readonly behind: Table<string>;
  /** Modules that a listing had loaded; null where there is no listing: drivers may be modules then. */
  modules: Set<string> | null;
}

const BUSES = new Set(['platform', 'amba', 'pci', 'virtio', 'pci_express', 'fsl-mc']);
const PCI_ADDRESS = /^[0-9a-f]{4,8}:[0-9a-f]{2}:[0-9a-f]{2}\.[0-7]$/;

/** Is it a PCI address as the kernel writes one? */
export function isPciName(dev: string): boolean {
  return PCI_ADDRESS.test(dev);
}

/** Is it a bus whose devices the evidence is about? */
export function isBusName(word: string): boolean {
  return BUSES.has(word);
}

/** The driver at work in a line: one it names, or the prefix, which else is the bus. */
export function driverSeen({ prefix, drv }: Observation): string | null {
  return drv ?? (prefix === null || isBusName(prefix) ? null : prefix);
}
