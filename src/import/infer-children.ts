/** Devices behind a log that drivers make: services of PCI Express ports by their names, others as a trace shows. */
import type { DeviceSpec, DriverSpec } from '../events/machine.ts';
import type { Table } from '../events/table.ts';
import { matchesAny } from '../model/firmware/modalias.ts';
import { serviceNamed } from '../model/firmware/pci-children.ts';

/**
 * Hangs each below the device whose driver makes it; where no driver is known to be at work there, it stays
 * as it is. An IOMMU stays too: firmware's maps go by its name.
 *
 * Cost: each device once, and the drivers once for each that makes others.
 */
export function withChildren(
  devices: readonly DeviceSpec[],
  drivers: readonly DriverSpec[],
  makers: Table<string>,
): readonly DeviceSpec[] {
  const byName = new Map(devices.map((device) => [device.name, device]));
  const isAtWork = (maker: string): boolean => {
    const own = byName.get(maker);
    return own !== undefined && drivers.some((one) => one.bus === own.bus && matches(one, own));
  };
  const below = new Map<string, DeviceSpec[]>();
  const rest = devices.filter((device) => {
    const { name, bus, pci, iommu_kind: kind, ids } = device;
    const service = bus === 'pci_express' ? serviceNamed(name) : null;
    const maker = service?.parent ?? makers[name];
    const isMade = pci === undefined && kind === undefined && maker !== undefined && maker !== null;
    if (!isMade || maker === name || makers[maker] !== undefined || !isAtWork(maker)) return true;
    const made = { ...device, parent: maker, ids: [...(service?.ids ?? []), ...ids] };
    below.set(maker, [...(below.get(maker) ?? []), made]);
    return false;
  });
  return rest.map((device) => {
    const children = below.get(device.name);
    if (children === undefined) return device;
    return { ...device, creates: [...(device.creates ?? []), ...children] };
  });
}

const matches = ({ ids }: DriverSpec, device: DeviceSpec): boolean => matchesAny(ids, device.ids);
