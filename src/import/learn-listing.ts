/** What files beside the log say about the machine, put to what the log says about it. */
import type { IommuKind } from '../events/machine.ts';
import { moduleName } from '../model/firmware/module-table.ts';
import { MODELLED_BUSES } from './end-state.ts';
import { type Evidence, isPciName } from './evidence.ts';
import type { Traced } from './ftrace-events.ts';
import type { DeferredEntry, SysfsDevice, SysfsSnapshot } from './sysfs-file.ts';

/**
 * Learns devices, drivers, groups and IOMMUs from a listing taken after `line` of the log. What the
 * log says of a device stays: a listing only fills what is missing.
 *
 * Cost: each device of the listing a few times. Returns how many of what it added.
 */
export function learnListing(
  evidence: Evidence,
  snapshot: SysfsSnapshot,
  line: number,
): Readonly<Record<string, number>> {
  const before = sizesOf(evidence);
  const onBus = snapshot.devices.filter(({ bus }) => bus !== null && MODELLED_BUSES.has(bus));
  const byName = new Map(onBus.map((device) => [device.name, device]));
  learnFunctions(evidence, snapshot, byName);
  learnIommus(evidence, snapshot, byName, line);
  const pairs = new Set(evidence.pairs.map(({ dev, drv }) => `${drv} ${dev}`));
  const joined = new Set(evidence.joins.map(({ dev }) => dev));
  const noiommu = new Set(snapshot.groups.flatMap((one) => (one.name === null ? [] : [one.id])));
  for (const { name, bus, driver, iommu_group: group } of onBus) {
    evidence.buses[name] ??= bus ?? '';
    if (driver !== null && !pairs.has(`${driver} ${name}`))
      evidence.pairs.push({ dev: name, drv: driver, line });
    if (group !== null && !joined.has(name) && !noiommu.has(group))
      evidence.joins.push({ dev: name, group, prefix: null, line });
  }
  evidence.modules ??= new Set();
  for (const { name } of snapshot.modules) evidence.modules.add(moduleName(name));
  const after = sizesOf(evidence);
  return Object.fromEntries(
    Object.entries(after).map(([what, size]) => [what, size - (before[what] ?? 0)]),
  );
}

/** What a listing can add to. */
function sizesOf({ functions, pairs, joins, iommus }: Evidence): Record<string, number> {
  const lists = { functions, drivers: pairs, members: joins, iommus };
  return Object.fromEntries(Object.entries(lists).map(([what, { length }]) => [what, length]));
}

/** Learns which devices wait when all is over. Returns how many it added. */
export function learnDeferred(
  evidence: Evidence,
  entries: readonly DeferredEntry[],
  line: number,
): Readonly<Record<string, number>> {
  const known = new Map(evidence.pending.map(({ dev, reason }) => [dev, reason]));
  for (const { dev, reason } of entries) {
    if (!isPciName(dev)) evidence.buses[dev] ??= 'platform';
    // The log's own list would have it.
    const late = known.size > 0 && !known.has(dev);
    evidence.pending.push({ dev, reason, line, ...(late ? { late } : {}) });
  }
  const added = entries.filter(({ dev, reason }) => known.get(dev) !== reason);
  return { deferrals: added.length };
}

/** Learns who made the devices that are known without that. */
export function learnMakers(evidence: Evidence, { makers }: Traced): void {
  for (const [dev, maker] of makers)
    if (evidence.buses[dev] !== undefined && !isPciName(dev)) evidence.makers[dev] ??= maker;
}

const BRIDGE = 0x060400;

/** PCI functions that the log does not describe, and where they hang. */
function learnFunctions(
  evidence: Evidence,
  { devices }: SysfsSnapshot,
  byName: ReadonlyMap<string, SysfsDevice>,
): void {
  const functions = [...byName.values()].filter(
    ({ bus, name }) => bus === 'pci' && isPciName(name),
  );
  const above = new Set(functions.map(({ parent }) => parent));
  const known = new Set(evidence.functions.map(({ dev }) => dev));
  const missing = functions.filter(({ name }) => !known.has(name));
  for (const { name, id, driver } of missing.sort((a, b) => (a.name < b.name ? -1 : 1))) {
    const [vendor = 0, device = 0] = (id ?? '').split(':').map(Number);
    const isBridge = above.has(name) || driver === 'pcieport';
    const cls = isBridge ? BRIDGE : 0;
    const ids = { vendor: vendor || 0, device: device || 0 };
    evidence.functions.push({
      dev: name,
      ...ids,
      class: cls,
      header: isBridge ? 1 : 0,
      port: null,
    });
  }
  for (const { name, parent } of functions) {
    if (parent !== null && isPciName(parent))
      evidence.bridges[parent] ??= name.slice(name.indexOf(':') + 1, -5);
  }
  for (const { name, parent } of devices)
    if (ROOT_BUS.test(name)) evidence.hosts[name.slice('pci'.length)] ??= parent ?? '';
}

/** The device of a root bus: `pci0000:00`. */
const ROOT_BUS = /^pci[0-9a-f]{4,8}:[0-9a-f]{2}$/;

/** Which devices are IOMMUs, and who is behind each. */
function learnIommus(
  evidence: Evidence,
  { devices, class_iommu }: SysfsSnapshot,
  byName: ReadonlyMap<string, SysfsDevice>,
  line: number,
): void {
  for (const { name, devices: behind } of class_iommu) {
    const owner = devices.find((one) => one.bus === 'iommu' && one.name === name)?.parent ?? null;
    const iommu = byName.get(owner ?? '');
    const kind = kindOf(name, iommu);
    if (kind === null) continue;
    const dev = iommu?.name ?? name;
    if (!evidence.iommus.some((one) => one.dev === dev)) evidence.iommus.push({ dev, kind, line });
    for (const client of behind) evidence.behind[client] ??= dev;
  }
}

/** By the name in /sys/class/iommu, which the drivers make, else by the driver of its device. */
function kindOf(name: string, device: SysfsDevice | undefined): IommuKind | null {
  if (name.startsWith('smmu3.')) return 'arm-smmu-v3';
  if (name.startsWith('smmu.')) return 'arm-smmu';
  if (name.startsWith('dmar')) return 'intel';
  if (name.startsWith('ivhd')) return 'amd';
  if (device?.bus === 'virtio') return 'virtio-iommu';
  return device?.driver === 'ipmmu-vmsa' ? 'ipmmu-vmsa' : null;
}
