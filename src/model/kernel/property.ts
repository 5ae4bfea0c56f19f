/** What firmware says of a device's DMA. Kernel: drivers/base/property.c, drivers/of/address.c, v6.1. */
import { type DeviceSpec, isX86Iommu } from '../../events/machine.ts';
import type { Facts } from '../context.ts';

/** enum dev_dma_attr, without the prefix. */
export type DmaAttr = 'NOT_SUPPORTED' | 'NON_COHERENT' | 'COHERENT';

function specOf(k: Facts, dev: string | null): DeviceSpec | undefined {
  return k.state.devices[dev ?? '']?.spec;
}

/**
 * Coherent according to the device's own firmware node. Most PCI functions have none: one that has
 * says in its spec whether it is coherent.
 *
 * Kernel: drivers/base/property.c:device_get_dma_attr, v6.1.
 * Leaves out: _CCA, which devices of ACPI are taken to have.
 */
export function device_get_dma_attr(k: Facts, dev: string): DmaAttr {
  const spec = specOf(k, dev);
  if (spec === undefined) return 'NOT_SUPPORTED';
  if (spec.dma_coherent !== undefined) return spec.dma_coherent ? 'COHERENT' : 'NON_COHERENT';
  return spec.pci === undefined ? 'NON_COHERENT' : 'NOT_SUPPORTED';
}

/**
 * Does the hardware keep the device's DMA coherent where the IOMMU maps with IOMMU_CACHE? As the
 * machine says; where it does not, as firmware says of the device or of what it hangs below; null
 * where nobody says anything.
 */
export function snoops(k: Facts, dev: string): boolean | null {
  for (const { snoops: truth, dma_coherent } of upwards(k, dev)) {
    const said = truth ?? dma_coherent;
    if (said !== undefined) return said;
  }
  return null;
}

/**
 * Does the kernel take the device's DMA for coherent, so that it cleans no caches for it? As firmware
 * says of the device or of what it hangs below.
 *
 * Kernel: drivers/of/address.c:of_dma_is_coherent, include/linux/dma-map-ops.h:dev_is_dma_coherent, v6.1;
 * always on x86.
 * Leaves out: _CCA, CONFIG_OF_DMA_DEFAULT_COHERENT.
 */
export function dev_is_dma_coherent(k: Facts, dev: string): boolean {
  if (k.machine.devices.some(({ iommu_kind }) => isX86Iommu(iommu_kind))) return true;
  const said = upwards(k, dev).find(({ dma_coherent }) => dma_coherent !== undefined);
  return said?.dma_coherent === true;
}

/** The device and those above it, nearest first. */
function upwards(k: Facts, dev: string): readonly DeviceSpec[] {
  const found: DeviceSpec[] = [];
  for (let at: string | null = dev; at !== null; ) {
    const spec = specOf(k, at);
    if (spec === undefined || found.includes(spec)) break;
    found.push(spec);
    at = spec.parent;
  }
  return found;
}
