/** The driver of virtio-iommu. Kernel: drivers/iommu/virtio-iommu.c, v6.1 unless said. */
import type { DriverOps, Kernel } from '../context.ts';
import { deviceOf } from '../lookup.ts';
import { type Path, path } from '../path.ts';
import { dev_printk, pr_debug } from '../printk.ts';
import { type BusHabits, unsetBusOps } from './bus-iommu.ts';
import { firmwareIommuOps, freeIommu, registerIommu } from './firmware-iommu.ts';
import { iommu_device_unregister } from './iommu-register.ts';

const DRV = 'virtio_iommu';
const CORE = 'drivers/base/core.c';

const HABITS: BusHabits = {
  ops: DRV,
  buses: ['pci', 'amba', 'platform'],
  asksIfPresent: false,
  onError: 'return',
};

/** What the device of QEMU says of itself, the only one whose log lines are known. */
const INPUT_BITS = 64;
const PAGE_MASK = '0xfffffffffffff000';

/** Firmware names the transport that the bound device hangs below. */
function instanceName(k: Kernel, dev: string): string {
  return deviceOf(k, dev).parent ?? dev;
}

/**
 * Kernel: drivers/iommu/virtio-iommu.c:viommu_probe and viommu_remove, v6.1. With
 * register_scans_buses the probe does not look at what the registration returned.
 * Leaves out: the virtqueues, devices with other sizes than QEMU's.
 */
export const virtioIommuDriver: DriverOps = {
  probe: path('viommu_probe', function* (k, dev: string): Path<number> {
    const iommu = instanceName(k, dev);
    yield { type: 'sleep', on: `the set-up of ${dev}` };
    yield* pr_debug(k, CORE, `device: '${iommu}': device_add`);
    const ret = yield* registerIommu(k, iommu, HABITS);
    if (ret !== 0 && !k.has('register_scans_buses')) return ret;
    yield dev_printk(k, 'info', dev, `input address: ${INPUT_BITS} bits`);
    yield dev_printk(k, 'info', dev, `page mask: ${PAGE_MASK}`);
    return 0;
  }),
  remove: path('viommu_remove', function* (k, dev: string): Path<void> {
    const iommu = instanceName(k, dev);
    if (k.has('bus_unset_iommu_jpb') && !k.has('register_scans_buses'))
      yield* unsetBusOps(k, HABITS);
    yield* pr_debug(k, CORE, `device: '${iommu}': device_unregister`);
    yield { type: 'iommu.sysfs_removed', iommu };
    yield* iommu_device_unregister(k, iommu);
    yield dev_printk(k, 'info', dev, 'device removed');
    yield* freeIommu(k, iommu);
  }),
};

/**
 * Kernel: drivers/iommu/virtio-iommu.c:viommu_ops, v6.1.
 * Leaves out: asking the device for the endpoint's properties.
 */
export const virtioIommuOps = firmwareIommuOps({
  drv: DRV,
  module: 'virtio_iommu',
  probeName: 'viommu_probe_device',
  // Kernel: viommu_domain_alloc, v6.1; since it has a flush queue every type is a page table.
  can_alloc: (k, type) => k.has('direct_before_attach') || type !== 'DMA-FQ',
  cache_coherent: () => true,
});
