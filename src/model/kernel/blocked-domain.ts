/** How a group that a user owns is cut off. Kernel: drivers/iommu, v6.1. */
import type { IommuKind } from '../../events/machine.ts';
import type { Facts } from '../context.ts';
import type { PatchName } from '../versions/patch-table.ts';

/** Since when the driver of an IOMMU has a domain that blocks. */
const BLOCKED_DOMAINS: Partial<Record<IommuKind, PatchName>> = {
  intel: 'dmar_blocked_domain',
  amd: 'amd_blocked_domain',
  'arm-smmu': 'smmu_blocked_domain',
  'arm-smmu-v3': 'smmu_v3_blocked_domain',
};

/**
 * Does this kernel block by an empty domain like a user's, whose tables have nothing, because the driver
 * of the IOMMU has none that refuses?
 *
 * Kernel: drivers/iommu/iommu.c:__iommu_group_alloc_blocking_domain, v6.1.
 * Leaves out: drivers of other IOMMUs than those of the table.
 */
export function blocksByTables(k: Facts, kind: IommuKind | undefined): boolean {
  const patch = kind === undefined ? undefined : BLOCKED_DOMAINS[kind];
  return patch !== undefined && !k.has(patch);
}
