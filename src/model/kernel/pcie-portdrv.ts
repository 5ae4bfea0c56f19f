/** PCI Express ports and the drivers of their services. Kernel: drivers/pci/pcie, v6.1. */
import type { DriverOps } from '../context.ts';
import { EINVAL, ENODEV } from '../errno.ts';
import { deviceOf } from '../lookup.ts';
import { type Path, path } from '../path.ts';
import { dev_printk } from '../printk.ts';
import { addChildren, removeChildren } from './core.ts';

/**
 * Makes a device of each service of the port. A bridge whose bus was never registered cannot be
 * switched on, as its windows are not there.
 *
 * Kernel: drivers/pci/pcie/portdrv_pci.c:pcie_portdrv_probe, v6.1.
 * Leaves out: interrupt set-up, runtime power management.
 *
 * @returns 0, -ENODEV for what is no port, -EINVAL for one that cannot be switched on.
 */
const pcie_portdrv_probe = path('pcie_portdrv_probe', function* (k, dev: string): Path<number> {
  const type = deviceOf(k, dev).spec.pci?.pcie ?? null;
  const isPort = type === 'root-port' || type === 'upstream' || type === 'downstream';
  if (!isPort && type !== 'rc-event-collector') return -ENODEV;
  if (k.state.pci.impaired[dev] === 'bus-refused') return -EINVAL;
  yield* addChildren(k, dev);
  return 0;
});

/**
 * The driver of PCI Express ports, which makes a device of each service of the port.
 *
 * Kernel: drivers/pci/pcie/portdrv_pci.c, v6.1.
 * Leaves out: error handling, power management.
 */
export const portDriver: DriverOps = { probe: pcie_portdrv_probe, remove: removeChildren };

/**
 * Hot-plug control of a port that has a bus behind it.
 *
 * Kernel: drivers/pci/hotplug/pciehp_core.c:pciehp_probe, v6.1.
 * Leaves out: interrupts, indicators, a slot that another driver has.
 *
 * @returns 0, or -ENODEV for a port without a bus.
 */
const pciehp_probe = path('pciehp_probe', function* (k, dev: string): Path<number> {
  const port = deviceOf(k, dev).parent;
  if (port === null || k.state.pci.subordinate[port] !== undefined) return 0;
  yield dev_printk(k, 'err', port, 'pciehp: Hotplug bridge without secondary bus, ignoring');
  return -ENODEV;
});

/**
 * Kernel: drivers/pci/hotplug/pciehp_core.c:hpdriver_portdrv, v6.1.
 * Leaves out: suspend and resume.
 */
export const hotplugDriver: DriverOps = { probe: pciehp_probe };
