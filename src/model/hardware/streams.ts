/**
 * Stream ids and translation contexts of an SMMU or IPMMU, as the hardware has them.
 *
 * Source: Arm SMMU architecture, versions 2 and 3: an entry for a stream says that it is translated,
 * bypasses or faults, and a register says what becomes of streams without an entry.
 */

import type { DeviceSpec } from '../../events/machine.ts';
import type { StreamType } from '../../events/terms.ts';
import type { Facts } from '../context.ts';

/** The ids under which a device that firmware describes speaks to the IOMMU. */
export function idsAt({ iommus = [] }: DeviceSpec, iommu: string): readonly number[] {
  return iommus.flatMap((spec) => (spec.iommu === iommu ? spec.ids : []));
}

/** What the SMMU does with a stream now; `null` while its firmware's setup was not touched. */
export function streamOf(k: Facts, iommu: string, id: number): StreamType | null {
  const smmu = k.state.smmus[iommu];
  return smmu === undefined ? null : (smmu.streams[id] ?? smmu.unmatched);
}

/** The lowest context of the IOMMU that no mapping uses; null when all are taken. */
export function freeContext(k: Facts, iommu: string, contexts: number): number | null {
  const taken = Object.values(k.state.mappings).filter((mapping) => mapping.iommu === iommu);
  for (let context = 0; context < contexts; context += 1)
    if (!taken.some((mapping) => mapping.context === context)) return context;
  return null;
}
