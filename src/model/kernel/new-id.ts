/** Ids added to PCI drivers by hand. Kernel: drivers/pci/pci-driver.c, v6.1. */
import type { Kernel } from '../context.ts';
import { EEXIST, EINVAL, ENODEV, ENOENT } from '../errno.ts';
import { matchesAny } from '../firmware/modalias.ts';
import { driverOf } from '../lookup.ts';
import { type Path, path } from '../path.ts';
import { driver_attach } from './dd-attach.ts';

/** The words of an id as modaliases have them, `*` for any; null for what is no id. */
function partsOf(words: readonly string[]): readonly string[] | null {
  const [vendor, device, subvendor, subdevice] = words;
  if (vendor === undefined || device === undefined) return null;
  const parts = [vendor, device, subvendor, subdevice].map((word) =>
    word === undefined || /^f{4,8}$/i.test(word)
      ? '*'
      : word.replace(/^0x/i, '').toUpperCase().padStart(8, '0'),
  );
  return parts.every((part) => part === '*' || /^[0-9A-F]{8}$/.test(part)) ? parts : null;
}

/** `8086 10d3 [subvendor subdevice [class mask [data]]]`, in words, as a modalias pattern. */
function modaliasOf(words: readonly string[]): string | null {
  const parts = partsOf(words);
  if (parts === null) return null;
  const [v, d, sv, sd] = parts;
  return `pci:v${v}d${d}sv${sv}sd${sd}bc*sc*i*`;
}

/** The modalias of a device of which no more is known than such an id says. */
function deviceLike(words: readonly string[]): string {
  const [v, d, sv, sd] = (partsOf(words) ?? []).map((part) => (part === '*' ? 'FFFFFFFF' : part));
  const code = (words[4] ?? '0').replace(/^0x/i, '').toUpperCase().padStart(6, '0').slice(-6);
  const [bc, sc, i] = [code.slice(0, 2), code.slice(2, 4), code.slice(4)];
  return `pci:v${v}d${d}sv${sv}sd${sd}bc${bc}sc${sc}i${i}`;
}

/** The words of a line that is written; sscanf knows no other separator. */
const wordsOf = (text: string): readonly string[] => text.trim().split(/\s+/);

/** With all fields, driver data among them, an id is taken whatever the driver has already. */
const ALL_FIELDS = 7;

/**
 * Adds an id to a driver, also one that it has: the driver is offered every unbound device that now
 * matches.
 *
 * Kernel: drivers/pci/pci-driver.c:pci_add_dynid, v6.1.
 * Leaves out: class and mask, driver data.
 *
 * @param words vendor, device and so on, in hexadecimal.
 * @returns 0, or -EINVAL for a bad id.
 */
export const pci_add_dynid = path(
  'pci_add_dynid',
  function* (k, drv: string, words: readonly string[]): Path<number> {
    const id = modaliasOf(words);
    if (id === null) return -EINVAL;
    yield { type: 'driver.id_added', bus: 'pci', drv, id };
    return yield* driver_attach(k, 'pci', drv);
  },
);

/**
 * Writes to `new_id`: an id that the driver does not have yet, in its table or by an earlier write.
 *
 * Kernel: drivers/pci/pci-driver.c:new_id_store, v6.1.
 * Leaves out: driver data, which must be in the driver's table.
 *
 * @returns 0, -ENOENT without the driver, -EINVAL for a bad id, -EEXIST for one it has already.
 */
export const new_id_store = path(
  'new_id_store',
  function* (k, bus: string, drv: string, text: string): Path<number> {
    const driver = driverOf(k, bus, drv);
    if (driver === undefined || bus !== 'pci') return -ENOENT;
    const words = wordsOf(text);
    if (modaliasOf(words) === null) return -EINVAL;
    const has = [...driver.dynamic_ids, ...driver.spec.ids];
    if (words.length < ALL_FIELDS && matchesAny(has, [deviceLike(words)])) return -EEXIST;
    return yield* pci_add_dynid(k, drv, words);
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
  const id = modaliasOf(wordsOf(text));
  if (id === null) return -EINVAL;
  if (!driver.dynamic_ids.includes(id)) return -ENODEV;
  yield { type: 'driver.id_removed', bus, drv, id };
  return 0;
}
