/** The driver of Renesas' IPMMU. Kernel: drivers/iommu/ipmmu-vmsa.c, v6.1 unless said. */
import type { DriverOps } from '../context.ts';
import { deviceOf } from '../lookup.ts';
import { type Path, path } from '../path.ts';
import type { BusHabits } from './bus-iommu.ts';
import { firmwareIommuOps, freeIommu, registerIommu } from './firmware-iommu.ts';
import { iommu_device_unregister } from './iommu-register.ts';

const DRV = 'ipmmu-vmsa';

const HABITS: BusHabits = {
  ops: DRV,
  buses: ['platform'],
  asksIfPresent: true,
  onError: 'ignore',
};

/**
 * Kernel: drivers/iommu/ipmmu-vmsa.c:ipmmu_probe and ipmmu_remove, v6.1.
 * Leaves out: the hardware, the root device that others hang below.
 */
export const ipmmuDriver: DriverOps = {
  probe: path('ipmmu_probe', function* (k, dev: string): Path<number> {
    yield { type: 'sleep', on: `the set-up of ${dev}` };
    return yield* registerIommu(k, dev, HABITS);
  }),
  remove: path('ipmmu_remove', function* (k, dev: string): Path<void> {
    yield* iommu_device_unregister(k, dev);
    yield* freeIommu(k, dev);
  }),
};

/**
 * Kernel: drivers/iommu/ipmmu-vmsa.c:ipmmu_ops, v6.1.
 * Leaves out: the micro-TLBs.
 */
export const ipmmuOps = firmwareIommuOps({
  drv: DRV,
  module: 'ipmmu_vmsa',
  probeName: 'ipmmu_probe_device',
  // Kernel: ipmmu_domain_alloc, v6.1; its identity domain came two releases after the flush queue.
  can_alloc: (k, type) => k.has('direct_before_attach') || type === 'DMA',
  cache_coherent: (k, dev) =>
    k.state.devices[deviceOf(k, dev).iommu ?? '']?.spec.dma_coherent === true,
});
