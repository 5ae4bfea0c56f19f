/** PCI Express ports and the drivers of their services. Kernel: drivers/pci/pcie, v6.1. */
import type { DriverOps } from '../context.ts';
import { EINVAL, ENODEV } from '../errno.ts';
import { deviceOf } from '../lookup.ts';
import { type Path, path } from '../path.ts';
import { addChildren, removeChildren } from './core.ts';
import { opaqueDriver } from './opaque-driver.ts';

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
export const portDriver: DriverOps = {
  probe: pcie_portdrv_probe,
  remove: removeChildren,
  shutdown: removeChildren,
};

/**
 * The shutdown of every driver of a port service: the port's own shutdown removes the service.
 *
 * Kernel: drivers/pci/pcie/portdrv_core.c:pcie_port_shutdown_service, v6.1.
 * Leaves out: nothing, it is empty.
 */
export function* pcie_port_shutdown_service(): Path<void> {
  yield* [];
}

/**
 * The drivers of the other services.
 *
 * Kernel: drivers/pci/pcie/{aer,dpc,pme}.c, v6.1.
 * Leaves out: what they do.
 */
export const serviceDriver: DriverOps = { ...opaqueDriver, shutdown: pcie_port_shutdown_service };
