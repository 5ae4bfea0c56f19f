/** The IPMMU of Renesas, whose devices share one context. Kernel: drivers/iommu/ipmmu-vmsa.c, v5.4. */
import type { IommuOps, Kernel } from '../context.ts';
import { EBUSY } from '../errno.ts';
import { freeContext } from '../hardware/streams.ts';
import { deviceOf } from '../lookup.ts';
import { type Path, path } from '../path.ts';
import { dev_printk } from '../printk.ts';
import type { ReadMapping } from '../state/state.ts';
import {
  arm_iommu_attach_device,
  arm_iommu_create_mapping,
  arm_iommu_detach_device,
  arm_iommu_release_mapping,
  isArm,
} from './arm-dma-mapping.ts';
import { ipmmuOps } from './ipmmu-vmsa.ts';

/** The driver uses one of the contexts that the hardware has. */
const CONTEXTS = 1;

/**
 * The context of a mapping's domain: chosen at its first attach, the same from then on.
 *
 * Kernel: drivers/iommu/ipmmu-vmsa.c:ipmmu_attach_device and ipmmu_domain_init_context, v5.4.
 * Leaves out: micro-TLBs, a domain of another IPMMU.
 *
 * @returns the context, -EBUSY when none is free.
 */
const init_context = path(
  'ipmmu_attach_device',
  function* (k, dev: string, mapping: ReadMapping): Path<number> {
    const speaks = k.has('ipmmu_context_in_log');
    if (mapping.context !== null) {
      if (speaks) yield dev_printk(k, 'info', dev, `Reusing IPMMU context ${mapping.context}`);
      return mapping.context;
    }
    const { iommu } = mapping;
    const contexts = k.state.devices[iommu]?.spec.contexts ?? CONTEXTS;
    const context = freeContext(k, iommu, contexts);
    const text =
      context === null ? 'Unable to initialize IPMMU context' : `Using IPMMU context ${context}`;
    if (context === null || speaks)
      yield dev_printk(k, context === null ? 'err' : 'info', dev, text);
    return context ?? -EBUSY;
  },
);

/**
 * Puts a device on the mapping that the IPMMU has for all its devices, and makes it for the first.
 * On failure the reference of the IPMMU itself goes, whoever else uses the mapping.
 *
 * Kernel: drivers/iommu/ipmmu-vmsa.c:ipmmu_init_arm_mapping, v5.4.
 * Leaves out: a failing creation.
 *
 * @returns 0 or a negative errno.
 */
const ipmmu_init_arm_mapping = path(
  'ipmmu_init_arm_mapping',
  function* (k, dev: string): Path<number> {
    const iommu = deviceOf(k, dev).iommu ?? '';
    const own = sharedMapping(k, iommu);
    if (own?.kref === 0) {
      const what = `use after free of mapping ${own.id}, which ${iommu} still points to`;
      yield { type: 'kernel.oopsed', at: 'arm_iommu_attach_device', what };
    }
    const mapping = own?.id ?? (yield* arm_iommu_create_mapping(k, iommu, true));
    const ret = yield* arm_iommu_attach_device(k, dev, mapping);
    if (ret === 0) return 0;
    yield dev_printk(k, 'err', dev, 'Failed to attach device to VA mapping');
    yield* arm_iommu_release_mapping(k, mapping);
    return ret;
  },
);

/** mmu->mapping. */
function sharedMapping(k: Kernel, iommu: string): ReadMapping | undefined {
  return Object.values(k.state.mappings).find(
    (mapping) => mapping.iommu === iommu && mapping.shared,
  );
}

/**
 * The end of an IPMMU's probe of a device; before the patch of that name, of its add_device.
 *
 * Kernel: drivers/iommu/ipmmu-vmsa.c:ipmmu_probe_finalize, v5.8; ipmmu_add_device, v5.4.
 * Leaves out: that a failure takes the device out of its group in add_device.
 */
function* probe_finalize(k: Kernel, dev: string): Path<void> {
  if (!isArm(k)) return;
  const ret = yield* ipmmu_init_arm_mapping(k, dev);
  const text = "Can't create IOMMU mapping - DMA-OPS will not work";
  if (ret !== 0 && k.has('ipmmu_probe_finalize')) yield dev_printk(k, 'err', dev, text);
}

/**
 * What the ops of an IPMMU have beside those of every IOMMU.
 *
 * Kernel: drivers/iommu/ipmmu-vmsa.c:ipmmu_ops, v5.8.
 * Leaves out: nothing.
 */
export const ipmmuMapping: Partial<IommuOps> = {
  init_context,
  probe_finalize,
  *release_device(k, dev) {
    if (isArm(k)) yield* arm_iommu_detach_device(k, dev);
    else yield* ipmmuOps.release_device?.(k, dev) ?? [];
  },
};
