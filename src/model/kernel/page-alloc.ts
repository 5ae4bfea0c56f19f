/** Memory that the kernel takes for itself. Kernel: mm/page_alloc.c, mm/memblock.c, v6.1. */
import type { Facts } from '../context.ts';
import { ENOMEM } from '../errno.ts';
import { streamOf } from '../hardware/streams.ts';
import { type Path, path } from '../path.ts';
import { overlaps, type Range } from '../range.ts';
import { addressed } from './resv-regions.ts';

/**
 * The kernel takes a range of memory, unless that is kept from it: by the memory map of firmware, which
 * also has the regions that it reserves for devices, or by what the driver of an SMMU read back from
 * the hardware.
 *
 * Kernel: mm/page_alloc.c:__alloc_pages, mm/memblock.c:memblock_reserve, v6.1; the last part as
 * proposals for smmu_inherit_hw wanted it.
 * Leaves out: which memory there is, and freeing it: who asks names the range.
 *
 * @returns 0, or -ENOMEM where any of it is kept.
 */
export const alloc_pages = path(
  'alloc_pages',
  function* (k, start: number, length: number): Path<number> {
    const kept = keptMemory(k);
    if (kept.some((one) => overlaps(one, { start, length }))) return -ENOMEM;
    yield { type: 'memory.allocated', start, length };
    return 0;
  },
);

function keptMemory(k: Facts): readonly Range[] {
  return k.machine.devices.flatMap(({ reserved = [], boot_memory = [], iommus = [] }) => {
    const inherited = iommus.some(({ iommu, ids }) =>
      ids.some((id) => streamOf(k, iommu, id) === 'boot'),
    );
    const memory = boot_memory.filter(
      (one) => one.reserved === true || (inherited && one.unseen !== true && one.tables !== true),
    );
    return [...addressed(reserved), ...memory];
  });
}
