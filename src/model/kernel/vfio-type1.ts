/** Memory of a container. Kernel: drivers/vfio/vfio_iommu_type1.c, v6.1. */
import type { Kernel } from '../context.ts';
import { EEXIST, EINVAL, ENOTTY } from '../errno.ts';
import { kindOf } from '../hardware/iommu-kind.ts';
import { inputBits, virtioUnit } from '../hardware/virtio-iommu.ts';
import { type Path, path } from '../path.ts';
import { overlaps, type Range } from '../range.ts';
import { iommu_map, iommu_unmap, PAGE_SIZE } from './io-mappings.ts';
import { dev_iommu_ops } from './iommu-ops.ts';
import { resvRegions } from './resv-regions.ts';
import { isNoiommu } from './vfio-container.ts';

/** Bits of the addresses that a domain can map; a virtio-iommu says for itself. */
const APERTURE_BITS = 48;

/** The devices of the groups in a container. */
function devicesIn(k: Kernel, container: string): readonly string[] {
  const groups = Object.values(k.state.vfio.groups).filter((one) => one.container === container);
  return groups.flatMap(({ iommu_group }) => k.state.groups[iommu_group ?? '']?.devices ?? []);
}

/** What a call on the container gets that never comes to the backend's memory; 0 where it does. */
function refusal(k: Kernel, container: string): number {
  if (k.state.vfio.containers[container]?.iommu !== true) return -EINVAL;
  const groups = Object.values(k.state.vfio.groups).filter((one) => one.container === container);
  return groups.some(({ name }) => isNoiommu(name)) ? -ENOTTY : 0;
}

/** Do whole pages lie there, at addresses that there are? */
function isRange(iova: number, size: number): boolean {
  if (size === 0 || size % PAGE_SIZE !== 0 || iova % PAGE_SIZE !== 0) return false;
  return Number.isSafeInteger(iova + size - 1);
}

/**
 * VFIO_IOMMU_MAP_DMA, for reading and writing. All is mapped with IOMMU_CACHE, since user space cannot
 * flush caches; before vfio_requires_coherency where the IOMMUs claim to have it.
 *
 * Kernel: drivers/vfio/vfio_iommu_type1.c:vfio_dma_do_map and vfio_iommu_map, v6.1;
 * drivers/vfio/container.c:vfio_fops_unl_ioctl and vfio_noiommu_ioctl.
 * Leaves out: physical addresses and their limits, pinning, the limit of 65535 mappings.
 *
 * @returns 0; -EINVAL without a backend, for what is no range of pages, and for one that is reserved or
 * beyond what the IOMMU can map; -EEXIST where something is mapped; -ENOTTY without an IOMMU.
 */
export const vfio_dma_do_map = path(
  'vfio_dma_do_map',
  function* (k, container: string, iova: number, size: number): Path<number> {
    const refused = refusal(k, container);
    if (refused !== 0) return refused;
    if (!isRange(iova, size)) return -EINVAL;
    const isTaken = k.state.io_mappings.some(
      (one) => one.domain === container && overlaps(one, { start: iova, length: size }),
    );
    if (isTaken) return -EEXIST;
    const devices = devicesIn(k, container);
    if (!devices.every((dev) => isValid(k, dev, iova, size))) return -EINVAL;
    const caches = (dev: string) => dev_iommu_ops(k, dev)?.cache_coherent(k, dev) === true;
    const cache = k.has('vfio_requires_coherency') || devices.every(caches);
    const [first] = devices;
    const iommu = first === undefined ? null : (k.state.devices[first]?.iommu ?? null);
    const range = { domain: container, start: iova, length: size };
    yield* iommu_map(k, iommu, { ...range, dev: null, cache, read: true, write: true });
    yield { type: 'vfio.dma_mapped', container };
    return 0;
  },
);

/**
 * May the device be given that range?
 *
 * Kernel: vfio_iommu_iova_dma_valid, and what vfio_iommu_resv_exclude took from the list, v6.1.
 * Leaves out: apertures of other IOMMUs than a virtio-iommu that are not of 48 bits.
 */
function isValid(k: Kernel, dev: string, iova: number, size: number): boolean {
  const iommu = k.state.devices[dev]?.iommu ?? '';
  const isVirtio = kindOf(k, iommu) === 'virtio-iommu';
  const bits = isVirtio ? inputBits(virtioUnit(k, iommu)) : APERTURE_BITS;
  if (iova + size > 2 ** bits) return false;
  const excluded = resvRegions(k, dev).filter(({ type }) => type !== 'direct-relaxable');
  return !excluded.some((region) => overlaps(region, { start: iova, length: size }));
}

/**
 * VFIO_IOMMU_UNMAP_DMA: whatever is mapped within the range, if it cuts nothing in two.
 *
 * Kernel: drivers/vfio/vfio_iommu_type1.c:vfio_dma_do_unmap, v6.1, for version 2 of the interface.
 * Leaves out: flags.
 *
 * @returns 0, also where nothing was mapped; -EINVAL and -ENOTTY as for mapping, -EINVAL where a
 * mapping begins before the range or ends behind it.
 */
export const vfio_dma_do_unmap = path(
  'vfio_dma_do_unmap',
  function* (k, container: string, iova: number, size: number): Path<number> {
    const refused = refusal(k, container);
    if (refused !== 0) return refused;
    if (!isRange(iova, size)) return -EINVAL;
    const isIn = (one: Range & { readonly domain: string }) =>
      one.domain === container && overlaps(one, { start: iova, length: size });
    const isCut = k.state.io_mappings
      .filter(isIn)
      .some(({ start, length }) => start < iova || start + length > iova + size);
    if (isCut) return -EINVAL;
    yield* iommu_unmap(k, isIn);
    return 0;
  },
);
