/** The driver of Arm's SMMU v3. Kernel: drivers/iommu/arm/arm-smmu-v3/arm-smmu-v3.c, v6.1 unless said. */
import type { DriverOps, Kernel } from '../context.ts';
import { EINVAL } from '../errno.ts';
import { deviceOf } from '../lookup.ts';
import { type Path, path } from '../path.ts';
import { dev_printk } from '../printk.ts';
import { switchOff } from './arm-smmu-reset.ts';
import { arm_smmu_device_hw_probe, arm_smmu_init_queues } from './arm-smmu-v3-hw-probe.ts';
import type { BusHabits } from './bus-iommu.ts';
import { firmwareIommuOps, freeIommu, registerIommu, unregisterIommu } from './firmware-iommu.ts';
import { isFirstModule } from './kconfig.ts';

const DRV = 'arm-smmu-v3';

function busHabits(k: Kernel): BusHabits {
  return {
    ops: DRV,
    buses: ['pci', 'amba', 'platform'],
    asksIfPresent: false,
    onError: k.has('smmu_unregister_on_remove') ? 'unset' : 'return',
  };
}

/**
 * Kernel: drivers/iommu/arm/arm-smmu-v3/arm-smmu-v3.c:arm_smmu_device_probe,
 * arm_smmu_device_remove and arm_smmu_device_shutdown, v6.1.
 * Leaves out: the hardware.
 */
export const armSmmuV3Driver: DriverOps = {
  probe: path('arm_smmu_device_probe', function* (k, dev: string): Path<number> {
    yield { type: 'sleep', on: `the set-up of ${dev}` };
    const refused = yield* arm_smmu_device_hw_probe(k, dev);
    if (refused !== 0) return refused;
    yield* arm_smmu_init_queues(k, dev);
    yield { type: 'sleep', on: `the interrupts of ${dev}` };
    const ret = yield* registerIommu(k, dev, busHabits(k));
    if (ret !== 0 && k.has('register_scans_buses'))
      yield dev_printk(k, 'err', dev, 'Failed to register iommu');
    return ret;
  }),
  remove: path('arm_smmu_device_remove', function* (k, dev: string): Path<void> {
    yield* goAway(k, dev);
    yield* switchOff(k, dev);
    yield* freeIommu(k, dev);
  }),
  shutdown: path('arm_smmu_device_shutdown', function* (k, dev: string, drv: string): Path<void> {
    yield { type: 'driver.shutdown', dev, drv };
    if (!k.has('smmu_no_unregister_on_shutdown')) yield* goAway(k, dev);
    yield* switchOff(k, dev);
    yield { type: 'iommu.disabled', iommu: dev };
  }),
};

/**
 * What a removal does, and a shutdown too before smmu_no_unregister_on_shutdown.
 *
 * Kernel: drivers/iommu/arm/arm-smmu-v3/arm-smmu-v3.c:arm_smmu_device_remove, v5.6 to v6.1.
 * Leaves out: the hardware.
 */
function* goAway(k: Kernel, dev: string): Path<void> {
  const unregisters = k.has('smmu_unregister_on_remove') && !isFirstModule(k, DRV);
  if (unregisters || k.has('bus_unset_iommu_jpb')) yield* unregisterIommu(k, dev, busHabits(k));
}

/** The master that has one of the stream ids of `dev` already; null for none. */
function streamHolder(
  k: Kernel,
  dev: string,
): { readonly id: number; readonly dev: string } | null {
  const own = deviceOf(k, dev).fwspec;
  if (own === null) return null;
  for (const other of Object.values(k.state.devices)) {
    if (other.name === dev || other.iommu === null || other.fwspec?.iommu !== own.iommu) continue;
    const id = own.ids.find((mine) => other.fwspec?.ids.includes(mine) ?? false);
    if (id !== undefined) return { id, dev: other.name };
  }
  return null;
}

/**
 * Kernel: drivers/iommu/arm/arm-smmu-v3/arm-smmu-v3.c:arm_smmu_ops, v6.1. Each stream id has one
 * master: arm_smmu_insert_master refuses a second one.
 * Leaves out: the ranges of stream ids.
 */
export const armSmmuV3Ops = firmwareIommuOps({
  drv: DRV,
  module: 'arm_smmu_v3',
  probeName: 'arm_smmu_probe_device',
  *take(k, dev) {
    const holder = streamHolder(k, dev);
    if (holder === null) return 0;
    const text = `stream ${holder.id} already in tree from dev ${holder.dev}`;
    yield dev_printk(k, 'warn', dev, text);
    return -EINVAL;
  },
  cache_coherent: (k, dev) =>
    !k.has('smmu_truthful_coherency') ||
    k.state.devices[deviceOf(k, dev).iommu ?? '']?.spec.dma_coherent === true,
});
