/**
 * Who may let a group's devices do DMA. Kernel: drivers/iommu/iommu.c, v6.1 unless said. Before
 * dma_ownership_iface there is none of this: nobody is counted and nobody is refused.
 */
import type { Kernel } from '../context.ts';
import { EBUSY, ENODEV, EPERM, EPROBE_DEFER } from '../errno.ts';
import { groupById, groupOf } from '../lookup.ts';
import { groupMutex, locked, type Path, path } from '../path.ts';
import type { ReadGroup } from '../state/state.ts';
import { refuseBlocking } from './reserved-regions.ts';
import { iommu_group_set_domain } from './set-domain.ts';

/**
 * A kernel driver is about to use the device through the group's default domain.
 *
 * Kernel: drivers/iommu/iommu.c:iommu_device_use_default_domain, v6.1.
 * Leaves out: PASIDs that user space attached.
 *
 * @returns 0, also without a group; -EBUSY when user space owns the group; with use_default_defer
 * -EPROBE_DEFER while the group has no default domain.
 */
export const iommu_device_use_default_domain = path(
  'iommu_device_use_default_domain',
  function* (k, dev: string): Path<number> {
    const group = groupOf(k, dev);
    if (group === undefined || !k.has('dma_ownership_iface')) return 0;
    return yield* locked(groupMutex(group.id), use(k, dev, group.id));
  },
);

function* use(k: Kernel, dev: string, id: number): Path<number> {
  const group = k.state.groups[id];
  if (group === undefined) return yield* groupGone(k, id, 'iommu_device_use_default_domain');
  if (k.has('use_default_defer') && group.default_domain === null) return -EPROBE_DEFER;
  const busy = group.owner_cnt > 0 && (group.owner !== null || !isOnDefaultDomain(k, group));
  const ret = busy ? -EBUSY : 0;
  yield { type: 'owner.used', dev, group: id, ret };
  return ret;
}

/**
 * The last device left while the group's lock was waited for: the driver core took no reference of its own.
 *
 * Kernel: drivers/iommu/iommu.c:iommu_device_use_default_domain, v6.12; v6.1 has iommu_group_get there,
 * and goes on with a group of no devices.
 * Leaves out: nothing.
 */
function* groupGone(k: Kernel, id: number, at: string): Path<number> {
  if (!k.has('iommu_probe_rework')) return 0;
  const what = `use after free of group ${id}, whose last device left while its lock was waited for`;
  yield { type: 'kernel.oopsed', at, what };
  return -ENODEV;
}

/** iommu_is_default_domain: with identity_default_ok any identity domain is as good. */
function isOnDefaultDomain(k: Kernel, group: ReadGroup): boolean {
  if (group.domain === group.default_domain) return true;
  const bothIdentity =
    group.default_domain === 'identity' && (group.domain ?? '').startsWith('identity');
  return k.has('identity_default_ok') && bothIdentity;
}

/**
 * A kernel driver is done with the device.
 *
 * Kernel: drivers/iommu/iommu.c:iommu_device_unuse_default_domain, v6.1. It does not look at the
 * owner: a device that joined its group uncounted takes away somebody else's count.
 * Leaves out: PASIDs that user space attached.
 */
export const iommu_device_unuse_default_domain = path(
  'iommu_device_unuse_default_domain',
  function* (k, dev: string): Path<void> {
    const group = groupOf(k, dev);
    if (group === undefined || !k.has('dma_ownership_iface')) return;
    yield* locked(groupMutex(group.id), unuse(k, dev, group.id));
  },
);

function* unuse(k: Kernel, dev: string, id: number): Path<void> {
  const group = k.state.groups[id];
  if (group === undefined) {
    yield* groupGone(k, id, 'iommu_device_unuse_default_domain');
    return;
  }
  if (group.owner_cnt === 0) {
    const what = `group ${id} has owner_cnt 0 as ${dev} gives its use back`;
    yield { type: 'kernel.warned', at: 'iommu_device_unuse_default_domain', what };
  }
  yield { type: 'owner.unused', dev, group: id };
}

/**
 * User space takes the group: its devices are cut off by a blocking domain.
 *
 * Kernel: drivers/iommu/iommu.c:iommu_group_claim_dma_owner, v6.1.
 * Leaves out: failures to allocate the blocking domain.
 *
 * @returns 0; -EPERM while owner_cnt is not 0; -EBUSY when the group is not on its default domain;
 * -EINVAL with require_direct for a device that firmware wants mapped 1:1; what the IOMMU driver
 * returns, -ENOSPC from an SMMU without a free context bank.
 */
export const iommu_group_claim_dma_owner = path(
  'iommu_group_claim_dma_owner',
  function* (k, group: number, owner: string): Path<number> {
    if (!k.has('dma_ownership_iface')) return 0;
    return yield* locked(groupMutex(group), claim(k, group, owner));
  },
);

function* claim(k: Kernel, group: number, owner: string): Path<number> {
  let ret = groupById(k, group).owner_cnt > 0 ? -EPERM : busyDomain(k, group);
  if (ret === 0) ret = yield* refuseBlocking(k, group);
  if (ret === 0) ret = yield* iommu_group_set_domain(k, group, 'blocked');
  yield { type: 'owner.claimed', group, owner, ret };
  return ret;
}

/** -EBUSY for a group that somebody moved away from its default domain. */
function busyDomain(k: Kernel, group: number): number {
  const { domain, default_domain } = groupById(k, group);
  return domain !== null && domain !== default_domain ? -EBUSY : 0;
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
    if (!k.has('dma_ownership_iface')) return;
    yield { type: 'lock', lock: groupMutex(group) };
    if (!(yield* warnUnowned(k, group))) {
      yield { type: 'owner.released', group };
      yield* iommu_group_set_domain(k, group, groupById(k, group).default_domain);
    }
    yield { type: 'unlock', lock: groupMutex(group) };
  },
);

/** Nobody owns the group that is to be released: then it stays as it is. */
function* warnUnowned(k: Kernel, group: number): Path<boolean> {
  const { owner_cnt, owner } = groupById(k, group);
  if (owner_cnt > 0 && owner !== null) return false;
  const what = `group ${group} is released but owner_cnt is ${owner_cnt}`;
  yield { type: 'kernel.warned', at: 'iommu_group_release_dma_owner', what };
  return true;
}

/**
 * User space takes one device, and with the first one its group; more by the same owner are counted.
 *
 * Kernel: drivers/iommu/iommu.c:iommu_device_claim_dma_owner, v6.12.
 * Leaves out: failures to allocate or attach the blocking domain.
 *
 * @returns 0; -ENODEV without a group; -EPERM for another owner than the group has; -EBUSY when the
 * group is not on its default domain; -EINVAL where firmware wants a member mapped 1:1.
 */
export const iommu_device_claim_dma_owner = path(
  'iommu_device_claim_dma_owner',
  function* (k, dev: string, owner: string): Path<number> {
    const group = groupOf(k, dev);
    if (group === undefined) return -ENODEV;
    return yield* locked(groupMutex(group.id), claimDevice(k, dev, group.id, owner));
  },
);

function* claimDevice(k: Kernel, dev: string, group: number, owner: string): Path<number> {
  const { owner_cnt, owner: holder } = groupById(k, group);
  const other = holder === owner ? 0 : -EPERM;
  let ret = owner_cnt > 0 ? other : busyDomain(k, group);
  if (ret === 0 && owner_cnt === 0) ret = yield* refuseBlocking(k, group);
  if (ret === 0 && owner_cnt === 0) yield* iommu_group_set_domain(k, group, 'blocked');
  yield { type: 'owner.device_claimed', dev, group, owner, ret };
  return ret;
}

/**
 * User space gives one device back; with the last one its group goes back to its default domain.
 *
 * Kernel: drivers/iommu/iommu.c:iommu_device_release_dma_owner, v6.12.
 * Leaves out: a failing attach.
 */
export const iommu_device_release_dma_owner = path(
  'iommu_device_release_dma_owner',
  function* (k, dev: string): Path<void> {
    const id = groupOf(k, dev)?.id;
    if (id === undefined) return;
    yield { type: 'lock', lock: groupMutex(id) };
    const isStuck = groupById(k, id).owner_cnt <= 1 && (yield* warnUnowned(k, id));
    if (!isStuck) yield { type: 'owner.device_released', dev, group: id };
    const { owner_cnt, default_domain } = groupById(k, id);
    if (!isStuck && owner_cnt === 0) yield* iommu_group_set_domain(k, id, default_domain);
    yield { type: 'unlock', lock: groupMutex(id) };
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
