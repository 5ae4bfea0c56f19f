/**
 * The function pointers of the emulated kernel: who answers for which bus, driver and module.
 *
 * Kernel: include/linux/device/bus.h:struct bus_type, device/driver.h:struct device_driver, module
 * inits and exits, v6.1.
 * Leaves out: shutdown, suspend and resume, the probes of all drivers but the ones listed here.
 */
import type { DriverOps, Kernel, KernelOps, ModuleOps } from '../context.ts';
import { EPROBE_DEFER } from '../errno.ts';
import { deviceOf, driverOf } from '../lookup.ts';
import type { Path } from '../path.ts';
import { dev_printk, printk } from '../printk.ts';
import { busOps } from './buses.ts';
import { addChildren, removeChildren } from './core.ts';
import { deferred_probe_work_func } from './dd-attach.ts';
import { IOMMU_DRIVERS, IOMMU_OPS } from './iommu-drivers.ts';
import { hostBridgeDriver, portDriver } from './pci.ts';
import { vfioPciDriver } from './vfio-pci.ts';

/**
 * A driver that nobody has to model: its probe waits for what it asks other devices for, then
 * returns what the oracle says. The PCI bus takes a positive answer for success, with a warning.
 */
const opaqueDriver: DriverOps = {
  *probe(k: Kernel, dev: string, drv: string): Path<number> {
    const { bus } = deviceOf(k, dev);
    const spec = driverOf(k, bus, drv)?.spec;
    const wanted = entryOf(spec?.defers_on, dev) ?? [];
    if (wanted.some((other) => k.state.devices[other]?.bound !== true)) {
      const reason = entryOf(spec?.defer_reasons, dev);
      if (reason !== undefined) yield { type: 'deferred.reason', dev, reason: `${drv}: ${reason}` };
      return -EPROBE_DEFER;
    }
    const ret = k.oracle(dev, drv);
    const bound = ret === 0 || (ret > 0 && bus === 'pci');
    if (ret > 0 && bound)
      yield dev_printk(k, 'warn', dev, `Driver probe function unexpectedly returned ${ret}`);
    if (bound) yield* addChildren(k, dev);
    return bound ? 0 : ret;
  },
  remove: removeChildren,
};

/** The entry of a table that may have a prototype. */
function entryOf<T>(table: Readonly<Record<string, T>> | undefined, name: string): T | undefined {
  return table !== undefined && Object.hasOwn(table, name) ? table[name] : undefined;
}

const DRIVERS: ReadonlyMap<string, DriverOps> = new Map([
  ...IOMMU_DRIVERS,
  ['pci-host-generic', hostBridgeDriver],
  ['pcieport', portDriver],
  ['vfio-pci', vfioPciDriver],
]);

const MODULES: ReadonlyMap<string, ModuleOps> = new Map([
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
