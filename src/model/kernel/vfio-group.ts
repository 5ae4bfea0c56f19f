/** Files below /dev/vfio. Kernel: drivers/vfio/vfio_main.c, v6.1; drivers/vfio/group.c, v6.12. */
import type { Kernel } from '../context.ts';
import { EBUSY, EINVAL, ENODEV, ENOENT } from '../errno.ts';
import { driver_module } from '../lookup.ts';
import { locked, type Path, path } from '../path.ts';
import { iommu_group_dma_owner_claimed } from './dma-owner.ts';
import { groupLock, vfio_group_detach_container } from './vfio-container.ts';
import { vfio_group_put } from './vfio-main.ts';
import { vfio_group_viable } from './vfio-viable.ts';

/** VFIO_GROUP_FLAGS_VIABLE and VFIO_GROUP_FLAGS_CONTAINER_SET. */
export const VIABLE = 1;
const CONTAINER_SET = 2;

/**
 * Opens /dev/vfio/GROUP.
 *
 * Kernel: drivers/vfio/vfio_main.c:vfio_group_fops_open, v6.1; two references on the module, one of
 * the character device and one of its file operations. A device of the group whose own file is bound
 * keeps the group closed: vfio_device_block_group, v6.12.
 * Leaves out: permissions.
 *
 * @returns 0, -ENOENT without a VFIO device in the group, -EBUSY when it is open already.
 */
export const vfio_group_fops_open = path(
  'vfio_group_fops_open',
  (k, name: string, user: string): Path<number> => locked(groupLock(name), open(k, name, user)),
);

function* open(k: Kernel, name: string, user: string): Path<number> {
  const group = k.state.vfio.groups[name];
  if (group === undefined) return -ENOENT;
  const isBlocked = group.devices.some((dev) => k.state.vfio.iommufds[dev] !== undefined);
  if (group.opened_by !== null || group.container !== null || isBlocked) return -EBUSY;
  yield { type: 'vfio.group_opened', group: name, user };
  yield { type: 'module.got', module: 'vfio', by: `${user} cdev` };
  yield { type: 'module.got', module: 'vfio', by: `${user} group` };
  return 0;
}

/**
 * The file of a group closes, and with it its container ends.
 *
 * Kernel: drivers/vfio/vfio_main.c:vfio_group_fops_release, v6.1.
 * Leaves out: nothing.
 */
export const vfio_group_fops_release = path(
  'vfio_group_fops_release',
  (k, name: string): Path<void> => locked(groupLock(name), close(k, name)),
);

function* close(k: Kernel, name: string): Path<void> {
  yield* vfio_group_detach_container(k, name);
  yield { type: 'vfio.group_closed', group: name };
  yield* vfio_group_put(k, name);
}

/**
 * VFIO_GROUP_GET_STATUS: viable by the drivers of all members, or by the group's count.
 *
 * Kernel: drivers/vfio/vfio_main.c:vfio_group_ioctl_get_status, v6.1.
 * Leaves out: nothing.
 *
 * @returns the flags, or -ENODEV when the last device is gone.
 */
export const vfio_group_ioctl_get_status = path(
  'vfio_group_ioctl_get_status',
  (k, name: string): Path<number> => locked(groupLock(name), statusOf(k, name)),
);

function* statusOf(k: Kernel, name: string): Path<number> {
  const group = k.state.vfio.groups[name];
  if (group === undefined) return -ENODEV;
  const isSet = group.container !== null;
  if (!k.has('vfio_no_viable_scan'))
    return (isSet ? CONTAINER_SET : 0) | (vfio_group_viable(k, group) ? VIABLE : 0);
  if (isSet) return CONTAINER_SET | VIABLE;
  if (group.iommu_group === null) return VIABLE;
  const claimed = yield* iommu_group_dma_owner_claimed(k, group.iommu_group);
  return claimed ? 0 : VIABLE;
}

/** The devices of the group that somebody has open. */
function openDevices(k: Kernel, name: string): readonly string[] {
  const devices = k.state.vfio.groups[name]?.devices ?? [];
  return devices.filter((dev) => k.state.vfio.open[dev] !== undefined);
}

/**
 * VFIO_GROUP_UNSET_CONTAINER.
 *
 * Kernel: drivers/vfio/vfio_main.c:vfio_group_ioctl_unset_container, v6.1.
 * Leaves out: nothing.
 *
 * @returns 0, -EINVAL without a container, -EBUSY while a device of the group is open.
 */
export const vfio_group_ioctl_unset_container = path(
  'vfio_group_ioctl_unset_container',
  (k, name: string): Path<number> => locked(groupLock(name), unsetContainer(k, name)),
);

function* unsetContainer(k: Kernel, name: string): Path<number> {
  if (k.state.vfio.groups[name]?.container == null) return -EINVAL;
  if (openDevices(k, name).length > 0) return -EBUSY;
  yield* vfio_group_detach_container(k, name);
  return 0;
}

/**
 * VFIO_GROUP_GET_DEVICE_FD.
 *
 * Kernel: drivers/vfio/vfio_main.c:vfio_group_ioctl_get_device_fd, v6.1;
 * drivers/vfio/vfio.c:vfio_group_get_device_fd, v5.15, which looks at viability again.
 * Leaves out: the device's own open.
 *
 * @returns 0, -EINVAL without a container and its backend, -ENODEV for a device not in the group.
 */
export const vfio_group_ioctl_get_device_fd = path(
  'vfio_group_ioctl_get_device_fd',
  function* (k, name: string, dev: string, user: string): Path<number> {
    const group = k.state.vfio.groups[name];
    const container = group?.container ?? null;
    if (group === undefined || container === null) return -EINVAL;
    if (k.state.vfio.containers[container]?.iommu !== true) return -EINVAL;
    if (!k.has('vfio_no_viable_scan') && !vfio_group_viable(k, group)) return -EINVAL;
    if (!group.devices.includes(dev)) return -ENODEV;
    // The count of users comes first: from then on nobody takes the device away.
    yield { type: 'vfio.device_opened', dev, user };
    yield* holdModules(k, dev, user);
    return 0;
  },
);

/** A device that is in use holds the module of its driver, if it is one, and vfio. */
export function* holdModules(k: Kernel, dev: string, user: string): Path<void> {
  const module = driver_module(k, dev);
  if (module !== null) yield { type: 'module.got', module, by: `${user} device` };
  yield { type: 'module.got', module: 'vfio', by: `${user} device` };
}

/**
 * The file of a device closes. Who waits to take the device away may do so when the module of its driver is let go.
 *
 * Kernel: drivers/vfio/vfio_main.c:vfio_device_fops_release, v6.1.
 * Leaves out: a device that is open more than once.
 */
export function* closeDevice(k: Kernel, dev: string, user: string): Path<void> {
  const module = driver_module(k, dev);
  if (module !== null) yield { type: 'module.put', module, by: `${user} device` };
  yield { type: 'vfio.device_closed', dev };
  yield { type: 'module.put', module: 'vfio', by: `${user} device` };
}
