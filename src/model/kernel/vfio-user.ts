/** What a VFIO user's system calls do. Kernel: drivers/vfio/{vfio_main,container}.c, v6.1. */
import type { EventOf } from '../../events/event.ts';
import type { Stimulus } from '../../events/stimulus.ts';
import type { Kernel } from '../context.ts';
import { EBUSY, EINVAL, ENODEV, ENOENT } from '../errno.ts';
import { deviceOf, groupById } from '../lookup.ts';
import { type Path, path } from '../path.ts';
import type { ReadState } from '../state/state.ts';
import { iommu_group_claim_dma_owner, iommu_group_dma_owner_claimed } from './dma-owner.ts';
import { device_iommu_capable, vfio_group_detach_container } from './vfio-pci.ts';

type VfioUse = Extract<Stimulus, { do: 'vfio' }>;

/** What a container can go through, in the order in which a user asks for it. */
const BACKENDS = ['vfio_iommu_type1', 'vfio'] as const;
type Backend = (typeof BACKENDS)[number];

/** VFIO_GROUP_FLAGS_VIABLE and VFIO_GROUP_FLAGS_CONTAINER_SET. */
const VIABLE = 1;
const CONTAINER_SET = 2;

/** Exit statuses of the user program: a file did not open, a call was refused, no backend fits. */
const EXIT_OPEN = 2;
const EXIT_REFUSED = 3;
const EXIT_NO_BACKEND = 5;

function returned(call: string, ret: number, value = ''): EventOf<'syscall.returned'> {
  return { type: 'syscall.returned', call, ret, value };
}

/**
 * Opens /dev/vfio/GROUP.
 *
 * Kernel: drivers/vfio/vfio_main.c:vfio_group_fops_open, v6.1; two references on the module, one of
 * the character device and one of its file operations.
 * Leaves out: permissions.
 *
 * @returns 0, -ENOENT without a VFIO device in the group, -EBUSY when it is open already.
 */
const vfio_group_fops_open = path(
  'vfio_group_fops_open',
  function* (k, name: string, user: string): Path<number> {
    const group = k.state.vfio.groups[name];
    if (group === undefined) return -ENOENT;
    if (group.opened_by !== null) return -EBUSY;
    yield { type: 'vfio.group_opened', group: name, user };
    yield { type: 'module.got', module: 'vfio', by: `${user} cdev` };
    yield { type: 'module.got', module: 'vfio', by: `${user} group` };
    return 0;
  },
);

/**
 * VFIO_GROUP_GET_STATUS.
 *
 * Kernel: drivers/vfio/vfio_main.c:vfio_group_ioctl_get_status, v6.1.
 * Leaves out: nothing.
 *
 * @returns the flags.
 */
const vfio_group_ioctl_get_status = path(
  'vfio_group_ioctl_get_status',
  function* (k, name: string): Path<number> {
    const group = k.state.vfio.groups[name];
    if (group === undefined) return 0;
    if (group.container !== null) return CONTAINER_SET | VIABLE;
    if (group.iommu_group === null) return VIABLE;
    const claimed = yield* iommu_group_dma_owner_claimed(k, group.iommu_group);
    return claimed ? 0 : VIABLE;
  },
);

/**
 * VFIO_GROUP_SET_CONTAINER.
 *
 * Kernel: drivers/vfio/container.c:vfio_container_attach_group, v6.1.
 * Leaves out: iommufd, mixing of groups with and without an IOMMU.
 *
 * @returns 0, -EINVAL when the group has a container, or what the claim returned.
 */
const vfio_container_attach_group = path(
  'vfio_container_attach_group',
  function* (k, name: string, container: string): Path<number> {
    const group = k.state.vfio.groups[name];
    if (group === undefined || group.container !== null) return -EINVAL;
    if (group.iommu_group !== null && !name.startsWith('noiommu-')) {
      const ret = yield* iommu_group_claim_dma_owner(k, group.iommu_group, `vfio_group ${name}`);
      if (ret !== 0) return ret;
    }
    yield { type: 'vfio.container_set', group: name, container };
    return 0;
  },
);

/**
 * VFIO_SET_IOMMU on a container with one group, for one backend.
 *
 * Kernel: drivers/vfio/container.c:vfio_ioctl_set_iommu, v6.1.
 * Leaves out: apertures, spapr.
 *
 * @returns 0; -EINVAL without a container; -ENODEV when the backend is not loaded or not for the
 * group: the one that comes with vfio itself takes only groups without an IOMMU.
 */
const vfio_ioctl_set_iommu = path(
  'vfio_ioctl_set_iommu',
  function* (k, name: string, container: string, backend: Backend): Path<number> {
    const group = k.state.vfio.groups[name];
    if (k.state.vfio.containers[container] === undefined) return -EINVAL;
    const noiommu = name.startsWith('noiommu-');
    if (noiommu !== (backend === 'vfio') || isMissing(k, backend)) return -ENODEV;
    yield { type: 'module.got', module: backend, by: `${container} iommu` };
    if (group?.iommu_group != null && !noiommu)
      yield* vfio_iommu_type1_attach_group(k, group.iommu_group);
    yield { type: 'vfio.iommu_set', container };
    return 0;
  },
);

/** Is it a module that exists but is not loaded? */
function isMissing(k: Kernel, module: string): boolean {
  return k.state.modules[module] === undefined && k.machine.modules.some((m) => m.name === module);
}

/**
 * The group goes to a domain of its user's. Where no MSI controller of the platform keeps devices
 * apart, the IOMMU is asked whether it remaps interrupts, for one device after the other.
 *
 * Kernel: drivers/vfio/vfio_iommu_type1.c:vfio_iommu_type1_attach_group, v6.1.
 * Leaves out: an IOMMU that does not remap, which makes it fail with -EPERM unless allowed.
 */
const vfio_iommu_type1_attach_group = path(
  'vfio_iommu_type1_attach_group',
  function* (k, id: number): Path<void> {
    yield { type: 'group.attached', group: id, domain: 'unmanaged' };
    if (k.has('group_isolated_msi')) return;
    for (const dev of groupById(k, id).devices) {
      const own = k.state.devices[dev]?.iommu;
      const remaps = k.state.iommus.some(({ name, fwnode }) => name === own && !fwnode);
      if (!remaps || (yield* device_iommu_capable(k, dev))) return;
    }
  },
);

/**
 * VFIO_GROUP_GET_DEVICE_FD.
 *
 * Kernel: drivers/vfio/vfio_main.c:vfio_group_ioctl_get_device_fd, v6.1.
 * Leaves out: the device's own open.
 *
 * @returns 0, -EINVAL without a container and its backend, -ENODEV for a device not in the group.
 */
const vfio_group_ioctl_get_device_fd = path(
  'vfio_group_ioctl_get_device_fd',
  function* (k, name: string, dev: string, user: string): Path<number> {
    const group = k.state.vfio.groups[name];
    const container = group?.container ?? null;
    if (group === undefined || container === null) return -EINVAL;
    if (k.state.vfio.containers[container]?.iommu !== true) return -EINVAL;
    if (!group.devices.includes(dev)) return -ENODEV;
    yield { type: 'module.got', module: driverModule(k, dev), by: `${user} device` };
    yield { type: 'module.got', module: 'vfio', by: `${user} device` };
    yield { type: 'vfio.device_opened', dev, user };
    return 0;
  },
);

/** The module of the driver a device is bound to; '' for a built-in one. */
function driverModule(k: Kernel, dev: string): string {
  const { bus, driver } = deviceOf(k, dev);
  return driver === null ? '' : (k.state.buses[bus]?.drivers[driver]?.spec.module ?? '');
}

/**
 * A whole use of a group by one program: open, status, container, backend, device, and the end.
 *
 * Kernel: the calls in the order in which QEMU and small test programs make them.
 * Leaves out: DMA mapping, interrupts, regions.
 *
 * @returns the exit status of the program.
 */
export const useVfio = path('vfio_user', function* (k, use: VfioUse, user: string): Path<number> {
  const opened = yield* vfio_group_fops_open(k, use.group, user);
  yield returned(`open /dev/vfio/${use.group}`, opened);
  if (opened !== 0) return EXIT_OPEN;
  const status = yield* acquire(k, use, user);
  const { hold } = use;
  if (hold !== null && (status === 0 || use.nocontainer)) {
    const until = (state: ReadState) => state.vfio.released.includes(hold);
    yield { type: 'wait', on: `the release of ${hold}`, until };
  }
  yield* closeAll(k, use, user);
  return status;
});

function* acquire(k: Kernel, use: VfioUse, user: string): Path<number> {
  const flags = yield* vfio_group_ioctl_get_status(k, use.group);
  yield returned('VFIO_GROUP_GET_STATUS', 0, `flags=0x${flags.toString(16)}`);
  if (use.nocontainer) return (flags & VIABLE) === 0 ? EXIT_REFUSED : 0;
  const container = `container ${user}`;
  yield { type: 'module.got', module: 'vfio', by: container };
  const set = yield* vfio_container_attach_group(k, use.group, container);
  yield returned('VFIO_GROUP_SET_CONTAINER', set);
  if (set !== 0) return EXIT_REFUSED;
  let backend = -ENODEV;
  for (const asked of BACKENDS) {
    backend = yield* vfio_ioctl_set_iommu(k, use.group, container, asked);
    yield returned('VFIO_SET_IOMMU', backend);
    if (backend === 0) break;
  }
  if (backend !== 0) return EXIT_NO_BACKEND;
  const again = yield* vfio_group_ioctl_get_status(k, use.group);
  yield returned('VFIO_GROUP_GET_STATUS', 0, `flags=0x${again.toString(16)}`);
  if (use.nodevice) return 0;
  const got = yield* vfio_group_ioctl_get_device_fd(k, use.group, use.dev, user);
  yield returned('VFIO_GROUP_GET_DEVICE_FD', got);
  return got === 0 ? 0 : EXIT_REFUSED;
}

/** The program ends: its files close, the device first. */
function* closeAll(k: Kernel, use: VfioUse, user: string): Path<void> {
  for (const [dev, owner] of Object.entries(k.state.vfio.open)) {
    if (owner !== user) continue;
    yield { type: 'vfio.device_closed', dev };
    yield { type: 'module.put', module: driverModule(k, dev), by: `${user} device` };
    yield { type: 'module.put', module: 'vfio', by: `${user} device` };
  }
  if (k.state.vfio.groups[use.group]?.opened_by === user) {
    yield* vfio_group_detach_container(k, use.group);
    yield { type: 'vfio.group_closed', group: use.group };
  }
  yield { type: 'module.put', module: 'vfio', by: `${user} cdev` };
  yield { type: 'module.put', module: 'vfio', by: `${user} group` };
  if (!use.nocontainer) yield { type: 'module.put', module: 'vfio', by: `container ${user}` };
}
