/** Devices that VT-d's driver put on domains of their own. Kernel: drivers/iommu/intel-iommu.c, v5.4. */
import type { Kernel } from '../context.ts';
import { deviceOf, groupOf } from '../lookup.ts';
import { type Path, path } from '../path.ts';
import { dev_printk } from '../printk.ts';
import { bridges } from './requester-ids.ts';
import {
  iommu_create_device_direct_mappings,
  requiresDirect,
  reservedRegions,
} from './reserved-regions.ts';

const PCI_BRIDGE = 0x0604;

/**
 * Must the device's DMA be translated, whatever the configuration says? One with a range that firmware
 * uses, and conventional PCI below a bridge, where requesters cannot be told apart.
 *
 * Kernel: drivers/iommu/intel-iommu.c:device_def_domain_type, v5.4.
 * Leaves out: devices that are not trusted, devices that are no PCI functions.
 */
function mustTranslate(k: Kernel, dev: string): boolean {
  const { pci } = deviceOf(k, dev).spec;
  if (requiresDirect(k, dev)) return true;
  if (pci === undefined) return false;
  if (pci.pcie !== null) return pci.pcie === 'pcie-to-pci';
  return bridges(k, dev).length > 0 || pci.class >> 8 === PCI_BRIDGE;
}

/**
 * The group of a device that must be translated gets a new default domain; where it has other members
 * the device alone gets one, which the core does not know of.
 *
 * Kernel: drivers/iommu/intel-iommu.c:intel_iommu_add_device, drivers/iommu/iommu.c:
 * request_default_domain_for_dev, v5.4.
 * Leaves out: devices that must not be translated; what a device's own domain is to the hardware.
 */
export const replaceDefaultDomain = path(
  'iommu_request_dma_domain_for_dev',
  function* (k, dev: string): Path<void> {
    const group = groupOf(k, dev);
    if (!k.has('intel_private_domains') || group === undefined) return;
    if (group.domain !== 'identity' || !mustTranslate(k, dev)) return;
    const { id } = group;
    if (group.devices.length > 1) {
      for (const { start, length } of reservedRegions(k, deviceOf(k, dev).spec))
        if (start !== undefined && length !== undefined) {
          const range = `[0x${start.toString(16)} - 0x${(start + length - 1).toString(16)}]`;
          yield dev_printk(k, 'info', dev, `DMAR: Setting identity map ${range}`);
        }
      yield dev_printk(k, 'info', dev, 'DMAR: Device uses a private dma domain.');
      return;
    }
    const mapsInNew = k.has('default_domain_before_direct');
    yield { type: 'group.attached', group: id, domain: 'DMA' };
    if (!mapsInNew) yield* iommu_create_device_direct_mappings(k, id);
    yield { type: 'group.default_domain', group: id, domain: 'DMA' };
    if (mapsInNew) yield* iommu_create_device_direct_mappings(k, id);
    yield dev_printk(k, 'info', dev, 'Using iommu dma mapping');
  },
);
