/** Under which ids a device that may not be there yet will speak to IOMMUs, as firmware has it. */
import type { DeviceSpec } from '../../events/machine.ts';
import { mapId, pciAddress, type StreamId } from '../kernel/requester-ids.ts';

/** Devices by their names. */
export const specsByName = (devices: readonly DeviceSpec[]): ReadonlyMap<string, DeviceSpec> =>
  new Map(devices.map((device) => [device.name, device]));

/**
 * The ids of a device: its own, and that which the map of its host bridge gives to a PCI function.
 *
 * Kernel: drivers/acpi/arm64/iort.c:iort_pci_iommu_init, v6.1.
 * Leaves out: the aliases of PCI functions.
 */
export function streamsOfSpec(
  device: DeviceSpec,
  byName: ReadonlyMap<string, DeviceSpec>,
): readonly StreamId[] {
  const own = (device.iommus ?? []).flatMap(({ iommu, ids }) => ids.map((id) => ({ iommu, id })));
  const at = pciAddress(device.name);
  if (device.pci === undefined || at === null) return own;
  let host = byName.get(device.parent ?? '');
  for (let hops = 0; host?.pci !== undefined && hops < byName.size; hops += 1)
    host = byName.get(host.parent ?? '');
  const { stream } = mapId(host ?? {}, (at.bus << 8) | at.devfn);
  return stream === null ? own : [...own, stream];
}
