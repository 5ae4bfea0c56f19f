/** What drivers do with DMA. Kernel: drivers/iommu/dma-iommu.c, drivers/iommu/iommu.c, v6.1. */
import type { Kernel } from '../context.ts';
import { deviceOf, groupOf } from '../lookup.ts';
import type { Path } from '../path.ts';
import { deviceOpsGone } from './iommu-ops.ts';

/**
 * A driver maps its buffers as it probes a device, or unmaps them as it lets it go. Where the group is
 * translated this goes through the ops of its domain.
 *
 * Kernel: drivers/iommu/iommu.c:iommu_map and iommu_unmap, called by dma_alloc_coherent and its
 * counterpart, v6.1.
 * Leaves out: the mappings, drivers that map nothing.
 */
function* callDomain(k: Kernel, dev: string, at: 'iommu_map' | 'iommu_unmap'): Path<void> {
  const domain = groupOf(k, dev)?.domain ?? null;
  if (domain !== 'DMA' && domain !== 'DMA-FQ') return;
  const gone = deviceOpsGone(k, deviceOf(k, dev));
  if (gone === null) return;
  yield { type: 'kernel.oopsed', at, what: `domain->ops points to where ${gone} was` };
}

/**
 * Kernel: drivers/iommu/dma-iommu.c:iommu_dma_alloc, v6.1.
 * Leaves out: see callDomain.
 */
export const mapForDma = (k: Kernel, dev: string): Path<void> => callDomain(k, dev, 'iommu_map');

/**
 * Kernel: drivers/iommu/dma-iommu.c:iommu_dma_free, v6.1.
 * Leaves out: see callDomain.
 */
export const unmapForDma = (k: Kernel, dev: string): Path<void> =>
  callDomain(k, dev, 'iommu_unmap');
