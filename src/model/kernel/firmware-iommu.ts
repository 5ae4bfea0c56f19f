/**
 * What the drivers of IOMMUs that firmware tells of have in common: whose device is whose, and what
 * of an instance is left when its driver goes.
 *
 * Kernel: drivers/iommu/arm, drivers/iommu/virtio-iommu.c, drivers/iommu/ipmmu-vmsa.c, v6.1.
 */
import type { IommuOps, Kernel } from '../context.ts';
import { ENODEV } from '../errno.ts';
import { deviceOf } from '../lookup.ts';
import { type Path, path } from '../path.ts';
import { resetSmmu } from './arm-smmu-reset.ts';
import { type BusHabits, setBusOps, unsetBusOps } from './bus-iommu.ts';
import { groupByBus } from './device-group.ts';
import { get_by_fwnode } from './iommu-instance.ts';
import { instanceOf } from './iommu-ops.ts';
import { iommu_device_register, iommu_device_unregister } from './iommu-register.ts';
import { isFirstModule } from './kconfig.ts';

/** What such a driver adds of its own. */
interface Habits {
  readonly drv: string;
  readonly module: string;
  /** The kernel's name of its probe_device. */
  readonly probeName: string;
  /** Finds the IOMMU of a device of which firmware's usual properties say nothing. */
  readonly describe?: (k: Kernel, dev: string) => Path<void>;
  /** What it does to take a device that firmware gave to an IOMMU; a negative errno where it refuses. */
  readonly take?: (k: Kernel, dev: string, iommu: string) => Path<number>;
  /** Its device_group, where it does not go by the bus alone. */
  readonly device_group?: IommuOps['device_group'];
  readonly def_domain_type?: IommuOps['def_domain_type'];
  readonly can_alloc?: IommuOps['can_alloc'];
  readonly cache_coherent: IommuOps['cache_coherent'];
}

/**
 * The ops of an IOMMU driver that is told of its devices by firmware.
 *
 * Kernel: probe_device and device_group of struct iommu_ops, v6.1.
 * Leaves out: the ranges of stream ids.
 */
export function firmwareIommuOps(habits: Habits): IommuOps {
  const { drv, module, probeName, describe, take, cache_coherent } = habits;
  return {
    module,
    owned: (k) => !isFirstModule(k, drv),
    probe_device: path(probeName, function* (k, dev: string) {
      if (describe !== undefined) yield* describe(k, dev);
      const { fwspec } = deviceOf(k, dev);
      const instance = fwspec === null ? undefined : instanceOf(k, fwspec.iommu);
      if (instance?.ops !== drv) return -ENODEV;
      const found = yield* get_by_fwnode(k, dev, drv, instance.name);
      if (found !== 0) return found;
      const ret = take === undefined ? 0 : yield* take(k, dev, instance.name);
      return ret === 0 ? instance.name : ret;
    }),
    device_group: habits.device_group ?? groupByBus,
    def_domain_type: habits.def_domain_type ?? (() => null),
    can_alloc: habits.can_alloc ?? (() => true),
    cache_coherent,
  };
}

/**
 * An IOMMU is put on the core's list; in kernels with bus_set_iommu its driver then sets the ops of
 * its buses.
 *
 * Kernel: the end of arm_smmu_device_probe and viommu_probe, v5.4 to v6.1.
 * Leaves out: nothing.
 *
 * @returns 0, or the error of the registration or of a bus.
 */
export function* registerIommu(
  k: Kernel,
  iommu: string,
  habits: BusHabits,
  fwnode = true,
): Path<number> {
  if (!k.has('of_request_acs') && !k.state.acs_requested) yield { type: 'pci.acs_requested' };
  const resetsFirst = habits.ops === 'arm-smmu-v3' || k.has('smmu_register_last');
  if (resetsFirst) yield* resetSmmu(k, iommu, habits.ops);
  const ret = yield* iommu_device_register(k, iommu, habits.ops, fwnode);
  if (ret === 0 && !resetsFirst) yield* resetSmmu(k, iommu, habits.ops);
  if (ret !== 0 || k.has('register_scans_buses') || habits.buses.length === 0) return ret;
  const err = yield* setBusOps(k, habits);
  if (err === 0) return 0;
  if (habits.onError === 'unset') yield* iommu_device_unregister(k, iommu);
  yield* freeIommu(k, iommu);
  return err;
}

/**
 * An IOMMU leaves the buses and the list of the core.
 *
 * Kernel: the beginning of arm_smmu_device_remove and viommu_remove, v5.6 to v6.1.
 * Leaves out: nothing.
 */
export function* unregisterIommu(k: Kernel, iommu: string, habits: BusHabits): Path<void> {
  if (!k.has('register_scans_buses')) yield* unsetBusOps(k, habits);
  yield* iommu_device_unregister(k, iommu);
}

/**
 * What stands for an instance is freed; an event only where something refers to it still.
 *
 * Kernel: drivers/base/devres.c:devres_release_all, after the driver's remove or failed probe, v6.1.
 * Leaves out: what of it the driver allocated without devres.
 */
export function* freeIommu(k: Kernel, iommu: string): Path<void> {
  const isListed = k.state.iommus.some(({ name }) => name === iommu);
  if (isListed || Object.values(k.state.devices).some((device) => device.iommu === iommu))
    yield { type: 'iommu.freed', iommu };
}
