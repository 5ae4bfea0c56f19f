/** Gathers what a boot's observations say. */
import type { IommuKind } from '../events/machine.ts';
import { emptyTable } from '../events/table.ts';
import { EPROBE_DEFER } from '../model/errno.ts';
import { parseRelease } from '../model/versions/profile.ts';
import { busOfName } from './bus-of-name.ts';
import { driverSeen, type Evidence, isBusName, isPciName } from './evidence.ts';
import { TRACED_ROW } from './ftrace-events.ts';
import { busOfDriver } from './infer-drivers.ts';
import { pluggings } from './infer-plugs.ts';
import type { Observation } from './observation.ts';

/** A device of firmware by its address: `11017000.clock-controller`. */
const PLATFORM_NAME = /^[0-9a-f]{4,16}\.[a-z][\w,-]*$/;
/** An object of Freescale's management complex, which is on a bus of its own: `dpni.1`. */
const FSL_MC_NAME = /^dp[a-z]+\.\d+$/;
const IORT_NAME = /^arm-smmu(-v3)?\.\d+\.auto$/;
const NUMBER = (text: string | undefined): number =>
  Number.parseInt((text ?? '').replace(/^0x/, ''), 16) || 0;

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
    results: emptyTable(),
    userspaceLine: null,
    slots: emptyTable(),
    plugs: pluggings(observations),
    makers: emptyTable(),
    behind: emptyTable(),
    modules: null,
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
      if (!isPciName(dev)) evidence.buses[dev] ??= busByName(dev);
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
      if (dev !== null && !isPciName(dev)) noteIommu(evidence, seen);
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
    case 'probe.rejected':
    case 'probe.deferred':
    case 'probe.bound':
      noteResult(evidence, seen);
      break;
    case 'probe.started':
      noteStart(evidence, seen);
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

/** What tells that the probe of a driver itself deferred, and not what stands before it. */
const OWN_DEFERRALS: readonly string[] = ['probe-deferred', `${TRACED_ROW}really_probe`];

/** What the line says that the probe of a driver returned; null where it says nothing of that. */
export function resultIn({ kind, row, error }: Observation): number | null {
  switch (kind) {
    case 'probe.failed':
    case 'probe.rejected':
      return error;
    case 'probe.bound':
      return 0;
    case 'probe.deferred':
      return OWN_DEFERRALS.includes(row) ? -EPROBE_DEFER : null;
    default:
      return null;
  }
}

function noteResult(evidence: Evidence, seen: Observation): void {
  const { kind, dev, drv } = seen;
  if (dev === null || drv === null) return;
  if (kind === 'probe.failed') evidence.buses[dev] ??= busOfDriver(drv) ?? busOfName(dev);
  const result = resultIn(seen);
  if (result === null) return;
  const key = `${drv} ${dev}`;
  const list = evidence.results[key] ?? [];
  list.push(result);
  evidence.results[key] = list;
}

/** A trace begins late: a driver that had the device before was asked for it before. */
function noteStart(evidence: Evidence, { row, dev, drv }: Observation): void {
  const key = `${drv} ${dev}`;
  if (!row.startsWith(TRACED_ROW) || evidence.results[key] !== undefined) return;
  if (evidence.pairs.some((pair) => pair.dev === dev && pair.drv === drv))
    evidence.results[key] = [0];
}

function notePci(evidence: Evidence, { kind, dev, fields, record }: Observation): void {
  if (kind === 'pci.host_bridge') {
    const host = dev ?? '';
    evidence.hosts[fields['bus'] ?? ''] = host;
    if (host !== '') evidence.buses[host] ??= 'platform';
    evidence.hostScans[host] = (evidence.hostScans[host] ?? 0) + 1;
  }
  if (dev === null) return;
  const isSlot = kind === 'pci.hotplug' || fields['service'] === 'pciehp';
  const { slot } = fields;
  if (isSlot && slot !== undefined) evidence.slots[dev] ??= { slot, line: record.line };
  if (kind === 'pci.bridge') evidence.bridges[dev] = fields['buses'] ?? '';
  if (kind !== 'pci.device' || evidence.functions.some((seen) => seen.dev === dev)) return;
  evidence.functions.push({
    dev,
    vendor: NUMBER(fields['vendor']),
    device: NUMBER(fields['device']),
    class: NUMBER(fields['class']),
    header: NUMBER(fields['header']) & 0x7f,
    port: fields['pcie'] ?? null,
    line: record.line,
  });
}

const FAULTS: readonly string[] = ['iommu.fault', 'iommu.hang'];

/** Of the bus of the management complex by its name, where its driver or the bus says so too. */
function isFslMc({ dev, prefix, kind }: Observation): boolean {
  if (dev === null || !FSL_MC_NAME.test(dev)) return false;
  return kind === 'iommu.group.added' || /^fsl[-_]/.test(prefix ?? '');
}

const busByName = (dev: string): string => (FSL_MC_NAME.test(dev) ? 'fsl-mc' : 'platform');

/** Who has the device: a prefix is its driver's name while it has one, else its bus's. */
function noteDevice(evidence: Evidence, seen: Observation): void {
  const { kind, prefix, dev, record } = seen;
  // A requester id is no proof of a function.
  if (dev === null || (FAULTS.includes(kind) && prefix === null)) return;
  if (IORT_NAME.test(dev)) evidence.acpi = true;
  if (isPciName(dev)) evidence.buses[dev] = 'pci';
  if (isFslMc(seen)) {
    evidence.buses[dev] = 'fsl-mc';
    evidence.config['FSL_MC_BUS'] = 'y';
  }
  const { subsystem } = record;
  if (subsystem !== null && record.device === dev && isBusName(subsystem))
    evidence.buses[dev] = subsystem;
  if (prefix !== null && isBusName(prefix)) evidence.buses[dev] = prefix;
  const driver = driverSeen(seen);
  if (driver === null) return;
  const wasThere = isTracedWork(seen) ? { wasThere: true as const } : {};
  evidence.pairs.push({ dev, drv: driver, line: record.line, ...wasThere });
}

/** Tasks that load modules. */
const LOADER = /^(?:modprobe|insmod|kmod|\(?(?:systemd-)?ude?v.*|mdev)/;

/**
 * Does a trace show the driver at work for another task than who loads modules? It was there before then,
 * nobody knows since when.
 */
function isTracedWork({ row, fields }: Observation): boolean {
  const { task } = fields;
  return row.startsWith(TRACED_ROW) && task !== undefined && !LOADER.test(task);
}
