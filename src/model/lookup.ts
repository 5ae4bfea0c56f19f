/** Finding things in the state; a path that names what is not there is a bug and says so. */
import { bug } from '../assert.ts';
import type { Facts } from './context.ts';
import type { ReadDevice, ReadDriver, ReadGroup } from './state/state.ts';
import type { PatchName } from './versions/patch-table.ts';

/** The device of that name; it must exist. */
export function deviceOf(k: Facts, dev: string): ReadDevice {
  const device = k.state.devices[dev];
  return device ?? bug(`a path works on device ${dev}, which was never added`);
}

/** The registered driver of that name, or undefined. */
export function driverOf(k: Facts, bus: string, drv: string): ReadDriver | undefined {
  return k.state.buses[bus]?.drivers[drv];
}

/** The module of the driver that dev->driver names; null for a built-in driver, and for none. */
export function driver_module(k: Facts, dev: string): string | null {
  const { bus, driver } = deviceOf(k, dev);
  return driver === null ? null : (driverOf(k, bus, driver)?.spec.module ?? null);
}

/** The group of that id; it must exist. */
export function groupById(k: Facts, id: number): ReadGroup {
  const group = k.state.groups[id];
  return group ?? bug(`a path works on iommu group ${id}, which does not exist`);
}

/** The device's group, or undefined. */
export function groupOf(k: Facts, dev: string): ReadGroup | undefined {
  const id = k.state.devices[dev]?.iommu_group;
  return id === null || id === undefined ? undefined : k.state.groups[id];
}

/** The patches that made drivers claim DMA ownership themselves, by driver. */
const MANAGED_SINCE: ReadonlyMap<string, PatchName> = new Map([
  ['pcieport', 'portdrv_managed'],
  ['pci-stub', 'pci_stub_managed'],
  ['vfio-pci', 'vfio_claims'],
  ['vfio-platform', 'vfio_claims'],
  ['vfio-amba', 'vfio_claims'],
  ['vfio-fsl-mc', 'vfio_claims'],
  ['nvgrace_gpu_vfio_pci', 'vfio_claims'],
  ['pds_vfio_pci', 'vfio_claims'],
  ['qat_vfio_pci', 'vfio_claims'],
  ['virtio_vfio_pci', 'vfio_claims'],
  ['mlx5_vfio_pci', 'vfio_vendor_managed'],
  ['hisi_acc_vfio_pci', 'vfio_vendor_managed'],
]);

/** Is it, by its name, a driver that claims DMA ownership itself in some kernel? */
export const claimsOwnership = (drv: string): boolean => MANAGED_SINCE.has(drv);

/** Does the driver that dev->driver names claim DMA ownership itself, in this kernel? */
export function driver_managed_dma(k: Facts, device: ReadDevice): boolean {
  if (device.driver === null) return false;
  const since = MANAGED_SINCE.get(device.driver);
  if (since !== undefined && !k.has(since)) return false;
  return driverOf(k, device.bus, device.driver)?.spec.driver_managed_dma ?? false;
}
