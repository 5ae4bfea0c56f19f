/** Groups as lists of devices. Kernel: drivers/iommu/iommu.c, v6.1 unless said. */
import type { Kernel } from '../context.ts';
import { groupById, groupOf } from '../lookup.ts';
import { groupMutex, locked, type Path, path } from '../path.ts';
import { dev_printk, dyndbg, pr_debug, printk } from '../printk.ts';
import { dev_iommu_ops } from './iommu-ops.ts';
import { notifyGroup } from './vfio-viable.ts';

const FILE = 'drivers/iommu/iommu.c';

/**
 * A new group under the lowest free number.
 *
 * Kernel: drivers/iommu/iommu.c:iommu_group_alloc, v6.1.
 * Leaves out: sysfs.
 *
 * @param dev the device that it is for.
 * @returns the number, or -ENOMEM.
 */
export function* iommu_group_alloc(k: Kernel, dev: string): Path<number> {
  const ret = k.allocates('iommu_group_alloc', dev);
  if (ret < 0) return ret;
  let group = 0;
  while (k.state.groups[group] !== undefined) group += 1;
  yield { type: 'group.allocated', group };
  yield* pr_debug(k, FILE, `iommu: Allocated group ${group}`);
  return group;
}

/**
 * Puts a device into a group, and on the domain that the group is on. Who gives the group its default domain
 * attaches the device once more.
 *
 * Kernel: drivers/iommu/iommu.c:iommu_group_add_device, v6.1; not since direct_before_attach.
 * Leaves out: sysfs, a failing attach to a domain that is already set.
 */
export const iommu_group_add_device = path(
  'iommu_group_add_device',
  function* (k, group: number, dev: string): Path<void> {
    yield* locked(groupMutex(group), join(k, group, dev));
    yield* notifyGroup(k, 'added', dev);
    yield k.has('group_dev_printk')
      ? dev_printk(k, 'info', dev, `Adding to iommu group ${group}`)
      : printk('info', `iommu: Adding device ${dev} to group ${group}`);
  },
);

function* join(k: Kernel, group: number, dev: string): Path<void> {
  // Its last device may have gone while the lock was waited for: the reference of who found it keeps it.
  if (k.state.groups[group] === undefined) yield { type: 'group.allocated', group };
  yield { type: 'group.joined', dev, group };
  const { domain } = groupById(k, group);
  if (domain !== null && k.has('probe_phases') && !k.has('direct_before_attach'))
    yield* dev_iommu_ops(k, dev)?.attach_dev?.(k, dev, domain) ?? [];
}

/**
 * Takes a device out of its group. With release_silent the last one out says so when somebody owns
 * the group still, and nobody says anything else.
 *
 * Kernel: drivers/iommu/iommu.c:iommu_group_remove_device, v6.1; __iommu_group_remove_device and
 * __iommu_group_free_device with release_silent.
 * Leaves out: sysfs.
 */
export function* iommu_group_remove_device(k: Kernel, dev: string): Path<void> {
  const group = groupOf(k, dev);
  if (group === undefined) return;
  if (!k.has('group_dev_printk'))
    yield printk('info', `iommu: Removing device ${dev} from group ${group.id}`);
  else if (!k.has('release_silent'))
    yield dev_printk(k, 'info', dev, `Removing from iommu group ${group.id}`);
  yield* locked(groupMutex(group.id), leave(k, dev, group.id));
  yield* iommu_group_put(k, group.id);
}

function* leave(k: Kernel, dev: string, group: number): Path<void> {
  if (groupOf(k, dev)?.id !== group) return;
  yield { type: 'group.left', dev, group };
  const left = k.state.groups[group];
  if (left === undefined || left.devices.length > 0 || !k.has('release_silent')) return;
  if (left.owner_cnt === 0 && left.domain === left.default_domain) return;
  const what = `owner_cnt is ${left.owner_cnt} as group ${group} loses its last device`;
  yield { type: 'kernel.warned', at: '__iommu_group_free_device', what };
}

/**
 * Frees a group, unless it has a device, or VFIO has a group for it, which holds on to it.
 *
 * Kernel: drivers/iommu/iommu.c:iommu_group_put and iommu_group_release, v6.1.
 * Leaves out: other holders.
 */
export function* iommu_group_put(k: Kernel, id: number): Path<void> {
  const isHeld = Object.values(k.state.vfio.groups).some(({ iommu_group }) => iommu_group === id);
  if (isHeld || k.state.groups[id]?.devices.length !== 0) return;
  if (dyndbg(k, FILE)) yield printk('debug', `iommu: Releasing group ${id}`);
  yield { type: 'group.freed', group: id };
}
