/**
 * What a unit of VT-d or AMD-Vi does with requests.
 *
 * Source: Intel Virtualization Technology for Directed I/O, chapter 3; AMD I/O Virtualization Technology,
 * chapter 2: an entry of a table, found by the requester id, says which domain it is in.
 */

import type { StreamType } from '../../events/terms.ts';
import type { Facts } from '../context.ts';

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
  return domain === null || domain === 'blocked' ? 'fault' : 'translate';
}
