/** Ids added to PCI drivers by hand. Kernel: drivers/pci/pci-driver.c, v6.1. */
import type { Kernel } from '../context.ts';
import { EEXIST, EINVAL, ENODEV, ENOENT } from '../errno.ts';
import { driverOf } from '../lookup.ts';
import { type Path, path } from '../path.ts';
import { driver_attach } from './dd-attach.ts';

/** `8086 10d3 [subvendor subdevice [class mask]]` as a modalias pattern; null for anything else. */
function modaliasOf(id: string): string | null {
  const [vendor, device, subvendor, subdevice] = id.trim().split(/[\s:]+/);
  if (vendor === undefined || device === undefined) return null;
  const words = [vendor, device, subvendor, subdevice].map((word) =>
    word === undefined || /^f{4,8}$/i.test(word) ? '*' : word.toUpperCase().padStart(8, '0'),
  );
  if (words.some((word) => word !== '*' && !/^[0-9A-F]{8}$/.test(word))) return null;
  const [v, d, sv, sd] = words;
  return `pci:v${v}d${d}sv${sv}sd${sd}bc*sc*i*`;
}

/**
 * Writes to `new_id`: the driver is offered every unbound device that now matches.
 *
 * Kernel: drivers/pci/pci-driver.c:new_id_store and pci_add_dynid, v6.1.
 * Leaves out: driver data.
 *
 * @returns 0, -ENOENT without the driver, -EINVAL for a bad id, -EEXIST for one it has already.
 */
export const new_id_store = path(
  'new_id_store',
  function* (k, bus: string, drv: string, text: string): Path<number> {
    const driver = driverOf(k, bus, drv);
    if (driver === undefined) return -ENOENT;
    const id = modaliasOf(text);
    if (id === null) return -EINVAL;
    if (driver.dynamic_ids.includes(id)) return -EEXIST;
    yield { type: 'driver.id_added', bus, drv, id };
    return yield* driver_attach(k, bus, drv);
  },
);

/**
 * Writes to `remove_id`. Kernel: drivers/pci/pci-driver.c:remove_id_store, v6.1.
 * Leaves out: nothing.
 *
 * @returns 0, -ENOENT without the driver, -ENODEV for an id that was not added, -EINVAL for a bad one.
 */
export function* remove_id_store(k: Kernel, bus: string, drv: string, text: string): Path<number> {
  const driver = driverOf(k, bus, drv);
  if (driver === undefined) return -ENOENT;
  const id = modaliasOf(text);
  if (id === null) return -EINVAL;
  if (!driver.dynamic_ids.includes(id)) return -ENODEV;
  yield { type: 'driver.id_removed', bus, drv, id };
  return 0;
}
