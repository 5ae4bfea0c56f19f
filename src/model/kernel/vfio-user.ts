/** A program that uses VFIO: its system calls, one after the other. */
import type { EventOf } from '../../events/event.ts';
import { DMA_RANGE, type Stimulus } from '../../events/stimulus.ts';
import type { Kernel } from '../context.ts';
import { EINVAL, ENODEV } from '../errno.ts';
import { type Path, path } from '../path.ts';
import type { ReadState } from '../state/state.ts';
import { BACKENDS, vfio_container_attach_group, vfio_ioctl_set_iommu } from './vfio-container.ts';
import {
  closeDevice,
  VIABLE,
  vfio_group_fops_open,
  vfio_group_fops_release,
  vfio_group_ioctl_get_device_fd,
  vfio_group_ioctl_get_status,
  vfio_group_ioctl_unset_container,
} from './vfio-group.ts';
import {
  vfio_device_fops_cdev_open,
  vfio_df_ioctl_attach_pt,
  vfio_df_ioctl_bind_iommufd,
  vfio_df_unbind_iommufd,
} from './vfio-iommufd.ts';
import { vfio_dma_do_map, vfio_dma_do_unmap } from './vfio-type1.ts';

type VfioUse = Extract<Stimulus, { do: 'vfio' }>;
type VfioCall = Extract<Stimulus, { do: 'vfio_ioctl' }>;

/** Exit statuses of the user program: a file did not open, a call was refused, no backend fits. */
const EXIT_OPEN = 2;
const EXIT_REFUSED = 3;
const EXIT_NO_BACKEND = 5;

function returned(call: string, ret: number, value = ''): EventOf<'syscall.returned'> {
  return { type: 'syscall.returned', call, ret, value };
}

/** What the kernel knows a user by: the name under which it holds its files, or its task. */
const userName = (use: VfioUse, task: string): string => use.hold ?? task;

const containerOf = (user: string): string => `container ${user}`;

/**
 * A whole use of a group by one program: open, status, container, backend, device, and the end.
 *
 * Kernel: the calls in the order in which QEMU and small test programs make them.
 * Leaves out: interrupts, regions.
 *
 * @returns the exit status of the program.
 */
export const useVfio = path('vfio_user', function* (k, use: VfioUse, task: string): Path<number> {
  const user = userName(use, task);
  if (use.iommufd !== undefined) return yield* useDevice(k, use, use.iommufd, user);
  const opened = yield* vfio_group_fops_open(k, use.group, user);
  yield returned(`open /dev/vfio/${use.group}`, opened);
  if (opened !== 0) return EXIT_OPEN;
  const status = yield* acquire(k, use, user);
  if (status === 0 || use.nocontainer) yield* holdFiles(use);
  yield* closeAll(k, use.group, user);
  return status;
});

/** Keeps everything open until it is told to let go. */
function* holdFiles({ hold }: VfioUse): Path<void> {
  if (hold === null) return;
  const until = (state: ReadState) => state.vfio.released.includes(hold);
  yield { type: 'wait', on: `the release of ${hold}`, until };
}

function* acquire(k: Kernel, use: VfioUse, user: string): Path<number> {
  const flags = yield* getStatus(k, use.group);
  if (use.nocontainer) return (flags & VIABLE) === 0 ? EXIT_REFUSED : 0;
  if ((yield* setContainer(k, use.group, user)) !== 0) return EXIT_REFUSED;
  if ((yield* setIommu(k, use.group, user)) !== 0) return EXIT_NO_BACKEND;
  yield* getStatus(k, use.group);
  if (use.dma)
    for (const { iova, size } of use.maps ?? [DMA_RANGE]) yield* mapDma(k, user, iova, size);
  if (use.nodevice) return 0;
  const got = yield* getDeviceFd(k, use.group, use.dev, user);
  if (got === 0 && use.req === true) yield { type: 'vfio.request_armed', dev: use.dev };
  return got === 0 ? 0 : EXIT_REFUSED;
}

/** The flags, or a negative errno. */
function* getStatus(k: Kernel, group: string): Path<number> {
  const flags = yield* vfio_group_ioctl_get_status(k, group);
  const isError = flags < 0;
  const value = isError ? '' : `flags=0x${flags.toString(16)}`;
  yield returned('VFIO_GROUP_GET_STATUS', isError ? flags : 0, value);
  return flags;
}

function* setContainer(k: Kernel, group: string, user: string): Path<number> {
  const container = containerOf(user);
  const holders = k.state.modules['vfio']?.holders ?? [];
  if (!holders.includes(container)) yield { type: 'module.got', module: 'vfio', by: container };
  const ret = yield* vfio_container_attach_group(k, group, container);
  yield returned('VFIO_GROUP_SET_CONTAINER', ret);
  return ret;
}

/** Asks for one backend after the other, and returns what the last one said. */
function* setIommu(k: Kernel, group: string, user: string): Path<number> {
  let ret = -ENODEV;
  for (const asked of BACKENDS) {
    ret = yield* vfio_ioctl_set_iommu(k, group, containerOf(user), asked);
    yield returned('VFIO_SET_IOMMU', ret);
    if (ret === 0) break;
  }
  return ret;
}

function* mapDma(k: Kernel, user: string, iova: number, size: number): Path<number> {
  const ret = yield* vfio_dma_do_map(k, containerOf(user), iova, size);
  yield returned('VFIO_IOMMU_MAP_DMA', ret);
  return ret;
}

function* getDeviceFd(k: Kernel, group: string, dev: string, user: string): Path<number> {
  const ret = yield* vfio_group_ioctl_get_device_fd(k, group, dev, user);
  yield returned('VFIO_GROUP_GET_DEVICE_FD', ret);
  return ret;
}

/** The program ends: its files close, the device first. */
function* closeAll(k: Kernel, group: string, user: string): Path<void> {
  for (const [dev, owner] of Object.entries(k.state.vfio.open))
    if (owner === user) yield* closeDevice(k, dev, user);
  if (k.state.vfio.groups[group]?.opened_by === user) yield* vfio_group_fops_release(k, group);
  for (const by of [`${user} cdev`, `${user} group`, containerOf(user)])
    if (k.state.modules['vfio']?.holders.includes(by) === true)
      yield { type: 'module.put', module: 'vfio', by };
}

/** The same by the device's own file and an iommufd, without a group or a container. */
function* useDevice(k: Kernel, use: VfioUse, iommufd: string, user: string): Path<number> {
  const { dev } = use;
  const opened = yield* vfio_device_fops_cdev_open(k, dev, user);
  yield returned(`open /dev/vfio/devices for ${dev}`, opened);
  if (opened !== 0) return EXIT_OPEN;
  yield { type: 'module.got', module: 'vfio', by: `${user} cdev` };
  const bound = yield* vfio_df_ioctl_bind_iommufd(k, dev, iommufd, user);
  yield returned('VFIO_DEVICE_BIND_IOMMUFD', bound);
  if (bound === 0) {
    yield returned('VFIO_DEVICE_ATTACH_IOMMUFD_PT', yield* vfio_df_ioctl_attach_pt(k, dev));
    yield* holdFiles(use);
    yield* vfio_df_unbind_iommufd(k, dev, user);
  } else if (k.state.vfio.open[dev] === user) {
    yield { type: 'vfio.device_closed', dev };
  }
  yield { type: 'module.put', module: 'vfio', by: `${user} cdev` };
  return bound === 0 ? 0 : EXIT_REFUSED;
}

/**
 * A further call of a program that holds its files open.
 *
 * Kernel: the ioctls of a group, a container and a device.
 * Leaves out: as useVfio.
 *
 * @returns what the call returned, flags as they are; -ENODEV when the user's group is gone.
 */
export function* callVfio(
  k: Kernel,
  { hold: user, call, dev, iova = DMA_RANGE.iova, size = DMA_RANGE.size }: VfioCall,
): Path<number> {
  const group = Object.values(k.state.vfio.groups).find(({ opened_by }) => opened_by === user);
  if (group === undefined) return -ENODEV;
  const { name } = group;
  switch (call) {
    case 'GET_STATUS':
      return yield* getStatus(k, name);
    case 'SET_CONTAINER':
      return yield* setContainer(k, name, user);
    case 'UNSET_CONTAINER': {
      const ret = yield* vfio_group_ioctl_unset_container(k, name);
      yield returned('VFIO_GROUP_UNSET_CONTAINER', ret);
      return ret;
    }
    case 'SET_IOMMU':
      return yield* setIommu(k, name, user);
    case 'MAP_DMA':
      return yield* mapDma(k, user, iova, size);
    case 'UNMAP_DMA': {
      const ret = yield* vfio_dma_do_unmap(k, containerOf(user), iova, size);
      yield returned('VFIO_IOMMU_UNMAP_DMA', ret);
      return ret;
    }
    case 'GET_DEVICE_FD':
      return yield* getDeviceFd(k, name, dev ?? '', user);
    case 'CLOSE_DEVICE':
      if (k.state.vfio.open[dev ?? ''] !== user) return -EINVAL;
      yield* closeDevice(k, dev ?? '', user);
      return 0;
  }
}
