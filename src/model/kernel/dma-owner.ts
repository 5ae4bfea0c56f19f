/** Who may let a group's devices do DMA. Kernel: drivers/iommu/iommu.c, v6.1 unless said. */
import type { Kernel } from '../context.ts';
import { EBUSY, EPERM, EPROBE_DEFER } from '../errno.ts';
import { groupById, groupOf } from '../lookup.ts';
import { groupMutex, locked, type Path, path } from '../path.ts';
import type { ReadGroup } from '../state/state.ts';

/**
 * A kernel driver is about to use the device through the group's default domain.
 *
 * Kernel: drivers/iommu/iommu.c:iommu_device_use_default_domain, v6.1.
 * Leaves out: PASIDs.
 *
 * @returns 0, also without a group; -EBUSY when user space owns the group; with use_default_defer
 * -EPROBE_DEFER while the group has no default domain.
 */
export const iommu_device_use_default_domain = path(
  'iommu_device_use_default_domain',
  function* (k, dev: string): Path<number> {
    const group = groupOf(k, dev);
    if (group === undefined) return 0;
    return yield* locked(groupMutex(group.id), use(k, dev, group.id));
  },
);

function* use(k: Kernel, dev: string, id: number): Path<number> {
  const group = groupById(k, id);
  if (k.has('use_default_defer') && group.default_domain === null) return -EPROBE_DEFER;
  const busy = group.owner_cnt > 0 && (group.owner !== null || !isOnDefaultDomain(k, group));
  const ret = busy ? -EBUSY : 0;
  yield { type: 'owner.used', dev, group: id, ret };
  return ret;
}

function isOnDefaultDomain(k: Kernel, group: ReadGroup): boolean {
  if (group.domain === group.default_domain) return true;
  const bothIdentity = group.domain === 'identity' && group.default_domain === 'identity';
  return k.has('identity_default_ok') && bothIdentity;
}

/**
 * A kernel driver is done with the device.
 *
 * Kernel: drivers/iommu/iommu.c:iommu_device_unuse_default_domain, v6.1. It does not look at the
 * owner: a device that joined its group uncounted takes away somebody else's count.
 * Leaves out: PASIDs.
 */
export const iommu_device_unuse_default_domain = path(
  'iommu_device_unuse_default_domain',
  function* (k, dev: string): Path<void> {
    const group = groupOf(k, dev);
    if (group === undefined) return;
    yield* locked(groupMutex(group.id), unuse(k, dev, group.id));
  },
);

function* unuse(k: Kernel, dev: string, id: number): Path<void> {
  if (groupById(k, id).owner_cnt === 0) {
    const what = `group ${id} has owner_cnt 0 as ${dev} gives its use back`;
    yield { type: 'kernel.warned', at: 'iommu_device_unuse_default_domain', what };
  }
  yield { type: 'owner.unused', dev, group: id };
}

/**
 * User space takes the group: its devices are cut off by a blocking domain.
 *
 * Kernel: drivers/iommu/iommu.c:iommu_group_claim_dma_owner, v6.1.
 * Leaves out: failures to allocate or attach the blocking domain.
 *
 * @returns 0; -EPERM while owner_cnt is not 0; -EBUSY when the group is not on its default domain.
 */
export const iommu_group_claim_dma_owner = path(
  'iommu_group_claim_dma_owner',
  function* (k, group: number, owner: string): Path<number> {
    return yield* locked(groupMutex(group), claim(k, group, owner));
  },
);

function* claim(k: Kernel, group: number, owner: string): Path<number> {
  const { owner_cnt, domain, default_domain } = groupById(k, group);
  const ret = owner_cnt > 0 ? -EPERM : domain !== null && domain !== default_domain ? -EBUSY : 0;
  if (ret === 0) yield { type: 'group.attached', group, domain: 'blocked' };
  yield { type: 'owner.claimed', group, owner, ret };
  return ret;
}

/**
 * User space gives the group back, to its default domain.
 *
 * Kernel: drivers/iommu/iommu.c:iommu_group_release_dma_owner, v6.1.
 * Leaves out: a failing attach.
 */
export const iommu_group_release_dma_owner = path(
  'iommu_group_release_dma_owner',
  function* (k, group: number): Path<void> {
    yield { type: 'lock', lock: groupMutex(group) };
    const { owner_cnt, owner, default_domain } = groupById(k, group);
    if (owner_cnt === 0 || owner === null) {
      const what = `group ${group} is released but owner_cnt is ${owner_cnt}`;
      yield { type: 'kernel.warned', at: 'iommu_group_release_dma_owner', what };
    }
    yield { type: 'owner.released', group };
    yield { type: 'group.attached', group, domain: default_domain };
    yield { type: 'unlock', lock: groupMutex(group) };
  },
);

/**
 * Does anybody own the group, kernel drivers included?
 *
 * Kernel: drivers/iommu/iommu.c:iommu_group_dma_owner_claimed, v6.1.
 * Leaves out: nothing.
 */
export const iommu_group_dma_owner_claimed = path(
  'iommu_group_dma_owner_claimed',
  function* (k, group: number): Path<boolean> {
    yield* [];
    return groupById(k, group).owner_cnt > 0;
  },
);
