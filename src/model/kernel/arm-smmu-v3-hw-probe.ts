/** What an SMMU v3 can do. Kernel: drivers/iommu/arm/arm-smmu-v3/arm-smmu-v3.c, v6.1 unless said. */
import type { Kernel } from '../context.ts';
import { ENXIO } from '../errno.ts';
import { coherentByRegister } from '../hardware/smmu-registers.ts';
import {
  addressBitsV3,
  FEAT_V3,
  featuresOfV3,
  isUnknownOas,
  queueShifts,
  refusedV3,
} from '../hardware/smmu-v3-registers.ts';
import { deviceOf } from '../lookup.ts';
import { type Path, path } from '../path.ts';
import { dev_printk } from '../printk.ts';

/**
 * Reads the id registers of an SMMU v3. Firmware decides whether it is coherent.
 *
 * Kernel: drivers/iommu/arm/arm-smmu-v3/arm-smmu-v3.c:arm_smmu_device_hw_probe, v6.1.
 * Leaves out: options for single implementations; what the processor must have as well: shared virtual
 * addressing, its own broadcasts of invalidations, the hypervisor's mode; nested translation. All of it
 * without registers.
 *
 * @returns 0, or -ENXIO for an SMMU that cannot be driven.
 */
export const arm_smmu_device_hw_probe = path(
  'arm_smmu_device_hw_probe',
  function* (k, dev: string): Path<number> {
    const { spec } = deviceOf(k, dev);
    if (spec.registers === undefined) return 0;
    if (k.machine.firmware === 'acpi') yield dev_printk(k, 'notice', dev, 'option mask 0x0');
    const refused = refusedV3(spec);
    if (refused !== null) {
      yield dev_printk(k, 'err', dev, refused);
      return -ENXIO;
    }
    const found = featuresOfV3(spec);
    const firmware = (found.features & FEAT_V3.COHERENCY) !== 0;
    if (firmware !== coherentByRegister(spec)) {
      const text = `IDR0.COHACC overridden by FW configuration (${firmware})`;
      yield dev_printk(k, 'warn', dev, text);
    }
    if (isUnknownOas(spec)) {
      const unknown = 'unknown output address size. Truncating to 48-bit';
      yield dev_printk(k, 'info', dev, unknown);
    }
    const { ias, oas } = addressBitsV3(spec);
    const features = found.features.toString(16).padStart(8, '0');
    const text = `ias ${ias}-bit, oas ${oas}-bit (features 0x${features})`;
    yield dev_printk(k, 'info', dev, text);
    yield { type: 'smmu.features', iommu: dev, ...found };
    return 0;
  },
);

/** Bytes of an entry of each queue, as powers of two. */
const ENTRY_SHIFTS = { cmdq: 4, evtq: 5, priq: 4 } as const;

/**
 * Allocates the queues: as many entries as the hardware can have, and as are naturally aligned.
 *
 * Kernel: drivers/iommu/arm/arm-smmu-v3/arm-smmu-v3.c:arm_smmu_init_queues and
 * arm_smmu_init_one_queue, v6.1.
 * Leaves out: a memory so fragmented that they get smaller.
 */
export function* arm_smmu_init_queues(k: Kernel, dev: string): Path<void> {
  const { spec } = deviceOf(k, dev);
  const features = k.state.smmus[dev]?.features;
  if (features == null) return;
  const shifts = queueShifts(spec);
  for (const queue of ['cmdq', 'evtq', 'priq'] as const) {
    if (queue === 'priq' && (features.features & FEAT_V3.PRI) === 0) continue;
    const shift = Math.min(shifts[queue], alignedShift(k) - ENTRY_SHIFTS[queue]);
    yield dev_printk(k, 'info', dev, `allocated ${2 ** shift} entries for ${queue}`);
  }
}

/**
 * How much memory is naturally aligned when it is allocated for DMA.
 *
 * Kernel: drivers/iommu/arm/arm-smmu-v3/arm-smmu-v3.h:Q_MAX_SZ_SHIFT, v6.1.
 * Leaves out: another largest order than the one that belongs to the size of pages.
 */
function alignedShift(k: Kernel): number {
  const { pageShift, order } = pagesOf(k);
  const cma = k.config('CMA_ALIGNMENT');
  return pageShift + (cma === 'n' ? order : Number(cma));
}

/** The size of pages, and the largest order of the buddy allocator for it. */
function pagesOf(k: Kernel): { readonly pageShift: number; readonly order: number } {
  if (k.config('ARM64_64K_PAGES') === 'y') return { pageShift: 16, order: 13 };
  if (k.config('ARM64_16K_PAGES') === 'y') return { pageShift: 14, order: 11 };
  return { pageShift: 12, order: 10 };
}
