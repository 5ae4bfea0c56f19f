/** The bus that a step is about. */
import type { DeviceSpec, Machine } from '../events/machine.ts';
import { type Fields, nameOf, quote } from './decode.ts';
import { BUS_HINT, busOfDriver } from './driver.ts';
import { fail } from './yaml-source.ts';

interface Names {
  readonly dev?: string;
  readonly drv?: string;
}

/** The bus that the step says, or else the one its device or driver is on. */
export function busAt(fields: Fields, names: Names, machine: Machine): string {
  const place = fields.get('bus');
  if (place !== undefined) return nameOf(place);
  const bus = busOf(names, machine);
  if (bus !== null) return bus;
  const { place: value } = fields;
  return fail(value, `The bus of ${quote(names.dev ?? names.drv ?? '')} is not known.`, BUS_HINT);
}

/** A PCI function's name. Kernel: pci_setup_device. */
const BDF = /^[0-9a-f]{4,8}:[0-9a-f]{2}:[0-9a-f]{2}\.[0-7]$/;

/** The bus that a step is about when it does not say: that of its device, else of its driver. */
export function busOf({ dev, drv }: Names, machine: Machine): string | null {
  if (dev !== undefined) {
    const device = deviceNamed(dev, machine.devices);
    if (device !== undefined) return device.bus;
    if (BDF.test(dev)) return 'pci';
  }
  return drv === undefined ? null : busOfDriver(drv, machine.drivers);
}

function deviceNamed(name: string, devices: readonly DeviceSpec[]): DeviceSpec | undefined {
  for (const device of devices) {
    const found = device.name === name ? device : deviceNamed(name, device.creates ?? []);
    if (found !== undefined) return found;
  }
  return undefined;
}
