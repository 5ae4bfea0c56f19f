/** The driver of Arm's SMMU v1 and v2. Kernel: drivers/iommu/arm/arm-smmu/arm-smmu.c, v6.1 unless said. */
import type { DriverOps, Kernel } from '../context.ts';
import { ENODEV, EPROBE_DEFER } from '../errno.ts';
import { deviceOf, groupOf } from '../lookup.ts';
import { type Path, path } from '../path.ts';
import { dev_printk, printk } from '../printk.ts';
import { arm_smmu_device_cfg_probe, checkContextIrqs } from './arm-smmu-cfg-probe.ts';
import { qcom_smmu_def_domain_type } from './arm-smmu-qcom.ts';
import { isDescribed, switchOff } from './arm-smmu-reset.ts';
import { arm_smmu_master_alloc_smes, checkStreamIds } from './arm-smmu-sme.ts';
import { type BusHabits, setBusOps } from './bus-iommu.ts';
import { arm_smmu_device_group } from './device-group.ts';
import { device_link_add } from './device-link.ts';
import { firmwareIommuOps, freeIommu, registerIommu, unregisterIommu } from './firmware-iommu.ts';
import { isFirstModule } from './kconfig.ts';
import { asksInVain } from './opaque-driver.ts';
import { device_get_dma_attr } from './property.ts';
import { streamIds } from './requester-ids.ts';

const DRV = 'arm-smmu';

/** Until buses could be unset, what one of them says is not listened to. */
function busHabits(k: Kernel): BusHabits {
  return {
    ops: DRV,
    buses: ['platform', 'amba', 'pci', 'fsl-mc'],
    asksIfPresent: true,
    onError: k.has('smmu_unregister_on_remove') ? 'unset' : 'ignore',
  };
}

/** The SMMUs on the core's list that use this binding. */
function usesBinding(k: Kernel, listsMasters: boolean): boolean {
  return k.state.iommus.some(({ name, ops }) => {
    const lists = k.state.devices[name]?.spec.mmu_masters === true;
    return ops === DRV && lists === listsMasters;
  });
}

/**
 * The first SMMU decides whether masters are listed in the nodes of SMMUs or name theirs.
 *
 * Kernel: drivers/iommu/arm/arm-smmu/arm-smmu.c:arm_smmu_device_dt_probe, v6.1.
 * Leaves out: an SMMU whose probe fails later on, which decides all the same.
 *
 * @returns 0, or -ENODEV for an SMMU of the other kind.
 */
function* checkBinding(k: Kernel, dev: string, listsMasters: boolean): Path<number> {
  if (usesBinding(k, !listsMasters)) {
    yield dev_printk(k, 'err', dev, 'not probing due to mismatched DT properties');
    return -ENODEV;
  }
  if (!listsMasters || usesBinding(k, true)) return 0;
  const what = supportsMasters(k) ? 'DMA API' : 'SMMU';
  const text = `deprecated "mmu-masters" DT property in use; ${what} support unavailable`;
  yield printk('notice', `arm-smmu: ${text}`);
  return 0;
}

/** Is the deprecated binding still supported? It became an option when the driver became a module. */
function supportsMasters(k: Kernel): boolean {
  return !k.has('smmu_modular') || k.config('ARM_SMMU_LEGACY_DT_BINDINGS') === 'y';
}

/**
 * SMMUs that list their masters give buses their ops when all of them are expected to be there.
 *
 * Kernel: drivers/iommu/arm/arm-smmu/arm-smmu.c:arm_smmu_legacy_bus_init, a device_initcall_sync, v6.0.
 * Leaves out: nothing.
 */
export const arm_smmu_legacy_bus_init = path('arm_smmu_legacy_bus_init', function* (k): Path<void> {
  if (k.has('register_scans_buses') || !usesBinding(k, true) || !supportsMasters(k)) return;
  yield* setBusOps(k, busHabits(k));
});

/**
 * A master is looked for in the lists of all SMMUs that are bound.
 *
 * Kernel: drivers/iommu/arm/arm-smmu/arm-smmu.c:arm_smmu_register_legacy_master, v6.1.
 * Leaves out: nothing.
 */
function* registerMaster(k: Kernel, dev: string): Path<void> {
  if (!usesBinding(k, true) || !supportsMasters(k)) return;
  const streams = streamIds(k, dev);
  const [first] = streams;
  if (first === undefined || deviceOf(k, dev).fwspec !== null) return;
  if (k.state.devices[first.iommu]?.bound !== true) return;
  yield { type: 'fwspec.set', dev, iommu: first.iommu, ids: streams.map(({ id }) => id) };
}

/** Are any of its context banks in use? */
function hasActiveDomains(k: Kernel, iommu: string): boolean {
  return Object.values(k.state.devices).some((device) => {
    const domain = device.iommu === iommu ? groupOf(k, device.name)?.domain : null;
    return domain !== null && domain !== undefined && domain !== 'identity';
  });
}

/**
 * Says that translation ends, where domains are in use: an error where the kernel did not expect it.
 *
 * Kernel: drivers/iommu/arm/arm-smmu/arm-smmu.c:arm_smmu_device_shutdown, v6.1; arm_smmu_device_remove
 * without smmu_unregister_on_remove.
 * Leaves out: clocks, power.
 */
function* disableTranslation(k: Kernel, dev: string): Path<void> {
  if (!hasActiveDomains(k, dev)) return;
  const expected = k.has('smmu_unregister_on_remove') && !isFirstModule(k, DRV);
  yield expected
    ? dev_printk(k, 'notice', dev, 'disabling translation')
    : dev_printk(k, 'err', dev, 'removing device with active domains!');
}

/**
 * Kernel: drivers/iommu/arm/arm-smmu/arm-smmu.c:arm_smmu_device_probe,
 * arm_smmu_device_remove and arm_smmu_device_shutdown, v6.1.
 * Leaves out: the hardware.
 */
export const armSmmuDriver: DriverOps = {
  probe: path('arm_smmu_device_probe', function* (k, dev: string): Path<number> {
    const listsMasters = deviceOf(k, dev).spec.mmu_masters === true;
    const mismatch = yield* checkBinding(k, dev, listsMasters);
    if (mismatch !== 0) return mismatch;
    if (asksInVain(k, dev, DRV)) return -EPROBE_DEFER;
    yield { type: 'sleep', on: `the set-up of ${dev}` };
    const refused = (yield* arm_smmu_device_cfg_probe(k, dev)) || (yield* checkContextIrqs(k, dev));
    if (refused !== 0) return refused;
    const habits = busHabits(k);
    const fwnode = !(listsMasters && k.has('bus_ops_retired'));
    const inProbe = listsMasters ? { ...habits, buses: [] } : habits;
    const ret = yield* registerIommu(k, dev, inProbe, fwnode);
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
    if (k.has('smmu_no_unregister_on_shutdown')) yield* disableTranslation(k, dev);
    else yield* goAway(k, dev);
    yield* switchOff(k, dev);
    yield { type: 'iommu.disabled', iommu: dev };
  }),
};

/**
 * What a removal does, and a shutdown too before smmu_no_unregister_on_shutdown.
 *
 * Kernel: drivers/iommu/arm/arm-smmu/arm-smmu.c:arm_smmu_device_remove, v5.6 to v6.1.
 * Leaves out: clocks, power.
 */
function* goAway(k: Kernel, dev: string): Path<void> {
  const unregisters = k.has('smmu_unregister_on_remove') && !isFirstModule(k, DRV);
  const shutsDownFirst = !k.has('smmu_no_unregister_on_shutdown');
  if (shutsDownFirst) yield* disableTranslation(k, dev);
  if (unregisters || k.has('bus_unset_iommu_jpb')) yield* unregisterIommu(k, dev, busHabits(k));
  if (!shutsDownFirst) yield* disableTranslation(k, dev);
}

/**
 * Kernel: drivers/iommu/arm/arm-smmu/arm-smmu.c:arm_smmu_ops, v6.1; attach_dev is in arm-smmu-attach.ts.
 * Leaves out: runtime power management.
 */
export const armSmmuOps = firmwareIommuOps({
  drv: DRV,
  module: 'arm_smmu',
  probeName: 'arm_smmu_probe_device',
  describe: registerMaster,
  *take(k, dev, iommu) {
    if (isDescribed(k, iommu)) {
      const ids = yield* checkStreamIds(k, dev, iommu);
      if (ids !== 0) return ids;
      const taken = yield* arm_smmu_master_alloc_smes(k, dev, iommu);
      if (taken !== 0) return taken;
    }
    if (k.has('smmu_device_links'))
      yield* device_link_add(k, dev, iommu, ['PM_RUNTIME', 'AUTOREMOVE_SUPPLIER']);
    return 0;
  },
  device_group: arm_smmu_device_group,
  def_domain_type: (k, dev) =>
    usesBinding(k, true) ? 'identity' : qcom_smmu_def_domain_type(k, dev),
  cache_coherent(k, dev) {
    const device = deviceOf(k, dev);
    if (!k.has('smmu_truthful_coherency')) return true;
    const walks = k.state.devices[device.iommu ?? '']?.spec.dma_coherent === true;
    if (!k.has('smmu_client_coherency_fallback')) return walks;
    const attr = device_get_dma_attr(k, dev);
    if (k.has('smmu_client_unless_noncoherent')) return walks || attr !== 'NON_COHERENT';
    return walks || attr === 'COHERENT';
  },
});
