/** The domain that a group is on by default. Kernel: drivers/iommu/iommu.c, v6.1. */

import { isX86Iommu } from '../../events/machine.ts';
import type { DomainType } from '../../events/terms.ts';
import type { Kernel } from '../context.ts';
import { EINVAL } from '../errno.ts';
import { groupById } from '../lookup.ts';
import type { Path } from '../path.ts';
import { dev_printk, printk } from '../printk.ts';
import { isArm } from './arm-dma-mapping.ts';
import { typeByDevice, typeByGroup, typeByMembers } from './def-domain-type.ts';
import { dev_iommu_ops } from './iommu-ops.ts';
import { kstrtobool } from './kstrtobool.ts';
import { attachToDefault } from './set-domain.ts';

/** Is the machine one on which the `iommu=` of x86 is read? */
const isX86 = (k: Kernel): boolean =>
  k.machine.devices.some(({ iommu_kind }) => isX86Iommu(iommu_kind));

/**
 * Does the command line choose between translation and passthrough?
 *
 * Kernel: drivers/iommu/iommu.c:iommu_set_def_domain_type, arch/x86/kernel/pci-dma.c:iommu_setup,
 * v6.1.
 * Leaves out: nothing.
 *
 * @returns true for passthrough, false for translation, null where it does not say.
 */
export function passthroughOnCmdline(k: Kernel): boolean | null {
  const passthrough = kstrtobool(k.cmdline('iommu.passthrough'));
  if (passthrough !== null) return passthrough;
  const words = isX86(k) ? (k.cmdline('iommu') ?? '').split(',') : [];
  if (words.includes('pt')) return true;
  return words.includes('nopt') ? false : null;
}

/**
 * The default domain type that the command line and the configuration ask for.
 *
 * Kernel: drivers/iommu/iommu.c:iommu_def_domain_type, set in iommu_subsys_init, v6.1.
 * Leaves out: memory encryption, which forbids identity; that DMA-FQ is a type since 5.15 only.
 */
export function defaultDomainType(k: Kernel): DomainType {
  const identity = passthroughOnCmdline(k) ?? k.config('IOMMU_DEFAULT_PASSTHROUGH') === 'y';
  if (identity) return 'identity';
  return isStrict(k) ? 'DMA' : 'DMA-FQ';
}

/**
 * Is the TLB invalidated at once on unmap?
 *
 * Kernel: drivers/iommu/iommu.c:iommu_dma_strict and iommu_set_dma_strict, v6.1.
 * Leaves out: IOMMU drivers without a flush queue.
 */
export function isStrict(k: Kernel): boolean {
  if (k.state.dma_strict) return true;
  return kstrtobool(k.cmdline('iommu.strict')) ?? k.config('IOMMU_DEFAULT_DMA_LAZY') !== 'y';
}

/**
 * Gives a group its default domain, when it has none, and attaches it unless somebody owns the group.
 * `dev` is the device that joined by itself; null after a scan, when all members are asked.
 *
 * Kernel: drivers/iommu/iommu.c:iommu_alloc_default_domain, probe_alloc_default_domain and
 * __iommu_attach_device, v6.1; iommu_setup_default_domain with direct_before_attach.
 * Leaves out: attaching later, at the first use of DMA, which kdump kernels do and
 * which looks the same from here; what becomes of a group whose last device went while its lock was
 * waited for.
 *
 * @returns 0, also where there is no memory for the domain before direct_before_attach: the group is
 * then without; -EINVAL for a group whose members cannot agree; or what the IOMMU driver returned.
 */
export function* attachDefaultDomain(k: Kernel, id: number, dev: string | null): Path<number> {
  if (isArm(k) && !k.has('direct_before_attach')) return 0;
  if (k.state.groups[id] === undefined) return 0;
  if (groupById(k, id).default_domain === null) {
    const wanted = yield* wantedType(k, id, dev);
    if (wanted === 'refused') return -EINVAL;
    const domain = yield* alloc(k, id, dev, wanted);
    if (typeof domain === 'number') return k.has('direct_before_attach') ? domain : 0;
    yield { type: 'group.default_domain', group: id, domain };
  }
  const { default_domain, owner } = groupById(k, id);
  return owner === null ? yield* attachToDefault(k, id, default_domain, dev) : 0;
}

/** Who is asked: the one that joined, or all members; 32-bit Arm leaves translation to mappings. */
function* wantedType(k: Kernel, id: number, dev: string | null) {
  if (isArm(k)) return 'identity';
  if (k.has('direct_before_attach')) return yield* typeByGroup(k, id);
  return dev === null ? yield* typeByMembers(k, id) : typeByDevice(k, dev);
}

/** The numbers of include/linux/iommu.h, v6.1, which the message prints. */
const NUMBERS: Readonly<Record<DomainType, number>> = {
  blocked: 0,
  'identity-pasid': 4,
  unmanaged: 1,
  DMA: 3,
  identity: 4,
  'DMA-FQ': 11,
};

/**
 * A domain of the type, or of type DMA where the IOMMU driver has none of it.
 *
 * Kernel: drivers/iommu/iommu.c:iommu_group_alloc_default_domain, v6.1. What drivers demand is not
 * replaced since direct_before_attach.
 * Leaves out: a driver without DMA domains; identity domains that need no memory.
 *
 * @returns -EINVAL or -ENOMEM where there is no memory for it.
 */
function* alloc(
  k: Kernel,
  id: number,
  joined: string | null,
  wanted: DomainType | null,
): Path<DomainType | number> {
  const type = wanted ?? defaultDomainType(k);
  const dev = joined ?? groupById(k, id).devices[0];
  if (dev === undefined) return type;
  const failed = k.allocates('iommu_domain_alloc', dev);
  if (failed === 0 && canAlloc(k, dev, type)) return type;
  const isDemanded = wanted !== null && k.has('direct_before_attach');
  if (failed !== 0 && isDemanded) return failed;
  if (failed !== 0 && type === 'DMA') return -EINVAL;
  const again = failed === 0 ? 0 : k.allocates('iommu_domain_alloc', dev);
  if (again !== 0) return again;
  const number = NUMBERS[type];
  const text = `ailed to allocate default IOMMU domain of type ${number}`;
  yield k.has('probe_phases')
    ? printk('warn', `iommu: F${text} for group (null) - Falling back to IOMMU_DOMAIN_DMA`)
    : dev_printk(k, 'warn', dev, `f${text}; falling back to IOMMU_DOMAIN_DMA`);
  return 'DMA';
}

function canAlloc(k: Kernel, dev: string, type: DomainType): boolean {
  return dev_iommu_ops(k, dev)?.can_alloc?.(k, type) ?? true;
}
