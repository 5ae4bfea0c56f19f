/** VFIO devices under iommufd. Kernel: drivers/vfio/{device_cdev,iommufd}.c, v6.12. */
import type { Kernel } from '../context.ts';
import { EBUSY, EINVAL, ENODEV, ENOENT } from '../errno.ts';
import { deviceOf } from '../lookup.ts';
import { locked, type Path, path } from '../path.ts';
import {
  iommu_device_claim_dma_owner,
  iommu_device_release_dma_owner,
  iommu_group_claim_dma_owner,
  iommu_group_release_dma_owner,
} from './dma-owner.ts';
import { iommu_group_set_domain } from './set-domain.ts';
import { groupLock } from './vfio-container.ts';
import { closeDevice, holdModules } from './vfio-group.ts';
import { vfioGroupOf } from './vfio-main.ts';

/**
 * Opens /dev/vfio/devices/vfioN, which alone gives access to nothing, but keeps the device from going.
 *
 * Kernel: drivers/vfio/device_cdev.c:vfio_device_fops_cdev_open, v6.12.
 * Leaves out: permissions, CONFIG_VFIO_DEVICE_CDEV, which is taken to be on; a second user, for whom
 * the first one keeps it.
 *
 * @returns 0, or -ENOENT for a device that VFIO does not have, or on kernels without such files.
 */
export const vfio_device_fops_cdev_open = path(
  'vfio_device_fops_cdev_open',
  function* (k, dev: string, user: string): Path<number> {
    if (!k.has('vfio_cdev') || vfioGroupOf(k, dev) === null) return -ENOENT;
    if (k.state.vfio.open[dev] === undefined) yield { type: 'vfio.device_opened', dev, user };
    return 0;
  },
);

/**
 * VFIO_DEVICE_BIND_IOMMUFD: the device is claimed for the iommufd, which may have others of its group.
 *
 * Kernel: drivers/vfio/device_cdev.c:vfio_df_ioctl_bind_iommufd, v6.12.
 * Leaves out: devices without an IOMMU, tokens.
 *
 * @returns 0; -ENODEV when VFIO has lost it; -EBUSY when the group's own file is open; -EINVAL when it
 * is bound already; or what the claim returned.
 */
export const vfio_df_ioctl_bind_iommufd = path(
  'vfio_df_ioctl_bind_iommufd',
  (k, dev: string, iommufd: string, user: string): Path<number> => {
    const name = vfioGroupOf(k, dev);
    return locked(groupLock(name ?? ''), bindDevice(k, dev, iommufd, user));
  },
);

function* bindDevice(k: Kernel, dev: string, iommufd: string, user: string): Path<number> {
  const name = vfioGroupOf(k, dev);
  if (name === null) return -ENODEV;
  if (k.state.vfio.groups[name]?.opened_by != null) return -EBUSY;
  if (k.state.vfio.iommufds[dev] !== undefined) return -EINVAL;
  // The first user may have left it since.
  if (k.state.vfio.open[dev] === undefined) yield { type: 'vfio.device_opened', dev, user };
  const ret = yield* claim(k, dev, `iommufd ${iommufd}`);
  if (ret !== 0) return ret;
  yield { type: 'vfio.iommufd_bound', dev, iommufd };
  yield* holdModules(k, dev, user);
  return 0;
}

function* claim(k: Kernel, dev: string, owner: string): Path<number> {
  if (k.has('device_claim_owner')) return yield* iommu_device_claim_dma_owner(k, dev, owner);
  const { iommu_group } = deviceOf(k, dev);
  return iommu_group === null ? 0 : yield* iommu_group_claim_dma_owner(k, iommu_group, owner);
}

/**
 * VFIO_DEVICE_ATTACH_IOMMUFD_PT: the group goes to a domain of the iommufd's, if it is not there.
 *
 * Kernel: drivers/vfio/device_cdev.c:vfio_df_ioctl_attach_pt, v6.12.
 * Leaves out: several domains in an iommufd, interrupts that are not kept apart.
 */
export const vfio_df_ioctl_attach_pt = path(
  'vfio_df_ioctl_attach_pt',
  function* (k, dev: string): Path<number> {
    const group = deviceOf(k, dev).iommu_group;
    return group === null ? 0 : yield* iommu_group_set_domain(k, group, 'unmanaged');
  },
);

/**
 * The device's file closes: it leaves its iommufd, with the last one the group leaves its domain.
 *
 * Kernel: drivers/vfio/device_cdev.c:vfio_df_unbind_iommufd, v6.12.
 * Leaves out: as vfio_df_ioctl_attach_pt.
 */
export const vfio_df_unbind_iommufd = path(
  'vfio_df_unbind_iommufd',
  function* (k, dev: string, user: string): Path<void> {
    const group = deviceOf(k, dev).iommu_group;
    if (group !== null) yield* leaveDomain(k, dev, group);
    yield { type: 'vfio.iommufd_unbound', dev };
    yield* closeDevice(k, dev, user);
  },
);

function* leaveDomain(k: Kernel, dev: string, group: number): Path<void> {
  const devices = k.state.groups[group]?.devices ?? [];
  if (devices.every((other) => other === dev || k.state.vfio.iommufds[other] === undefined))
    yield* iommu_group_set_domain(k, group, 'blocked');
  if (k.has('device_claim_owner')) yield* iommu_device_release_dma_owner(k, dev);
  else yield* iommu_group_release_dma_owner(k, group);
}
