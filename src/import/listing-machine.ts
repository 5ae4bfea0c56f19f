/** The machine that a log implies, with the devices that listings of sysfs show. */
import type { DeviceSpec, Machine } from '../events/machine.ts';
import { withCreated } from '../model/firmware/board.ts';
import { serviceNamed } from '../model/firmware/pci-children.ts';
import { MODELLED_BUSES } from './end-state.ts';
import { isPciName } from './evidence.ts';
import { seenId } from './infer-drivers.ts';
import type { SysfsDevice, SysfsSnapshot } from './sysfs-file.ts';

/**
 * Adds the devices that only the listing has, each below the one whose driver made it, and hangs those
 * there that the log showed without saying where. What firmware makes wait is taken from the links.
 *
 * Cost: each device of either a few times.
 */
export function withListing(machine: Machine, snapshot: SysfsSnapshot): Machine {
  const listed = snapshot.devices.filter(
    ({ bus, name }) =>
      bus !== null && MODELLED_BUSES.has(bus) && !(bus === 'pci' && isPciName(name)),
  );
  const isListed = new Map(listed.map((device) => [device.name, device]));
  const top = new Map(machine.devices.map((device) => [device.name, device]));
  const known = new Set(machine.devices.flatMap(withCreated).map(({ name }) => name));
  const suppliers = suppliersOf(snapshot);
  const below = new Map<string, DeviceSpec[]>();
  const added: DeviceSpec[] = [];
  const moved = new Set<string>();
  // Of two of one name, which are on two buses, the first is taken.
  const taken = new Set<string>();
  for (const device of listed) {
    if (taken.has(device.name)) continue;
    taken.add(device.name);
    const own = top.get(device.name);
    if (own === undefined && known.has(device.name)) continue;
    if (own?.iommu_kind !== undefined && own.bus !== 'virtio') continue;
    const parent = makerOf(device, isListed);
    if (own !== undefined && parent === null) continue;
    const spec = { ...(own ?? specOf(device)), parent };
    if (parent === null) added.push(spec);
    else {
      moved.add(device.name);
      below.set(parent, [...(below.get(parent) ?? []), spec]);
    }
  }
  // Firmware names the transport of a virtio-iommu, which is there before the device that it makes.
  const transport = (iommu: string): string =>
    moved.has(iommu) ? (isListed.get(iommu)?.parent ?? iommu) : iommu;
  const renamed = <T extends { readonly iommu: string }>(row: T): T => ({
    ...row,
    iommu: transport(row.iommu),
  });
  const hang = (device: DeviceSpec): DeviceSpec => {
    const made = [...(device.creates ?? []), ...(below.get(device.name) ?? [])].map(hang);
    const needs = suppliers.get(device.name);
    const { iommus, iommu_map } = device;
    return {
      ...device,
      ...(iommus === undefined ? {} : { iommus: iommus.map(renamed) }),
      ...(iommu_map === undefined ? {} : { iommu_map: iommu_map.map(renamed) }),
      ...(made.length === 0 ? {} : { creates: made }),
      ...(needs === undefined
        ? {}
        : { suppliers: [...new Set([...(device.suppliers ?? []), ...needs])] }),
    };
  };
  const kept = machine.devices.filter(({ name }) => !moved.has(name));
  return { ...machine, devices: [...kept, ...added].map(hang) };
}

/** The device whose driver made it: the nearest one above that is on a bus and has a driver. */
function makerOf(
  { parent, bus }: SysfsDevice,
  listed: ReadonlyMap<string, SysfsDevice>,
): string | null {
  if (parent === null) return null;
  if (isPciName(parent)) return parent;
  const above = listed.get(parent);
  // Firmware's devices below a bus without a driver are there from the start.
  return above === undefined || (above.driver === null && bus !== 'virtio') ? null : parent;
}

function specOf({ name, bus }: SysfsDevice): DeviceSpec {
  const ids = [...(serviceNamed(name)?.ids ?? []), seenId(name)];
  return { name, bus: bus ?? '', parent: null, ids };
}

/**
 * Consumer to the suppliers that firmware names and the driver core waits for. A link that is dormant
 * although its consumer is at work held nothing up.
 */
function suppliersOf({ devlinks, devices }: SysfsSnapshot): ReadonlyMap<string, readonly string[]> {
  const found = new Map<string, readonly string[]>();
  const byName = new Map(devices.map((device) => [device.name, device]));
  const iommus = new Set(devices.flatMap(({ bus, parent }) => (bus === 'iommu' ? [parent] : [])));
  for (const { supplier, consumer, auto_remove_on, sync_state_only } of devlinks) {
    const [from, to] = [byName.get(supplier), byName.get(consumer)];
    if (from === undefined || to === undefined || sync_state_only) continue;
    if (auto_remove_on !== 'never' || iommus.has(supplier)) continue;
    if (from.driver === null && to.driver !== null) continue;
    found.set(consumer, [...(found.get(consumer) ?? []), supplier]);
  }
  return found;
}
