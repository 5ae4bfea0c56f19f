/**
 * The function pointers of the emulated kernel: who answers for which bus, driver and module.
 *
 * Kernel: include/linux/device/bus.h:struct bus_type, device/driver.h:struct device_driver, module
 * inits and exits, v6.1.
 * Leaves out: suspend and resume, the probes of all drivers but the ones listed here.
 */
import type { DriverOps, KernelOps, ModuleOps } from '../context.ts';
import type { Path } from '../path.ts';
import { printk } from '../printk.ts';
import { busOps } from './buses.ts';
import { deferred_probe_work_func } from './dd-work.ts';
import { IOMMU_DRIVERS, IOMMU_OPS } from './iommu-drivers.ts';
import { nvmeDriver } from './nvme.ts';
import { opaqueDriver } from './opaque-driver.ts';
import { hostBridgeDriver } from './pci.ts';
import { portDriver, serviceDriver } from './pcie-portdrv.ts';
import { hotplugDriver } from './pciehp.ts';
import { VFIO_DRIVERS, vfioPciModule } from './vfio-pci.ts';

const DRIVERS: ReadonlyMap<string, DriverOps> = new Map([
  ...IOMMU_DRIVERS,
  ['pci-host-generic', hostBridgeDriver],
  ['pcieport', portDriver],
  ['nvme', nvmeDriver],
  ['aer', serviceDriver],
  ['dpc', serviceDriver],
  ['pcie_pme', serviceDriver],
  ['pciehp', hotplugDriver],
  ...VFIO_DRIVERS,
]);

const MODULES: ReadonlyMap<string, ModuleOps> = new Map<string, ModuleOps>([
  ['vfio_pci', vfioPciModule],
  [
    'vfio',
    {
      *init(): Path<number> {
        yield printk('info', 'VFIO - User Level meta-driver version: 0.3');
        return 0;
      },
    },
  ],
]);

/** Ops of a driver by name. */
function driverOps(_bus: string, drv: string): DriverOps {
  return DRIVERS.get(drv) ?? opaqueDriver;
}

/**
 * What the paths reach through function pointers.
 *
 * Kernel: none: the table stands for pointers that structures of the kernel hold.
 * Leaves out: nothing.
 */
export const kernelOps: KernelOps = {
  bus: busOps,
  driver: driverOps,
  iommu: (ops) => IOMMU_OPS.get(ops) ?? null,
  module: (module) => MODULES.get(module) ?? {},
  deferred_probe_work_func,
};
