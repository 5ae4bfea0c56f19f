/** What a boot's observations say, gathered before anything is emulated. */

import type { IommuKind } from '../events/machine.ts';
import { emptyTable, type Table } from '../events/table.ts';
import { parseRelease } from '../model/versions/profile.ts';
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
}

/** A device that the timeout lists as deferred still. */
export interface SeenPending {
  readonly dev: string;
  /** Why, in the words of kernels that print it. */
  readonly reason: string | null;
  readonly line: number;
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
  /** `driver device` to the errors its probe was seen to return, in order. */
  readonly failures: Table<number[]>;
  /** Line from which on user space runs; null where the log does not reach it. */
  userspaceLine: number | null;
}

const BUSES = new Set(['platform', 'amba', 'pci', 'virtio', 'pci_express']);
const PCI_ADDRESS = /^[0-9a-f]{4,8}:[0-9a-f]{2}:[0-9a-f]{2}\.[0-7]$/;
/** A device of firmware by its address: `11017000.clock-controller`. */
const PLATFORM_NAME = /^[0-9a-f]{4,16}\.[a-z][\w,-]*$/;
/** An object of Freescale's management complex, which is on a bus of its own: `dpni.1`. */
const FSL_MC_NAME = /^dp[a-z]+\.\d+$/;
const IORT_NAME = /^arm-smmu(-v3)?\.\d+\.auto$/;
const NUMBER = (text: string | undefined): number =>
  Number.parseInt((text ?? '').replace(/^0x/, ''), 16) || 0;

/** Is it a PCI address as the kernel writes one? */
export function isPciName(dev: string): boolean {
  return PCI_ADDRESS.test(dev);
}

/** Gathers the evidence of one boot. */
export function gatherEvidence(observations: readonly Observation[]): Evidence {
  const evidence: Evidence = {
    release: null,
    cmdline: null,
    config: emptyTable(),
    acpi: false,
    devicetree: false,
    functions: [],
    bridges: emptyTable(),
    hosts: emptyTable(),
    hostScans: emptyTable(),
    iommus: [],
    coherent: emptyTable(),
    joins: [],
    sharing: [],
    ignored: [],
    pending: [],
    pairs: [],
    buses: emptyTable(),
    asyncDrivers: new Set(),
    failures: emptyTable(),
    userspaceLine: null,
  };
  for (const observation of observations) {
    note(evidence, observation);
    noteDevice(evidence, observation);
  }
  return evidence;
}

function note(evidence: Evidence, seen: Observation): void {
  const { kind, fields, dev, group, record } = seen;
  switch (kind) {
    case 'kernel.version':
      evidence.release ??= releaseIn(fields['release'] ?? '');
      break;
    case 'kernel.cmdline':
      evidence.cmdline = fields['cmdline'] ?? null;
      break;
    case 'kernel.machine':
      evidence.devicetree ||= seen.row.startsWith('machine-model');
      break;
    case 'initcalls.done':
    case 'kernel.init':
      evidence.userspaceLine ??= record.line;
      break;
    case 'user.action':
      evidence.userspaceLine ??= record.line;
      break;
    case 'iommu.dma_policy':
      if (fields['policy']?.startsWith('lazy')) evidence.config['IOMMU_DEFAULT_DMA_LAZY'] = 'y';
      break;
    case 'iommu.domain_type':
      if (fields['type'] === 'Passthrough') evidence.config['IOMMU_DEFAULT_PASSTHROUGH'] = 'y';
      break;
    case 'iommu.group.added':
      if (dev === null || group === null) break;
      if (!isPciName(dev) && !FSL_MC_NAME.test(dev)) evidence.buses[dev] ??= 'platform';
      evidence.joins.push({ dev, group, prefix: seen.prefix, line: record.line });
      break;
    case 'iommu.refused':
      noteSharing(evidence, seen);
      break;
    case 'deferred.timeout':
      if (dev !== null) noteIgnored(evidence, dev, record.line);
      if (seen.row === 'dependency-ignored') evidence.config['MODULES'] = 'n';
      break;
    case 'deferred.pending':
      if (dev !== null)
        evidence.pending.push({ dev, reason: fields['reason'] ?? null, line: record.line });
      break;
    case 'iommu.detected':
      noteIommu(evidence, seen);
      noteCoherent(evidence, seen);
      break;
    case 'iommu.feature':
      noteCoherent(evidence, seen);
      if (seen.row.startsWith('dmar-ir-')) evidence.config['IRQ_REMAP'] = 'y';
      if (seen.row === 'dmar-no-scalable') evidence.config['INTEL_IOMMU_SVM'] = 'y';
      break;
    case 'probe.async_queued':
    case 'probe.async_done': {
      const driver = driverSeen(seen);
      if (driver !== null) evidence.asyncDrivers.add(driver);
      break;
    }
    case 'probe.failed':
      noteFailure(evidence, seen);
      break;
    default:
      notePci(evidence, seen);
  }
}

function noteSharing({ sharing }: Evidence, { dev, fields }: Observation): void {
  const { other, sid } = fields;
  const stream = Number(sid);
  if (dev === null || other === undefined || !Number.isSafeInteger(stream)) return;
  if (!sharing.some((seen) => seen.dev === dev)) sharing.push({ dev, other, stream });
}

/** A line that a console garbled names no release. */
function releaseIn(text: string): string | null {
  return parseRelease(text) === null ? null : text;
}

function noteIommu(evidence: Evidence, { dev, prefix, fields, record }: Observation): void {
  const kind = iommuKind(fields['iommu'] ?? prefix ?? '');
  if (kind === null) return;
  const name = dev ?? fields['unit'] ?? (kind === 'intel' ? 'dmar0' : 'ivhd0');
  if (!evidence.iommus.some((iommu) => iommu.dev === name))
    evidence.iommus.push({ dev: name, kind, line: record.line });
}

/** ARM_SMMU_FEAT_COHERENCY of v3. */
const COHERENCY = 1 << 8;

/** An SMMU v1 or v2 of which neither firmware nor its register speaks says nothing: it is not coherent. */
function noteCoherent(evidence: Evidence, { row, dev, fields }: Observation): void {
  if (dev === null) return;
  if (row === 'smmu-coherent-walk') evidence.coherent[dev] = true;
  if (row === 'smmu-version' || row === 'smmu-noncoherent-walk') evidence.coherent[dev] = false;
  const features = fields['features'];
  if (row === 'smmu3-features' && features !== undefined)
    evidence.coherent[dev] = (NUMBER(features) & COHERENCY) !== 0;
}

/** The kind of IOMMU that a driver's name or the catalogue's word stands for; null for none. */
function iommuKind(word: string): IommuKind | null {
  switch (word) {
    case 'arm-smmu':
    case 'arm-smmu-v3':
    case 'virtio-iommu':
    case 'intel':
    case 'amd':
    case 'ipmmu-vmsa':
      return word;
    case 'virtio_iommu':
      return 'virtio-iommu';
    default:
      return null;
  }
}

function noteIgnored(evidence: Evidence, dev: string, line: number): void {
  if (PLATFORM_NAME.test(dev)) evidence.buses[dev] ??= 'platform';
  evidence.ignored.push({ dev, line });
}

function noteFailure(evidence: Evidence, { dev, drv, error }: Observation): void {
  if (dev === null || drv === null || error === null) return;
  if (PLATFORM_NAME.test(dev)) evidence.buses[dev] ??= 'platform';
  const key = `${drv} ${dev}`;
  const list = evidence.failures[key] ?? [];
  list.push(error);
  evidence.failures[key] = list;
}

function notePci(evidence: Evidence, { kind, dev, fields }: Observation): void {
  if (kind === 'pci.host_bridge') {
    const host = dev ?? '';
    evidence.hosts[fields['bus'] ?? ''] = host;
    if (host !== '') evidence.buses[host] ??= 'platform';
    evidence.hostScans[host] = (evidence.hostScans[host] ?? 0) + 1;
  }
  if (dev === null) return;
  if (kind === 'pci.bridge') evidence.bridges[dev] = fields['buses'] ?? '';
  if (kind !== 'pci.device' || evidence.functions.some((seen) => seen.dev === dev)) return;
  evidence.functions.push({
    dev,
    vendor: NUMBER(fields['vendor']),
    device: NUMBER(fields['device']),
    class: NUMBER(fields['class']),
    header: NUMBER(fields['header']) & 0x7f,
    port: fields['pcie'] ?? null,
  });
}

/** The driver at work in a line: one it names, or the prefix, which else is the bus. */
export function driverSeen({ prefix, drv }: Observation): string | null {
  return drv ?? (prefix === null || BUSES.has(prefix) ? null : prefix);
}

const FAULTS: readonly string[] = ['iommu.fault', 'iommu.hang'];

/** Who has the device: a prefix is its driver's name while it has one, else its bus's. */
function noteDevice(evidence: Evidence, seen: Observation): void {
  const { kind, prefix, dev, record } = seen;
  // A requester id is no proof of a function.
  if (dev === null || (FAULTS.includes(kind) && prefix === null)) return;
  if (IORT_NAME.test(dev)) evidence.acpi = true;
  if (isPciName(dev)) evidence.buses[dev] = 'pci';
  const { subsystem } = record;
  if (subsystem !== null && record.device === dev && BUSES.has(subsystem))
    evidence.buses[dev] = subsystem;
  if (prefix !== null && BUSES.has(prefix)) evidence.buses[dev] = prefix;
  const driver = driverSeen(seen);
  if (driver !== null) evidence.pairs.push({ dev, drv: driver, line: record.line });
}
