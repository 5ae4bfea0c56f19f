/** What an IOMMU can do for a device. Kernel: drivers/iommu/iommu.c, v6.1. */
import type { Kernel } from '../context.ts';
import { deviceOf } from '../lookup.ts';
import { type Path, path } from '../path.ts';
import { dev_iommu_ops } from './iommu-ops.ts';
import { pci_get_host_bridge_device } from './requester-ids.ts';

/** enum iommu_cap, without the prefix. */
export type IommuCap = 'CACHE_COHERENCY' | 'INTR_REMAP';

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
    const ops = dev_iommu_ops(k, dev);
    if (ops === null) return false;
    return cap === 'CACHE_COHERENCY' ? ops.cache_coherent(k, dev) : hasIsolatedMsi(k, dev);
  },
);

/** Are the MSIs of the device told apart from those of others? */
export function hasIsolatedMsi(k: Kernel, dev: string): boolean {
  const device = deviceOf(k, dev);
  const at = device.spec.pci === undefined ? device : pci_get_host_bridge_device(k, dev);
  return at?.spec.isolated_msi ?? true;
}
