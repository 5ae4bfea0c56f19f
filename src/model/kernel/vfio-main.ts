/** Devices in VFIO. Kernel: drivers/vfio/vfio_main.c, v6.1 unless said. */
import type { Kernel } from '../context.ts';
import { EINVAL } from '../errno.ts';
import { deviceOf, groupOf } from '../lookup.ts';
import { locked, type Path, path } from '../path.ts';
import { dev_printk } from '../printk.ts';
import type { ReadState } from '../state/state.ts';
import { device_iommu_capable } from './iommu-capable.ts';
import { iommu_group_add_device, iommu_group_alloc, iommu_group_put } from './iommu-group.ts';
import { dev_iommu_ops } from './iommu-ops.ts';
import { boolParam } from './params.ts';
import { groupLock, isNoiommu, vfio_group_detach_container } from './vfio-container.ts';

/**
 * Is the device's DMA coherent, as VFIO asks? The IOMMU of a bus answers without knowing the device:
 * those that tell devices apart say yes.
 *
 * Kernel: drivers/iommu/iommu.c:iommu_capable, v5.19; device_iommu_capable, v6.1.
 * Leaves out: IOMMUs of the bus other than the device's own.
 */
function* isCoherent(k: Kernel, dev: string): Path<boolean> {
  if (k.has('vfio_device_capable')) return yield* device_iommu_capable(k, dev, 'CACHE_COHERENCY');
  return dev_iommu_ops(k, dev) !== null;
}

/** VFIO always maps with IOMMU_CACHE: user space could not make up for what it lacks. */
function* checkCoherency(k: Kernel, dev: string): Path<number> {
  if (!k.has('vfio_requires_coherency') || (yield* isCoherent(k, dev))) return 0;
  yield { type: 'vfio.incoherent', dev };
  return -EINVAL;
}

/** Is vfio's parameter enable_unsafe_noiommu_mode on? */
function noiommuAllowed(k: Kernel): boolean {
  return boolParam(k, 'vfio', 'enable_unsafe_noiommu_mode') ?? false;
}

/** The vfio_group of the device, made when it is the first of its IOMMU group; -EINVAL for none. */
const vfio_group_find_or_alloc = path('vfio_group_find_or_alloc', function* (k, dev: string): Path<
  string | number
> {
  const group = groupOf(k, dev);
  if (group === undefined) {
    if (!noiommuAllowed(k)) return -EINVAL;
    return yield* vfio_noiommu_group_alloc(k, dev);
  }
  if (!k.has('vfio_check_late')) {
    const ret = yield* checkCoherency(k, dev);
    if (ret !== 0) return ret;
  }
  const name = String(group.id);
  if (k.state.vfio.groups[name] === undefined)
    yield { type: 'vfio.group_created', group: name, iommu_group: group.id };
  return name;
});

/**
 * A group of its own for a device without an IOMMU, which taints the kernel.
 *
 * Kernel: drivers/vfio/vfio_main.c:vfio_noiommu_group_alloc, v6.1.
 * Leaves out: nothing.
 *
 * @returns its name, or what iommu_group_alloc returned.
 */
const vfio_noiommu_group_alloc = path('vfio_noiommu_group_alloc', function* (k, dev: string): Path<
  string | number
> {
  const group = yield* iommu_group_alloc(k, dev);
  if (group < 0) return group;
  yield* iommu_group_add_device(k, group, dev);
  yield dev_printk(k, 'warn', dev, 'Adding kernel taint for vfio-noiommu group on device');
  const name = `noiommu-${group}`;
  yield { type: 'vfio.group_created', group: name, iommu_group: group };
  return name;
});

/**
 * Makes the device one of VFIO's.
 *
 * Kernel: drivers/vfio/vfio_main.c:vfio_register_group_dev, v6.1; __vfio_register_dev, v6.12, where
 * the check of coherency comes last.
 * Leaves out: device sets, devices without DMA of their own.
 *
 * @returns 0, or -EINVAL for a device without a group or without coherent DMA.
 */
export const vfio_register_group_dev = path(
  'vfio_register_group_dev',
  function* (k, dev: string): Path<number> {
    const group = yield* vfio_group_find_or_alloc(k, dev);
    if (typeof group === 'number') return group;
    if (k.has('vfio_check_late') && !isNoiommu(group)) {
      const ret = yield* checkCoherency(k, dev);
      if (ret !== 0) {
        if (k.state.vfio.groups[group]?.devices.length === 0) yield* removeGroup(k, group);
        return ret;
      }
    }
    if (k.has('vfio_pseudo_fs') && registeredDevices(k) === 0)
      yield { type: 'module.got', module: 'vfio', by: 'vfio_fs' };
    yield { type: 'vfio.device_registered', dev, group };
    return 0;
  },
);

function registeredDevices(k: Kernel): number {
  return Object.values(k.state.vfio.groups).reduce((sum, group) => sum + group.devices.length, 0);
}

/** The VFIO group a device is registered in, or null. */
export function vfioGroupOf(k: Kernel, dev: string): string | null {
  const groups = Object.values(k.state.vfio.groups);
  return groups.find((group) => group.devices.includes(dev))?.name ?? null;
}

/**
 * Takes a device from VFIO; sleeps, holding device_lock, for as long as a user has it open. Where
 * there is an unbound_list, the device is on it until its driver is gone.
 *
 * Kernel: drivers/vfio/vfio_main.c:vfio_unregister_group_dev and vfio_device_remove_group, v6.1;
 * drivers/vfio/vfio.c:vfio_del_group_dev, v5.15.
 * Leaves out: the requests repeated every ten seconds, signals.
 */
export const vfio_unregister_group_dev = path(
  'vfio_unregister_group_dev',
  function* (k, dev: string): Path<void> {
    const name = vfioGroupOf(k, dev);
    if (name === null) return;
    if (!k.has('vfio_no_unbound_list')) yield { type: 'vfio.unbound_added', dev, group: name };
    if (k.state.vfio.open[dev] !== undefined) {
      yield* vfio_pci_core_request(k, dev);
      const on = `the user of ${dev} to close it`;
      yield { type: 'wait', on, until: (state) => state.vfio.open[dev] === undefined };
    }
    yield { type: 'vfio.device_unregistered', dev, group: name };
    if (k.has('vfio_pseudo_fs') && registeredDevices(k) === 0)
      yield { type: 'module.put', module: 'vfio', by: 'vfio_fs' };
    yield* leaveGroup(k, dev, name);
  },
);

/**
 * Asks the user for its device: through the request interrupt, where it set one up.
 *
 * Kernel: drivers/vfio/pci/vfio_pci_core.c:vfio_pci_core_request, v6.1.
 * Leaves out: the repetitions, devices that are no PCI functions.
 */
function* vfio_pci_core_request(k: Kernel, dev: string): Path<void> {
  if (deviceOf(k, dev).spec.pci === undefined) return;
  yield k.state.vfio.requests.includes(dev)
    ? dev_printk(k, 'notice', dev, 'Relaying device request to user (#0)')
    : dev_printk(
        k,
        'warn',
        dev,
        'No device request channel registered, blocked until released by user',
      );
}

/** The last device of a group waits for its container to go, or takes the group out of it. */
function* leaveGroup(k: Kernel, dev: string, name: string): Path<void> {
  const group = k.state.vfio.groups[name];
  if (group?.iommu_group != null && isNoiommu(name))
    yield* leaveNoiommuGroup(k, dev, group.iommu_group);
  if (group === undefined || group.devices.length > 0) return;
  if (k.has('vfio_group_disassociates')) {
    yield* locked(groupLock(name), takeOut(k, name));
    return;
  }
  if (group.container !== null) {
    const on = `the user of VFIO group ${name} to leave its container`;
    const isOut = (state: ReadState) => state.vfio.groups[name]?.container == null;
    yield { type: 'wait', on, until: isOut };
  }
  yield* vfio_group_put(k, name);
}

/**
 * A group goes that has no device and no user any more.
 *
 * Kernel: drivers/vfio/vfio_main.c:vfio_group_put, v5.19; since vfio_group_disassociates the last
 * device takes it away whoever has it open.
 * Leaves out: nothing.
 */
export function* vfio_group_put(k: Kernel, name: string): Path<void> {
  const group = k.state.vfio.groups[name];
  if (group?.devices.length === 0 && group.opened_by === null) yield* removeGroup(k, name);
}

function* takeOut(k: Kernel, name: string): Path<void> {
  yield* vfio_group_detach_container(k, name);
  yield* removeGroup(k, name);
}

/** With a group of VFIO's its reference on that of the IOMMU core goes. */
function* removeGroup(k: Kernel, group: string): Path<void> {
  const id = k.state.vfio.groups[group]?.iommu_group ?? null;
  yield { type: 'vfio.group_removed', group };
  if (id !== null) yield* iommu_group_put(k, id);
}

function* leaveNoiommuGroup(k: Kernel, dev: string, group: number): Path<void> {
  yield dev_printk(k, 'info', dev, `Removing from iommu group ${group}`);
  yield { type: 'group.left', dev, group };
}
