/** The domain that a group is on by default, and changing its type. Kernel: drivers/iommu/iommu.c. */
import type { DomainType } from '../../events/event.ts';
import type { Kernel } from '../context.ts';
import { EBUSY, EINVAL, EPERM } from '../errno.ts';
import { deviceOf, groupById } from '../lookup.ts';
import { type Path, path } from '../path.ts';
import { dev_printk, printk } from '../printk.ts';

/**
 * The default domain type that the command line and the configuration ask for.
 *
 * Kernel: drivers/iommu/iommu.c:iommu_def_domain_type, set in iommu_subsys_init, v6.1.
 * Leaves out: memory encryption, which forbids identity, and what drivers ask for single devices.
 */
export function defaultDomainType(k: Kernel): DomainType {
  const passthrough = k.cmdline('iommu.passthrough');
  const identity =
    passthrough === null
      ? k.config('IOMMU_DEFAULT_PASSTHROUGH') === 'y'
      : passthrough === '1' || passthrough === 'y' || passthrough === 'on';
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
  const strict = k.cmdline('iommu.strict');
  if (strict !== null) return strict === '1' || strict === 'y' || strict === 'on';
  return k.config('IOMMU_DEFAULT_DMA_LAZY') !== 'y';
}

/**
 * Gives a group its default domain, when it has none, and attaches it unless somebody owns the group.
 *
 * Kernel: drivers/iommu/iommu.c:iommu_alloc_default_domain and __iommu_attach_device, v6.1;
 * iommu_setup_default_domain with group_type_by_owner.
 * Leaves out: failures, direct mappings.
 */
export function* attachDefaultDomain(k: Kernel, id: number): Path<void> {
  if (groupById(k, id).default_domain === null)
    yield { type: 'group.default_domain', group: id, domain: defaultDomainType(k) };
  const { default_domain, domain, owner } = groupById(k, id);
  if (owner === null && domain !== default_domain)
    yield { type: 'group.attached', group: id, domain: default_domain };
}

/**
 * Writes the `type` file of a group.
 *
 * Kernel: drivers/iommu/iommu.c:iommu_group_store_type, v6.1; iommu_setup_default_domain with
 * group_type_by_owner.
 * Leaves out: drivers that insist on a type, untrusted devices.
 *
 * @returns 0, or -EINVAL, -EBUSY, -EPERM as described in versions/patch-table.ts.
 */
export const iommu_group_store_type = path(
  'iommu_group_store_type',
  function* (k, id: number, value: string): Path<number> {
    const group = k.state.groups[id];
    const type = typeOf(k, value);
    if (group === undefined || group.default_domain === null || type === null) return -EINVAL;
    const flushQueueOnly = type === 'DMA-FQ' && group.default_domain === 'DMA';
    if (k.has('group_type_by_owner')) {
      if (group.devices.length === 0 || (group.owner_cnt > 0 && !flushQueueOnly)) return -EPERM;
    } else {
      const refused = yield* refuseType(k, id, flushQueueOnly);
      if (refused !== 0) return refused;
    }
    if (group.default_domain === type) return 0;
    yield { type: 'group.default_domain', group: id, domain: type };
    yield { type: 'group.attached', group: id, domain: type };
    return 0;
  },
);

function typeOf(k: Kernel, value: string): DomainType | null {
  switch (value) {
    case 'identity':
    case 'DMA':
    case 'DMA-FQ':
      return value;
    case 'auto':
      return defaultDomainType(k);
    default:
      return null;
  }
}

/** The checks before group_type_by_owner: one device, not bound, on its default domain. */
function* refuseType(k: Kernel, id: number, flushQueueOnly: boolean): Path<number> {
  const { devices, domain, default_domain } = groupById(k, id);
  const [dev] = devices;
  if (dev === undefined || devices.length !== 1) {
    const text = 'Cannot change default domain: Group has more than one device';
    yield printk('err', `iommu: ${text}`);
    return -EINVAL;
  }
  if (deviceOf(k, dev).bound && !flushQueueOnly) {
    yield printk('err', 'iommu: Device is still bound to driver');
    return -EBUSY;
  }
  if (domain !== default_domain) {
    yield dev_printk(k, 'err', dev, 'Group not assigned to default domain');
    return -EBUSY;
  }
  return 0;
}
