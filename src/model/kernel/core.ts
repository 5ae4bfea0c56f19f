/** Devices coming and going. Kernel: drivers/base/core.c and drivers/base/bus.c, v6.1. */
import type { DeviceSpec } from '../../events/machine.ts';
import type { Kernel } from '../context.ts';
import { EEXIST } from '../errno.ts';
import { deviceOf } from '../lookup.ts';
import { type Path, path } from '../path.ts';
import { pr_debug } from '../printk.ts';
import { platform_notifier } from './arm-dma-mapping.ts';
import { iommu_bus_notifier } from './bus-iommu.ts';
import { dma_configure } from './dd.ts';
import { bus_probe_device } from './dd-attach.ts';
import { driver_deferred_probe_del } from './dd-deferred.ts';
import { device_release_driver_internal } from './dd-release.ts';
import { device_links_purge } from './device-links.ts';
import { fw_devlink_link_device, fw_devlink_unblock_consumers } from './fw-devlink.ts';

const CORE = 'drivers/base/core.c';
const BUS = 'drivers/base/bus.c';

/**
 * Adds a device to its bus, offers it to the IOMMU core and lets a driver find it. A failing probe
 * never fails the addition.
 *
 * Kernel: drivers/base/core.c:device_add, v6.1.
 * Leaves out: sysfs, uevents, power management, classes, the errors of those.
 *
 * @returns 0, or -EEXIST for a name that is taken.
 */
export const device_add: (k: Kernel, spec: DeviceSpec) => Path<number> = path(
  'device_add',
  function* (k, spec: DeviceSpec): Path<number> {
    const dev = spec.name;
    if (k.state.devices[dev] !== undefined) return -EEXIST;
    yield* pr_debug(k, CORE, `device: '${dev}': device_add`);
    yield { type: 'device.added', dev, spec };
    yield* pr_debug(k, BUS, `bus: '${spec.bus}': add device ${dev}`);
    if (!k.has('dma_configure_at_probe')) yield* dma_configure(k, dev);
    yield* platform_notifier(k, dev);
    yield* iommu_bus_notifier(k, 'BUS_NOTIFY_ADD_DEVICE', spec.bus, dev);
    yield* fw_devlink_link_device(k, dev);
    yield { type: 'device.ready', dev };
    yield* bus_probe_device(k, dev);
    yield* fw_devlink_unblock_consumers(k, dev);
    return 0;
  },
);

/**
 * Takes a device off its bus: its driver goes first, then it leaves its IOMMU group.
 *
 * Kernel: drivers/base/core.c:device_del, drivers/base/bus.c:bus_remove_device, v6.1.
 * Leaves out: sysfs, uevents, power management, devres.
 */
export const device_del: (k: Kernel, dev: string) => Path<void> = path(
  'device_del',
  function* (k, dev: string): Path<void> {
    if (k.state.devices[dev] === undefined) return;
    yield { type: 'device.dead', dev };
    yield { type: 'device.bus_removed', dev };
    const { bus } = deviceOf(k, dev);
    yield* pr_debug(k, BUS, `bus: '${bus}': remove device ${dev}`);
    yield* device_release_driver_internal(k, dev);
    yield* driver_deferred_probe_del(k, dev);
    yield* device_links_purge(k, dev);
    yield* iommu_bus_notifier(k, 'BUS_NOTIFY_REMOVED_DEVICE', bus, dev);
    yield { type: 'device.deleted', dev };
  },
);

/**
 * Says that the device goes, then deletes it.
 *
 * Kernel: drivers/base/core.c:device_unregister, v6.1.
 * Leaves out: the last reference.
 */
function* device_unregister(k: Kernel, dev: string): Path<void> {
  if (k.state.devices[dev] === undefined) return;
  yield* pr_debug(k, CORE, `device: '${dev}': device_unregister`);
  yield* device_del(k, dev);
}

/** The name a new device gets: `%d` stands for the lowest number free on this system. */
function nameFor(k: Kernel, pattern: string): string {
  if (!pattern.includes('%d')) return pattern;
  for (let n = 0; ; n += 1) {
    const name = pattern.replace('%d', String(n));
    if (k.state.devices[name] === undefined) return name;
  }
}

/**
 * The children that a driver's probe creates below its device: a virtio transport's device, the
 * services of a PCI Express port.
 *
 * Kernel: drivers/virtio/virtio.c:register_virtio_device, drivers/pci/pcie/portdrv_core.c, v6.1.
 * Leaves out: what makes a transport or a port decide against a child.
 */
export function* addChildren(k: Kernel, dev: string): Path<void> {
  for (const child of deviceOf(k, dev).spec.creates ?? [])
    yield* device_add(k, { ...child, name: nameFor(k, child.name), parent: dev });
}

/**
 * Removes the children that addChildren made, in the order they were made.
 *
 * Kernel: drivers/virtio/virtio.c:unregister_virtio_device, drivers/pci/pcie/portdrv_core.c, v6.1.
 * Leaves out: nothing.
 */
export function* removeChildren(k: Kernel, dev: string): Path<void> {
  const patterns = deviceOf(k, dev).spec.creates ?? [];
  if (patterns.length === 0) return;
  const buses = new Set(patterns.map((child) => child.bus));
  const children = Object.values(k.state.devices).filter(
    (device) => device.parent === dev && buses.has(device.bus),
  );
  for (const child of children) yield* device_unregister(k, child.name);
}
