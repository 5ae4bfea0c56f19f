/** Which page tables translate for a group, and what is written into them. Kernel: drivers/iommu, v6.1. */
import type { EventOf } from '../../events/event.ts';
import type { Facts } from '../context.ts';
import { walksMiss } from '../hardware/table-walk.ts';
import { type Path, path } from '../path.ts';
import { armDomain, defaultDomain, ownDomain } from '../state/io-mappings.ts';

/** The smallest page of an IOMMU. */
export const PAGE_SIZE = 0x1000;

type Mapping = Omit<EventOf<'iommu.mapped'>, 'type'>;

/**
 * The name of the domain whose page tables translate for the group; null where none do: it has no
 * domain, or one that blocks or lets pass.
 *
 * Kernel: group->domain, v6.1.
 * Leaves out: several domains in an iommufd.
 */
export function translatingDomain(k: Facts, id: number): string | null {
  const { groups, containers, iommufds } = k.state.vfio;
  const group = k.state.groups[id];
  if (group?.domain === 'DMA' || group?.domain === 'DMA-FQ') return defaultDomain(id);
  if (group?.domain !== 'unmanaged') return null;
  const found = Object.values(groups).find(({ iommu_group }) => iommu_group === id);
  const container = found?.container ?? null;
  if (container !== null && containers[container]?.iommu === true) return container;
  for (const dev of group.devices) {
    const mapping = k.state.devices[dev]?.archdata.mapping ?? null;
    if (mapping !== null) return armDomain(mapping);
    const iommufd = iommufds[dev];
    if (iommufd !== undefined) return `iommufd ${iommufd}`;
  }
  return ownDomain(id);
}

/**
 * Maps a range in a domain behind the IOMMU.
 *
 * Kernel: drivers/iommu/iommu.c:iommu_map; drivers/iommu/io-pgtable-arm.c:__arm_lpae_set_pte and
 * __arm_lpae_sync_pte, which clean no cache line for an SMMU whose walks firmware calls coherent, v6.1.
 * Leaves out: physical addresses, running out of memory.
 */
export const iommu_map = path(
  'iommu_map',
  function* (k, iommu: string | null, mapping: Mapping): Path<void> {
    const { domain, start, length } = mapping;
    yield { type: 'iommu.mapped', ...mapping };
    if (iommu !== null && walksMiss(k, iommu))
      yield { type: 'iommu.map_unseen', domain, start, length, iommu };
  },
);

/**
 * Unmaps what `mine` picks.
 *
 * Kernel: drivers/iommu/iommu.c:iommu_unmap, v6.1.
 * Leaves out: the TLB, which keeps the range for a while where the domain is lazy.
 */
export const iommu_unmap = path(
  'iommu_unmap',
  function* (k, mine: (mapping: Mapping) => boolean): Path<void> {
    for (const { domain, start, length } of k.state.io_mappings.filter(mine))
      yield { type: 'iommu.unmapped', domain, start, length };
  },
);
