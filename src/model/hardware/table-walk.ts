/** Table walks of an SMMU. Source: Arm SMMU architecture: walks go where the attributes of the tables say. */
import type { Facts } from '../context.ts';
import { SMMUS } from '../kernel/kconfig.ts';
import { snoops } from '../kernel/property.ts';

/**
 * Do the walks read memory past the CPU's caches, although firmware has the kernel believe that they
 * look there, so that it writes nothing back? What it writes then may never be seen.
 */
export function walksMiss(k: Facts, iommu: string): boolean {
  const spec = k.state.devices[iommu]?.spec;
  if (spec === undefined || !SMMUS.includes(spec.iommu_kind ?? '')) return false;
  return spec.dma_coherent === true && snoops(k, iommu) === false;
}
