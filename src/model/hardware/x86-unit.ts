/**
 * What a unit of VT-d or AMD-Vi does with requests.
 *
 * Source: Intel Virtualization Technology for Directed I/O, chapter 3; AMD I/O Virtualization Technology,
 * chapter 2: an entry of a table, found by the requester id, says which domain it is in.
 */

import type { StreamType } from '../../events/terms.ts';
import type { Facts } from '../context.ts';
import { blocksByTables } from '../kernel/blocked-domain.ts';
import { pciAddress } from '../kernel/requester-ids.ts';
import { kindOf } from './iommu-kind.ts';

/**
 * What becomes of requests of a device: all pass while the unit does not translate, and from then on the
 * entry says, which the kernel writes as it attaches the device; null for a unit that the machine does not
 * describe.
 */
export function requestAtX86(k: Facts, iommu: string, dev: string): StreamType | null {
  const unit = k.state.x86_units[iommu];
  if (unit === undefined) return null;
  if (!unit.translation) return 'bypass';
  const group = k.state.groups[k.state.devices[dev]?.iommu_group ?? ''];
  const domain = group?.domain ?? null;
  if (domain === 'identity' || domain === 'identity-pasid') return 'bypass';
  if (domain !== 'blocked') return domain === null ? 'fault' : 'translate';
  return blocksByTables(k, kindOf(k, iommu)) ? 'translate' : 'fault';
}

/**
 * Has the bus a context table, so that it is the entry of the function that is missing? The kernel makes one as
 * it attaches the first function of the bus, and keeps it.
 */
export function hasContextTable(k: Facts, iommu: string, bus: number): boolean {
  return Object.values(k.state.devices).some((device) => {
    const domain = k.state.groups[device.iommu_group ?? '']?.domain ?? null;
    return device.iommu === iommu && domain !== null && pciAddress(device.name)?.bus === bus;
  });
}
