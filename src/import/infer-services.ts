/** The services of PCI Express ports behind a log: its lines name them, and their names the ports. */
import type { DeviceSpec, DriverSpec } from '../events/machine.ts';
import { matchesAny } from '../model/firmware/modalias.ts';
import { serviceNamed } from '../model/firmware/pci-children.ts';

/**
 * Hangs services below their ports, whose driver makes them; where the log does not show it at work there,
 * they stay as they are. Cost: each device once, and the drivers of ports once for each port.
 */
export function withServices(
  devices: readonly DeviceSpec[],
  drivers: readonly DriverSpec[],
): readonly DeviceSpec[] {
  const portDrivers = drivers.filter(({ bus, name }) => bus === 'pci' && name === 'pcieport');
  const ports = new Set(
    devices
      .filter(
        ({ pci, ids }) => pci !== undefined && portDrivers.some((drv) => matchesAny(drv.ids, ids)),
      )
      .map(({ name }) => name),
  );
  const below = new Map<string, DeviceSpec[]>();
  const rest = devices.filter((device) => {
    const service = device.bus === 'pci_express' ? serviceNamed(device.name) : null;
    const port = service?.parent ?? null;
    if (service === null || port === null || !ports.has(port)) return true;
    const ids = [...service.ids, ...device.ids];
    below.set(port, [...(below.get(port) ?? []), { ...service, ids }]);
    return false;
  });
  return rest.map((device) => {
    const services = below.get(device.name);
    return services === undefined ? device : { ...device, creates: services };
  });
}
