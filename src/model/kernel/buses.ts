/**
 * struct bus_type: matching and DMA configuration per bus.
 *
 * Kernel: drivers/base/platform.c, drivers/pci/pci-driver.c, drivers/amba/bus.c,
 * drivers/bus/fsl-mc/fsl-mc-bus.c, v6.1.
 */
import type { BusOps, Kernel } from '../context.ts';
import { EPROBE_DEFER } from '../errno.ts';
import { matchesId } from '../firmware/modalias.ts';
import { deviceOf, driver_managed_dma } from '../lookup.ts';
import { type Path, path } from '../path.ts';
import type { ReadDevice, ReadDriver } from '../state/state.ts';
import { arch_setup_dma_ops, arch_teardown_dma_ops, isArm } from './arm-dma-mapping.ts';
import { iommu_device_unuse_default_domain, iommu_device_use_default_domain } from './dma-owner.ts';
import { acpi_iommu_configure_id, of_iommu_configure } from './of-iommu.ts';

function matchesIds(device: ReadDevice, ids: readonly string[]): boolean {
  return ids.some((id) => device.spec.ids.some((own) => matchesId(id, own)));
}

/** platform_match: the override decides alone; else ids, else the name. */
function matchByOverrideIdsName(_k: Kernel, device: ReadDevice, drv: ReadDriver): number {
  if (device.driver_override !== null) return Number(device.driver_override === drv.name);
  return Number(matchesIds(device, drv.spec.ids) || device.name === drv.name);
}

/** amba_match: not before the clock that it takes to read the id is there. */
function amba_match(k: Kernel, device: ReadDevice, drv: ReadDriver): number {
  const needs = device.spec.match_defers_on ?? [];
  if (needs.some((other) => k.state.devices[other]?.bound !== true)) return -EPROBE_DEFER;
  return matchByOverrideIdsName(k, device, drv);
}

/** pci_bus_match: not before pci_bus_add_device; an override of the driver's name always matches. */
function pci_bus_match(_k: Kernel, device: ReadDevice, drv: ReadDriver): number {
  if (!device.match_driver) return 0;
  if (device.driver_override !== null) return Number(device.driver_override === drv.name);
  return Number(matchesIds(device, drv.dynamic_ids) || matchesIds(device, drv.spec.ids));
}

/** fsl_mc_bus_match: as platform_match, but a device's name says nothing. */
function matchByOverrideIds(_k: Kernel, device: ReadDevice, drv: ReadDriver): number {
  if (device.driver_override !== null) return Number(device.driver_override === drv.name);
  return Number(matchesIds(device, drv.spec.ids));
}

/** The match of a bus that has ids and nothing else. */
function matchByIds(_k: Kernel, device: ReadDevice, drv: ReadDriver): number {
  return Number(matchesIds(device, drv.spec.ids) || device.name === drv.name);
}

/** Does firmware describe the device, rather than code that registers it under its driver's name? */
function isFirmwareDevice({ bus, spec }: ReadDevice): boolean {
  return bus !== 'platform' || spec.ids.some((id) => !id.startsWith('platform:'));
}

/**
 * ACS is switched on at a function that the scan found before anybody asked for ACS.
 *
 * Kernel: drivers/pci/pci-driver.c:pci_dma_configure with of_acs_at_dma_configure, as of v7.2.
 * Leaves out: that the scan itself no longer does it.
 */
function* enableAcs(k: Kernel, dev: string): Path<void> {
  const { bus, spec, acs_enabled } = deviceOf(k, dev);
  if (bus !== 'pci' || acs_enabled || spec.pci?.acs_capable !== true) return;
  if (k.has('of_acs_at_dma_configure') && k.state.acs_requested)
    yield { type: 'pci.acs_enabled', dev };
}

/**
 * Is there a driver whose use of the device counts in the group? Where amba is configured by the
 * platform bus, that one reads driver_managed_dma at its place in a platform driver, and finds a byte
 * of the address of the amba driver's remove function there, which is not 0.
 */
function countsAsOwner(k: Kernel, device: ReadDevice): boolean {
  if (!k.has('bus_dma_ownership') || device.driver === null) return false;
  if (device.bus === 'amba' && !k.has('amba_own_dma_configure')) return false;
  return !driver_managed_dma(k, device);
}

/** What firmware says about DMA, then the ownership that a kernel driver needs. */
function* dma_configure(k: Kernel, dev: string): Path<number> {
  const early = k.has('use_before_configure');
  if (early) {
    const ret = yield* takeOwnership(k, dev);
    if (ret !== 0) return ret;
  }
  if (k.machine.firmware !== 'none' && isFirmwareDevice(deviceOf(k, dev))) {
    const byAcpi = k.machine.firmware === 'acpi';
    const ret = yield* byAcpi ? acpi_iommu_configure_id(k, dev) : of_iommu_configure(k, dev);
    yield* enableAcs(k, dev);
    if (ret !== 0) {
      if (early) yield* dma_cleanup(k, dev);
      return ret;
    }
    if (isArm(k)) yield* arch_setup_dma_ops(k, dev);
  }
  return early ? 0 : yield* takeOwnership(k, dev);
}

function* takeOwnership(k: Kernel, dev: string): Path<number> {
  if (!countsAsOwner(k, deviceOf(k, dev))) return 0;
  const ret = yield* iommu_device_use_default_domain(k, dev);
  if (ret !== 0 && isArm(k)) yield* arch_teardown_dma_ops(k, dev);
  return ret;
}

function* dma_cleanup(k: Kernel, dev: string): Path<void> {
  if (!countsAsOwner(k, deviceOf(k, dev))) return;
  yield* iommu_device_unuse_default_domain(k, dev);
}

/**
 * Kernel: drivers/base/platform.c:platform_dma_configure and platform_dma_cleanup, v6.1.
 * Leaves out: dma-ranges, DMA masks, arch_setup_dma_ops of arm64.
 */
const platform: BusOps = {
  match: matchByOverrideIdsName,
  dma_configure: path('platform_dma_configure', dma_configure),
  dma_cleanup: path('platform_dma_cleanup', dma_cleanup),
  shutdown: true,
  iommu: true,
};

/**
 * Kernel: drivers/amba/bus.c:amba_dma_configure and amba_dma_cleanup, v6.1.
 * Leaves out: as platform.
 */
const amba: BusOps = {
  match: amba_match,
  dma_configure: path('amba_dma_configure', dma_configure),
  dma_cleanup: path('amba_dma_cleanup', dma_cleanup),
  shutdown: true,
  iommu: true,
};

/**
 * Kernel: drivers/pci/pci-driver.c:pci_dma_configure and pci_dma_cleanup, v6.1.
 * Leaves out: as platform.
 */
const pci: BusOps = {
  match: pci_bus_match,
  dma_configure: path('pci_dma_configure', dma_configure),
  dma_cleanup: path('pci_dma_cleanup', dma_cleanup),
  shutdown: true,
  iommu: true,
};

/**
 * Kernel: drivers/virtio/virtio.c:virtio_bus, with virtio_dev_shutdown, v6.1.y.
 * Leaves out: features, kernels without a shutdown of the bus.
 */
const virtio: BusOps = { match: matchByIds, shutdown: true, iommu: false };

/**
 * Kernel: drivers/bus/fsl-mc/fsl-mc-bus.c:fsl_mc_bus_match, fsl_mc_dma_configure and
 * fsl_mc_dma_cleanup, v6.1. The ids come from the isolation context, through the map of the root.
 * Leaves out: objects that are not plugged, a root without dma-ranges, which has no IOMMU.
 */
const fsl_mc: BusOps = {
  match: matchByOverrideIds,
  dma_configure: path('fsl_mc_dma_configure', dma_configure),
  dma_cleanup: path('fsl_mc_dma_cleanup', dma_cleanup),
  iommu: true,
};

const other: BusOps = { match: matchByIds, iommu: false };

const BUS_TYPES: ReadonlyMap<string, BusOps> = new Map([
  ['platform', platform],
  ['amba', amba],
  ['pci', pci],
  ['virtio', virtio],
  ['fsl-mc', fsl_mc],
]);

/**
 * The callbacks of a bus; a bus the model does not know matches by ids and has no DMA.
 *
 * Kernel: struct bus_type of each bus, v6.1.
 * Leaves out: cdx, host1x.
 */
export function busOps(bus: string): BusOps {
  return BUS_TYPES.get(bus) ?? other;
}
