/** Addresses that no mapping may take. Kernel: drivers/iommu/iommu.c:iommu_get_resv_regions, v6.1. */
import type { IommuKind, ReservedRegion } from '../../events/machine.ts';
import type { Facts } from '../context.ts';
import { kindOf } from '../hardware/iommu-kind.ts';
import { virtioUnit } from '../hardware/virtio-iommu.ts';
import { deviceOf } from '../lookup.ts';
import { reservedRegions } from './reserved-regions.ts';

/** struct iommu_resv_region. `sw-msi` is what the kernel itself sets apart for doorbells. */
export interface ResvRegion {
  readonly start: number;
  readonly length: number;
  readonly type: ReservedRegion['type'] | 'msi' | 'sw-msi';
}

const SW_MSI: ResvRegion = { start: 0x8000000, length: 0x100000, type: 'sw-msi' };
const X86_MSI: ResvRegion = { start: 0xfee00000, length: 0x100000, type: 'msi' };
/** HyperTransport's own addresses. */
const HT_RANGE: ResvRegion = { start: 0xfd00000000, length: 0x300000000, type: 'reserved' };

/** What the drivers of IOMMUs add of their own. */
const BY_KIND: Readonly<Partial<Record<IommuKind, readonly ResvRegion[]>>> = {
  'arm-smmu': [SW_MSI],
  'arm-smmu-v3': [SW_MSI],
  intel: [X86_MSI],
  amd: [X86_MSI, HT_RANGE],
};

/**
 * The regions of a device: firmware's, as far as their addresses are known, and those of the IOMMU.
 *
 * Kernel: get_resv_regions of arm-smmu.c, arm-smmu-v3.c, intel/iommu.c, amd/iommu.c and
 * virtio-iommu.c, v6.1.
 * Leaves out: the 16 MiB of an ISA bridge.
 */
export function resvRegions(k: Facts, dev: string): readonly ResvRegion[] {
  const { spec, iommu } = deviceOf(k, dev);
  const kind = kindOf(k, iommu);
  const own = kind === undefined ? [] : (BY_KIND[kind] ?? virtioRegions(k, iommu ?? ''));
  return [...own, ...addressed(reservedRegions(k, spec))];
}

/**
 * The window for interrupts of a virtio-iommu, or what its driver sets apart where it tells of none.
 *
 * Kernel: drivers/iommu/virtio-iommu.c:viommu_get_resv_regions, v6.1.
 * Leaves out: a virtio-iommu that the machine does not describe, regions that are reserved.
 */
function virtioRegions(k: Facts, iommu: string): readonly ResvRegion[] {
  const unit = virtioUnit(k, iommu);
  if (unit === null) return [];
  if (unit.msi === undefined) return [SW_MSI];
  const [start, end] = [Number(unit.msi.base), Number(unit.msi.end)];
  return [{ start, length: end - start + 1, type: 'msi' }];
}

/** Those whose addresses are known. */
export function addressed(regions: readonly ReservedRegion[]): readonly ResvRegion[] {
  return regions.flatMap(({ type, start, length }) =>
    start === undefined || length === undefined ? [] : [{ type, start, length }],
  );
}
