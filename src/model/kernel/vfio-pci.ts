/** Devices under VFIO. Kernel: drivers/vfio/vfio_main.c, drivers/vfio/pci, v6.1 unless said. */
import type { DriverOps, Kernel } from '../context.ts';
import { EINVAL } from '../errno.ts';
import { deviceOf, groupOf } from '../lookup.ts';
import { type Path, path } from '../path.ts';
import { dev_printk } from '../printk.ts';
import { iommu_group_release_dma_owner } from './dma-owner.ts';
import { iommu_group_add_device, iommu_group_alloc } from './iommu.ts';

/**
 * Is the device's DMA coherent with IOMMU_CACHE?
 *
 * Kernel: drivers/iommu/iommu.c:device_iommu_capable, v6.1.
 * Leaves out: other capabilities.
 */
export const device_iommu_capable = path(
  'device_iommu_capable',
  function* (k, dev: string): Path<boolean> {
    yield* [];
    const { iommu } = deviceOf(k, dev);
    const ops = k.state.iommus.find((instance) => instance.name === iommu)?.ops;
    return ops === undefined ? false : (k.ops.iommu(ops)?.cache_coherent(k, dev) ?? false);
  },
);

/** Is vfio's parameter enable_unsafe_noiommu_mode on? */
function noiommuAllowed(k: Kernel): boolean {
  const value = k.state.modules['vfio']?.params['enable_unsafe_noiommu_mode'];
  return value === '1' || value === 'Y' || value === 'y';
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
  if (!(yield* device_iommu_capable(k, dev))) return -EINVAL;
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
 */
const vfio_noiommu_group_alloc = path(
  'vfio_noiommu_group_alloc',
  function* (k, dev: string): Path<string> {
    const group = yield* iommu_group_alloc(k);
    yield* iommu_group_add_device(k, group, dev);
    yield dev_printk(k, 'warn', dev, 'Adding kernel taint for vfio-noiommu group on device');
    const name = `noiommu-${group}`;
    yield { type: 'vfio.group_created', group: name, iommu_group: group };
    return name;
  },
);

/**
 * Kernel: drivers/vfio/pci/vfio_pci.c:vfio_pci_probe and vfio_pci_core_register_device, v6.1.
 * Leaves out: the denylist, SR-IOV, VGA arbitration, power states.
 *
 * @returns 0, or -EINVAL for a bridge, a device without a group, or one without coherent DMA.
 */
const vfio_pci_probe = path('vfio_pci_probe', function* (k, dev: string): Path<number> {
  if ((deviceOf(k, dev).spec.pci?.header ?? 0) !== 0) return -EINVAL;
  const group = yield* vfio_group_find_or_alloc(k, dev);
  if (typeof group === 'number') return group;
  if (k.has('vfio_pseudo_fs') && registeredDevices(k) === 0)
    yield { type: 'module.got', module: 'vfio', by: 'vfio_fs' };
  yield { type: 'vfio.device_registered', dev, group };
  return 0;
});

function registeredDevices(k: Kernel): number {
  return Object.values(k.state.vfio.groups).reduce((sum, group) => sum + group.devices.length, 0);
}

/** The VFIO group a device is registered in, or null. */
function vfioGroupOf(k: Kernel, dev: string): string | null {
  const groups = Object.values(k.state.vfio.groups);
  return groups.find((group) => group.devices.includes(dev))?.name ?? null;
}

/**
 * Takes a device from VFIO; sleeps, holding device_lock, for as long as a user has it open.
 *
 * Kernel: drivers/vfio/vfio_main.c:vfio_unregister_group_dev and vfio_device_remove_group, v6.1.
 * Leaves out: the requests repeated every ten seconds.
 */
const vfio_unregister_group_dev = path(
  'vfio_unregister_group_dev',
  function* (k, dev: string): Path<void> {
    const name = vfioGroupOf(k, dev);
    if (name === null) return;
    if (k.state.vfio.open[dev] !== undefined) {
      const text = 'No device request channel registered, blocked until released by user';
      yield dev_printk(k, 'warn', dev, text);
      const on = `the user of ${dev} to close it`;
      yield { type: 'wait', on, until: (state) => state.vfio.open[dev] === undefined };
    }
    yield { type: 'vfio.device_unregistered', dev, group: name };
    if (k.has('vfio_pseudo_fs') && registeredDevices(k) === 0)
      yield { type: 'module.put', module: 'vfio', by: 'vfio_fs' };
    const group = k.state.vfio.groups[name];
    if (group?.iommu_group != null && name.startsWith('noiommu-'))
      yield* leaveNoiommuGroup(k, dev, group.iommu_group);
    if (group === undefined || group.devices.length > 0) return;
    yield* vfio_group_detach_container(k, name);
    yield { type: 'vfio.group_removed', group: name };
  },
);

function* leaveNoiommuGroup(k: Kernel, dev: string, group: number): Path<void> {
  yield dev_printk(k, 'info', dev, `Removing from iommu group ${group}`);
  yield { type: 'group.left', dev, group };
  yield { type: 'group.freed', group };
}

/**
 * A group leaves its container, if it is in one, and with it user space's ownership ends.
 *
 * Kernel: drivers/vfio/container.c:vfio_group_detach_container, v6.1.
 * Leaves out: a container with several groups.
 */
export const vfio_group_detach_container = path(
  'vfio_group_detach_container',
  function* (k, name: string): Path<void> {
    const group = k.state.vfio.groups[name];
    if (group?.container == null) return;
    const { container, iommu_group } = group;
    const claims = iommu_group !== null && !name.startsWith('noiommu-');
    if (k.state.vfio.containers[container]?.iommu === true) {
      if (claims) yield { type: 'group.attached', group: iommu_group, domain: 'blocked' };
      yield {
        type: 'module.put',
        module: claims ? 'vfio_iommu_type1' : 'vfio',
        by: `${container} iommu`,
      };
    }
    if (claims) yield* iommu_group_release_dma_owner(k, iommu_group);
    yield { type: 'vfio.container_unset', group: name };
  },
);

/**
 * The driver that hands PCI functions to user space.
 *
 * Kernel: drivers/vfio/pci/vfio_pci.c:vfio_pci_driver, v6.1.
 * Leaves out: variant drivers.
 */
export const vfioPciDriver: DriverOps = {
  probe: vfio_pci_probe,
  remove: vfio_unregister_group_dev,
};
