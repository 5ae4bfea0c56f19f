/**
 * A virtio-iommu, as the device has it.
 *
 * Source: Virtual I/O Device (VIRTIO) Version 1.2, section 5.13: an endpoint that is attached to no
 * domain reaches memory if the device offers to say so and its `bypass` field is 1. The field outlives
 * a reset of the device.
 */

import type { VirtioIommuUnit } from '../../events/iommu-units.ts';
import type { StreamType } from '../../events/terms.ts';
import type { Facts } from '../context.ts';

/** What the machine says of the device; null where it says nothing. */
export function virtioUnit(k: Pick<Facts, 'machine'>, iommu: string): VirtioIommuUnit | null {
  return k.machine.devices.find(({ name }) => name === iommu)?.viommu ?? null;
}

/** All that the device of QEMU offers where nobody says otherwise. */
export const inputBits = (unit: VirtioIommuUnit | null): number => unit?.input_bits ?? 64;
export const pageSizeMask = (unit: VirtioIommuUnit | null): string =>
  unit?.page_size_mask ?? '0xfffffffffffff000';

/** What an endpoint's requests meet; null for a device that the machine does not describe. */
export function endpointAt(k: Facts, iommu: string, id: number): StreamType | null {
  const viommu = k.state.viommus[iommu];
  if (viommu === undefined) return null;
  const attached = viommu.endpoints[id];
  return attached ?? (virtioUnit(k, iommu)?.bypass === true ? 'bypass' : 'fault');
}
