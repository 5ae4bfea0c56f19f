/** What an IOMMU can do for a device. Kernel: drivers/iommu/iommu.c, v6.1. */
import type { IommuOps, Kernel } from '../context.ts';
import { deviceOf } from '../lookup.ts';
import { type Path, path } from '../path.ts';
import { hostOf } from './property.ts';

/** enum iommu_cap, without the prefix. */
export type IommuCap = 'CACHE_COHERENCY' | 'INTR_REMAP';

/** The ops of the IOMMU that translates for the device; null for none. */
export function opsOf(k: Kernel, dev: string): IommuOps | null {
  const { iommu } = deviceOf(k, dev);
  const ops = k.state.iommus.find((instance) => instance.name === iommu)?.ops;
  return ops === undefined ? null : k.ops.iommu(ops);
}

/**
 * Is the device's DMA coherent with IOMMU_CACHE, or are its interrupts remapped?
 *
 * Kernel: drivers/iommu/iommu.c:device_iommu_capable, v6.1.
 * Leaves out: other capabilities.
 */
export const device_iommu_capable = path(
  'device_iommu_capable',
  function* (k, dev: string, cap: IommuCap): Path<boolean> {
    yield* [];
    const ops = opsOf(k, dev);
    if (ops === null) return false;
    return cap === 'CACHE_COHERENCY' ? ops.cache_coherent(k, dev) : hasIsolatedMsi(k, dev);
  },
);

/** Are the MSIs of the device told apart from those of others? */
export function hasIsolatedMsi(k: Kernel, dev: string): boolean {
  return hostOf(k, dev)?.isolated_msi ?? true;
}
