/** What drivers do with DMA. Kernel: drivers/iommu/dma-iommu.c, drivers/iommu/iommu.c, v6.1. */
import type { Facts, Kernel } from '../context.ts';
import { deviceOf, driverOf, groupOf } from '../lookup.ts';
import type { Path } from '../path.ts';
import { defaultDomain, mappingAt } from '../state/io-mappings.ts';
import { iommu_map, iommu_unmap, PAGE_SIZE, translatingDomain } from './io-mappings.ts';
import { deviceOpsGone } from './iommu-ops.ts';
import { dev_is_dma_coherent } from './property.ts';
import { resvRegions } from './resv-regions.ts';

/**
 * A driver maps its buffers as it probes a device, or unmaps them as it lets it go. Where the group is
 * translated this goes through the ops of its domain.
 *
 * Kernel: drivers/iommu/iommu.c:iommu_map and iommu_unmap, called by dma_alloc_coherent and its
 * counterpart, v6.1.
 * Leaves out: drivers that map nothing.
 */
function* callDomain(k: Kernel, dev: string, at: 'iommu_map' | 'iommu_unmap'): Path<void> {
  const domain = groupOf(k, dev)?.domain ?? null;
  if (domain !== 'DMA' && domain !== 'DMA-FQ') return;
  const gone = deviceOpsGone(k, deviceOf(k, dev));
  if (gone === null) return;
  yield { type: 'kernel.oopsed', at, what: `domain->ops points to where ${gone} was` };
}

/**
 * The probe of a driver allocates a buffer of a page, where it is said to use one.
 *
 * Kernel: drivers/iommu/dma-iommu.c:iommu_dma_alloc, v6.1.
 * Leaves out: buffers that are not mapped: the model has no physical addresses.
 */
export function* mapForDma(k: Kernel, dev: string, drv: string): Path<void> {
  yield* callDomain(k, dev, 'iommu_map');
  const { bus, iommu } = deviceOf(k, dev);
  const group = groupOf(k, dev);
  if (group === undefined || driverOf(k, bus, drv)?.spec.maps_dma !== true) return;
  const domain = translatingDomain(k, group.id);
  if (domain !== defaultDomain(group.id)) return;
  const start = iommu_dma_alloc_iova(k, group.id);
  const prot = { cache: dev_is_dma_coherent(k, dev), read: true, write: true };
  yield* iommu_map(k, iommu, { domain, start, length: PAGE_SIZE, dev, ...prot });
}

/**
 * Its remove frees what its probe allocated.
 *
 * Kernel: drivers/iommu/dma-iommu.c:iommu_dma_free, v6.1.
 * Leaves out: as mapForDma.
 */
export function* unmapForDma(k: Kernel, dev: string): Path<void> {
  yield* callDomain(k, dev, 'iommu_unmap');
  const domain = defaultDomain(deviceOf(k, dev).iommu_group ?? -1);
  yield* iommu_unmap(k, (mapping) => mapping.domain === domain && mapping.dev === dev);
}

/** The last page below 4 GiB: PCI devices are given short addresses first, others have no more. */
const LAST_PAGE = 0xfffff000;

/**
 * A free page of a default domain: the highest below 4 GiB that nothing is at.
 *
 * Kernel: drivers/iommu/dma-iommu.c:iommu_dma_alloc_iova, iova_reserve_iommu_regions, v6.1.
 * Leaves out: the magazine caches, windows of host bridges, other DMA masks.
 */
function iommu_dma_alloc_iova(k: Facts, group: number): number {
  const domain = defaultDomain(group);
  const kept = (k.state.groups[group]?.devices ?? [])
    .flatMap((dev) => resvRegions(k, dev))
    .filter(({ type }) => type !== 'sw-msi')
    .map(({ start, length }) => ({ domain, start, length }));
  const taken = [...kept, ...k.state.io_mappings];
  let iova = LAST_PAGE;
  for (;;) {
    const at = mappingAt(taken, domain, iova);
    if (at === undefined) return iova;
    iova = at.start - (at.start % PAGE_SIZE) - PAGE_SIZE;
  }
}
