/** Devices of firmware, other than PCI functions, behind a log. */
import type { DeviceSpec } from '../events/machine.ts';
import { type Evidence, isPciName } from './evidence.ts';
import { busOfDriver, seenId } from './infer-drivers.ts';
import { busOfIommu, iommuAt } from './infer-iommus.ts';
import type { Pending } from './infer-pending.ts';
import { UNNAMED_IOMMU, type Waits } from './infer-waits.ts';

/** Stream ids of platform devices: any that no PCI function has. */
const PLATFORM_STREAMS = 0x1_0000_0000;
/** The same for those that the log puts into groups. */
const GROUP_STREAMS = 0x2_0000_0000;

/** Devices that firmware describes: IOMMUs, and what drivers of such buses were seen on. */
export function platformDevices(
  evidence: Evidence,
  waits: Waits,
  pending: Pending,
  hosts: readonly DeviceSpec[],
): readonly DeviceSpec[] {
  const taken = new Set(hosts.map(({ name }) => name));
  const devices: DeviceSpec[] = [];
  const add = (spec: DeviceSpec): void => {
    if (taken.has(spec.name)) return;
    taken.add(spec.name);
    devices.push(spec);
  };
  for (const { dev, kind } of evidence.iommus) {
    if (isPciName(dev)) continue;
    const bus = evidence.buses[dev] ?? busOfIommu(kind);
    add({ name: dev, bus, parent: null, ids: [seenId(dev)], ...iommuAt(evidence, dev) });
  }
  if (waits.hasUnnamed) add({ name: UNNAMED_IOMMU, bus: 'platform', parent: null, ids: [] });
  const addClient = (dev: string, bus: string | null): void => {
    if (bus === null || bus === 'pci' || isPciName(dev)) return;
    const ids = [streamOf(evidence, dev, devices.length)];
    const iommu = waits.iommuOf(dev);
    const supplier = pending.supplierOf(dev);
    add({
      ...{ name: dev, bus, parent: null, ids: [seenId(dev)] },
      ...(iommu === null ? {} : { iommus: [{ iommu, ids }] }),
      ...(supplier === null ? {} : { suppliers: [supplier] }),
    });
  };
  for (const { dev, drv } of evidence.pairs)
    addClient(dev, evidence.buses[dev] ?? busOfDriver(drv));
  for (const { dev } of evidence.joins) addClient(dev, evidence.buses[dev] ?? null);
  return devices;
}

/**
 * The stream of a platform device: one that the log names, else that of the devices which the log puts
 * into the same group first, else one of its own, by `n`.
 */
function streamOf({ sharing, joins }: Evidence, dev: string, n: number): number {
  const shared = sharing.find((seen) => seen.dev === dev || seen.other === dev);
  if (shared !== undefined) return shared.stream;
  const first = joins.find((join) => join.dev === dev);
  return first === undefined ? PLATFORM_STREAMS + n : GROUP_STREAMS + first.group;
}
