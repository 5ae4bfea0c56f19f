/** Memory that firmware reserves for a device. Kernel: drivers/iommu/iommu.c, v6.1 unless said. */

import type { DeviceSpec, ReservedRegion } from '../../events/machine.ts';
import type { DomainType } from '../../events/terms.ts';
import type { Facts, Kernel } from '../context.ts';
import { EINVAL, EPERM } from '../errno.ts';
import { deviceOf, groupById } from '../lookup.ts';
import type { Path } from '../path.ts';
import { dev_printk } from '../printk.ts';
import { defaultDomain, mappingAt } from '../state/io-mappings.ts';
import { iommu_map } from './io-mappings.ts';
import { dev_is_dma_coherent } from './property.ts';

/**
 * The regions of a device that this kernel reads.
 *
 * Kernel: drivers/iommu/iommu.c:iommu_get_resv_regions, drivers/acpi/arm64/iort.c:
 * iort_iommu_get_resv_regions, drivers/iommu/of_iommu.c:of_iommu_get_resv_regions, v6.3.
 * Leaves out: regions for message interrupts.
 */
export function reservedRegions(
  k: Pick<Facts, 'machine' | 'has'>,
  { reserved = [] }: Pick<DeviceSpec, 'reserved'>,
): readonly ReservedRegion[] {
  return reserved.filter(({ via }) => {
    if (via === 'rmr') return k.machine.firmware === 'acpi' && k.has('iort_rmr');
    if (via === 'rmrr' || via === 'ivmd') return true;
    return k.machine.firmware === 'devicetree' && k.has('dt_iommu_addresses');
  });
}

/** Must the device keep a 1:1 mapping as long as it lives? */
export function requiresDirect(k: Kernel, dev: string): boolean {
  return reservedRegions(k, deviceOf(k, dev).spec).some(({ type }) => type === 'direct');
}

/**
 * Maps the regions of all members 1:1 in the default domain, where that translates.
 *
 * Kernel: drivers/iommu/iommu.c:iommu_create_device_direct_mappings, v6.1.
 * Leaves out: failures; the second attempt after the attach for drivers that need one.
 */
export function* iommu_create_device_direct_mappings(k: Kernel, id: number): Path<void> {
  const { devices, default_domain, direct_mapped } = groupById(k, id);
  if (default_domain !== 'DMA' && default_domain !== 'DMA-FQ') return;
  for (const dev of devices) {
    const regions = reservedRegions(k, deviceOf(k, dev).spec);
    const isDirect = regions.some(({ type }) => type !== 'reserved');
    if (!isDirect || direct_mapped.includes(dev)) continue;
    yield* mapRegions(k, dev, defaultDomain(id), regions);
    yield { type: 'group.direct_mapped', dev, group: id };
  }
}

/** Those whose addresses are known, unless another member has mapped them. */
function* mapRegions(
  k: Kernel,
  dev: string,
  domain: string,
  regions: readonly ReservedRegion[],
): Path<void> {
  const prot = { dev: null, cache: dev_is_dma_coherent(k, dev), read: true, write: true };
  for (const { type, start, length } of regions) {
    if (type === 'reserved' || start === undefined || length === undefined) continue;
    if (mappingAt(k.state.io_mappings, domain, start) !== undefined) continue;
    yield* iommu_map(k, deviceOf(k, dev).iommu, { domain, start, length, ...prot });
  }
}

/**
 * May the group be cut off from its default domain? With require_direct not while firmware wants a
 * member mapped 1:1.
 *
 * Kernel: drivers/iommu/iommu.c:__iommu_device_set_domain, v6.6.
 * Leaves out: nothing.
 *
 * @returns 0, or -EINVAL with a warning.
 */
export function* refuseBlocking(k: Kernel, id: number): Path<number> {
  const dev = groupById(k, id).devices.find((member) => requiresDirect(k, member));
  if (dev === undefined || !k.has('require_direct')) return 0;
  const text =
    'Firmware has requested this device have a 1:1 IOMMU mapping, rejecting configuring the device ' +
    'without a 1:1 mapping. Contact your platform vendor.';
  yield dev_printk(k, 'warn', dev, text);
  return -EINVAL;
}

/**
 * Intel's own refusal: no domain of a user's for a device with an RMRR that is not relaxable.
 *
 * Kernel: drivers/iommu/intel/iommu.c:intel_iommu_attach_device and device_is_rmrr_locked, v6.1; gone
 * with require_direct.
 * Leaves out: nothing.
 *
 * @returns 0, or -EPERM with a warning.
 */
export function* refuseRmrrLocked(k: Kernel, dev: string, domain: DomainType | null): Path<number> {
  const isLocked = domain === 'unmanaged' && requiresDirect(k, dev);
  if (!isLocked || k.has('require_direct')) return 0;
  const text =
    'Device is ineligible for IOMMU domain attach due to platform RMRR requirement.  ' +
    'Contact your platform vendor.';
  yield dev_printk(k, 'warn', dev, text);
  return -EPERM;
}
