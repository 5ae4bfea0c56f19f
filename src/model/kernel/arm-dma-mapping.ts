/** DMA operations of 32-bit Arm. Kernel: arch/arm/mm/dma-mapping.c, v5.4 unless said. */
import type { DmaOps } from '../../events/machine.ts';
import type { Kernel } from '../context.ts';
import { ENODEV } from '../errno.ts';
import { deviceOf, groupOf } from '../lookup.ts';
import { type Path, path } from '../path.ts';
import { dev_printk, printk } from '../printk.ts';
import { armDomain, mappingAt } from '../state/io-mappings.ts';
import { iommu_map, iommu_unmap, PAGE_SIZE } from './io-mappings.ts';
import { dev_iommu_ops } from './iommu-ops.ts';
import { dev_is_dma_coherent } from './property.ts';
import { iommu_group_set_domain } from './set-domain.ts';

/**
 * Does this machine have the DMA operations of this file?
 *
 * Kernel: CONFIG_ARM with ARM_DMA_USE_IOMMU.
 * Leaves out: nothing.
 */
export function isArm(k: Pick<Kernel, 'machine'>): boolean {
  return k.machine.arch === 'arm';
}

/**
 * Gives a device its DMA operations, unless somebody has: those of an IOMMU with a mapping of its
 * own where firmware puts it behind one, else plain ones, which are none since arm_dma_direct.
 *
 * Kernel: arch/arm/mm/dma-mapping.c:arch_setup_dma_ops, v5.4 and v6.1.
 * Leaves out: Xen.
 */
export const arch_setup_dma_ops = path(
  'arch_setup_dma_ops',
  function* (k, dev: string): Path<void> {
    if (k.has('arm_dont_override_dma_ops') && deviceOf(k, dev).dma_ops !== null) return;
    const translated = deviceOf(k, dev).iommu !== null && (yield* arm_setup_iommu_dma_ops(k, dev));
    const plain = k.has('arm_dma_direct') ? null : arm_get_dma_map_ops(k, dev);
    const ops = translated ? 'iommu_ops' : plain;
    if (ops !== null) yield { type: 'dma_ops.set', dev, ops };
    yield { type: 'dma_ops.set_up', dev };
  },
);

/**
 * Takes back what arch_setup_dma_ops did, or, without arm_dont_teardown_third_party, whatever there
 * is. The mark that it was set up stays.
 *
 * Kernel: arch/arm/mm/dma-mapping.c:arch_teardown_dma_ops, v5.4.
 * Leaves out: nothing.
 */
export const arch_teardown_dma_ops = path(
  'arch_teardown_dma_ops',
  function* (k, dev: string): Path<void> {
    const { archdata } = deviceOf(k, dev);
    if (k.has('arm_dont_teardown_third_party') && !archdata.dma_ops_setup) return;
    if (archdata.mapping !== null) yield* arm_teardown_iommu_dma_ops(k, dev, archdata.mapping);
    if (k.has('arm_clear_ops_on_teardown')) yield { type: 'dma_ops.set', dev, ops: null };
    yield { type: 'dma_ops.torn_down', dev };
  },
);

/** The operations of a device that nothing translates for. */
function arm_get_dma_map_ops(k: Kernel, dev: string): DmaOps {
  const coherent = deviceOf(k, dev).spec.dma_coherent === true;
  return coherent ? 'arm_coherent_dma_ops' : 'arm_dma_ops';
}

/** @returns false when the device does without the IOMMU. */
function* arm_setup_iommu_dma_ops(k: Kernel, dev: string): Path<boolean> {
  const mapping = yield* arm_iommu_create_mapping(k, deviceOf(k, dev).iommu ?? '', false);
  if ((yield* __arm_iommu_attach_device(k, dev, mapping)) === 0) return true;
  yield printk('warn', `Failed to attached device ${dev} to IOMMU_mapping`);
  yield* arm_iommu_release_mapping(k, mapping);
  return false;
}

function* arm_teardown_iommu_dma_ops(k: Kernel, dev: string, mapping: number): Path<void> {
  if (k.has('arm_dont_teardown_third_party')) yield* arm_iommu_detach_device(k, dev);
  else yield* __arm_iommu_detach_device(k, dev, mapping);
  yield* arm_iommu_release_mapping(k, mapping);
  const isOurs = k.has('arm_reset_ops_if_set_up') && deviceOf(k, dev).archdata.dma_ops_setup;
  if (isOurs || k.has('arm_teardown_reset_ops_v8')) yield { type: 'dma_ops.set', dev, ops: null };
}

/**
 * Makes an address space for DMA, with a domain and one reference.
 *
 * Kernel: arch/arm/mm/dma-mapping.c:arm_iommu_create_mapping, v5.4.
 * Leaves out: base and size, failures.
 *
 * @returns its number, the lowest that is free.
 */
export function* arm_iommu_create_mapping(k: Kernel, iommu: string, shared: boolean): Path<number> {
  let mapping = 0;
  while (k.state.mappings[mapping] !== undefined) mapping += 1;
  yield { type: 'mapping.created', mapping, iommu, shared };
  return mapping;
}

/**
 * Drops a reference to a mapping.
 *
 * Kernel: arch/arm/mm/dma-mapping.c:arm_iommu_release_mapping, v5.4.
 * Leaves out: nothing.
 */
export function* arm_iommu_release_mapping(k: Kernel, mapping: number): Path<void> {
  if (k.state.mappings[mapping]?.kref === 0) {
    const what = `refcount_t: underflow; use-after-free of mapping ${mapping}`;
    yield { type: 'kernel.warned', at: 'arm_iommu_release_mapping', what };
  }
  yield { type: 'mapping.put', mapping };
}

/**
 * Attaches a device to a mapping and makes its DMA go through it. For drivers of IOMMUs and masters.
 *
 * Kernel: arch/arm/mm/dma-mapping.c:arm_iommu_attach_device, v5.4.
 * Leaves out: nothing.
 *
 * @returns 0, or what the IOMMU driver returned.
 */
export const arm_iommu_attach_device = path(
  'arm_iommu_attach_device',
  function* (k, dev: string, mapping: number): Path<number> {
    const ret = yield* __arm_iommu_attach_device(k, dev, mapping);
    if (ret === 0) yield { type: 'dma_ops.set', dev, ops: 'iommu_ops' };
    return ret;
  },
);

function* __arm_iommu_attach_device(k: Kernel, dev: string, mapping: number): Path<number> {
  const found = k.state.mappings[mapping];
  const group = groupOf(k, dev);
  if (found === undefined || group === undefined) return 0;
  const context = (yield* dev_iommu_ops(k, dev)?.init_context?.(k, dev, found) ?? []) ?? 0;
  if (context < 0) return context;
  // No lock keeps an IOMMU that goes from taking the device out of its group meanwhile.
  if (groupOf(k, dev)?.id !== group.id) return -ENODEV;
  yield* iommu_group_set_domain(k, group.id, 'unmanaged');
  yield { type: 'mapping.attached', dev, mapping, context };
  return 0;
}

/**
 * Detaches a device from its mapping. What is left are plain operations since
 * arm_detach_sets_plain_ops, none before.
 *
 * Kernel: arch/arm/mm/dma-mapping.c:arm_iommu_detach_device, v5.4.
 * Leaves out: nothing.
 */
export const arm_iommu_detach_device = path(
  'arm_iommu_detach_device',
  function* (k, dev: string): Path<void> {
    const { mapping } = deviceOf(k, dev).archdata;
    if (mapping === null) {
      yield dev_printk(k, 'warn', dev, 'Not attached');
      return;
    }
    yield* __arm_iommu_detach_device(k, dev, mapping);
    const ops = k.has('arm_detach_sets_plain_ops') ? arm_get_dma_map_ops(k, dev) : null;
    yield { type: 'dma_ops.set', dev, ops };
  },
);

function* __arm_iommu_detach_device(k: Kernel, dev: string, mapping: number): Path<void> {
  const group = groupOf(k, dev);
  if (group !== undefined) yield* iommu_group_set_domain(k, group.id, group.default_domain);
  yield { type: 'mapping.detached', dev, mapping };
}

/**
 * A driver allocates a DMA buffer that is freed with its other managed resources.
 *
 * Kernel: kernel/dma/mapping.c:dmam_alloc_coherent, arch/arm/mm/dma-mapping.c:arm_iommu_alloc_attrs,
 * v5.4.
 * Leaves out: the memory, sizes of mappings.
 */
export const dmam_alloc_coherent = path(
  'dmam_alloc_coherent',
  function* (k, dev: string): Path<void> {
    const { dma_ops, archdata } = deviceOf(k, dev);
    if (dma_ops === 'iommu_ops' && archdata.mapping === null) {
      const what = `NULL pointer dereference: ${dev} has iommu_ops and no mapping`;
      yield { type: 'kernel.oopsed', at: 'arm_iommu_alloc_attrs', what };
    }
    yield { type: 'dma.allocated', dev };
    const mapping = k.state.mappings[archdata.mapping ?? ''];
    if (dma_ops !== 'iommu_ops' || mapping === undefined) return;
    const domain = armDomain(mapping.id);
    let start = mapping.shared ? IPMMU_BASE : 0;
    while (mappingAt(k.state.io_mappings, domain, start) !== undefined) start += PAGE_SIZE;
    const prot = { cache: dev_is_dma_coherent(k, dev), read: true, write: true };
    yield* iommu_map(k, mapping.iommu, { domain, start, length: PAGE_SIZE, dev, ...prot });
  },
);

/**
 * Its managed resources are released, a DMA buffer among them.
 *
 * Kernel: kernel/dma/mapping.c:dmam_release, arch/arm/mm/dma-mapping.c:arm_iommu_free_attrs, v5.4.
 * Leaves out: what the operations of another kind make of it.
 */
export function* dmam_release(k: Kernel, dev: string): Path<void> {
  if (!isArm(k)) return;
  const domains = Object.values(k.state.mappings).map(({ id }) => armDomain(id));
  yield* iommu_unmap(k, (one) => one.dev === dev && domains.includes(one.domain));
}

/** Where the mapping begins that the driver of an IPMMU makes for all its devices. */
const IPMMU_BASE = 0x40000000;

/**
 * The board's bus notifier sets the DMA operations of a new device; since arm_dma_direct it says only
 * whether the device is coherent.
 *
 * Kernel: arch/arm/mach-highbank/highbank.c:highbank_platform_notifier, arch/arm/mach-mvebu/coherency.c:
 * mvebu_hwcc_notifier, v4.12.
 * Leaves out: which devices the board means: the machine says so.
 */
export function* platform_notifier(k: Kernel, dev: string): Path<void> {
  const ops = deviceOf(k, dev).spec.notifier_dma_ops;
  if (isArm(k) && ops !== undefined && !k.has('arm_dma_direct'))
    yield { type: 'dma_ops.set', dev, ops };
}
