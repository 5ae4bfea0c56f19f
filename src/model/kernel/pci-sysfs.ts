/** The resource files of PCI functions. Kernel: drivers/pci/pci-sysfs.c, v6.1. */
import type { Kernel } from '../context.ts';
import { EACCES, EEXIST } from '../errno.ts';
import { deviceOf } from '../lookup.ts';
import { type Path, path } from '../path.ts';
import { printk } from '../printk.ts';

/**
 * Makes the files of the functions that are there; those that come later get theirs when they are
 * added. Nothing keeps both apart: a function that an asynchronous probe of its host bridge adds at
 * that time may get its files twice.
 *
 * Kernel: drivers/pci/pci-sysfs.c:pci_sysfs_init, v6.1, a late_initcall before that of dd.c.
 * Leaves out: the files of buses.
 *
 * @returns 0, or the error of the first function that has its files already.
 */
export const pci_sysfs_init = path('pci_sysfs_init', function* (k): Path<number> {
  if (!k.machine.devices.some(({ pci }) => pci?.bars !== undefined)) return 0;
  yield { type: 'pci.sysfs_initialized' };
  for (const dev of k.state.buses['pci']?.devices.slice() ?? []) {
    const ret = yield* pci_create_sysfs_dev_files(k, dev);
    if (ret !== 0) return ret;
  }
  return 0;
});

/**
 * Makes a file for each of the function's resources, as far as the machine names them. Where one is
 * there already, the error path takes all of them away again, also those that another task made.
 *
 * Kernel: drivers/pci/pci-sysfs.c:pci_create_sysfs_dev_files and pci_create_resource_files, v6.1.
 * Leaves out: write-combining files; that the function still points to the files that were freed.
 *
 * @returns 0; -EACCES before pci_sysfs_init; -EEXIST for files that are there.
 */
export const pci_create_sysfs_dev_files = path(
  'pci_create_sysfs_dev_files',
  function* (k, dev: string): Path<number> {
    if (!k.state.pci_sysfs_initialized) return -EACCES;
    const { spec, resource_files } = deviceOf(k, dev);
    const [first] = spec.pci?.bars ?? [];
    if (first === undefined) return 0;
    if (resource_files) {
      const name = `${sysfsPath(k, dev)}/resource${first}`;
      yield printk('warn', `sysfs: cannot create duplicate filename '${name}'`);
    }
    yield { type: 'pci.resource_files', dev, there: !resource_files };
    return resource_files ? -EEXIST : 0;
  },
);

/** Where a function stands below /sys: below its bridge, or the root bus of its host bridge. */
function sysfsPath(k: Kernel, dev: string): string {
  const { bus, parent } = deviceOf(k, dev);
  if (bus !== 'pci') return `${parent === null ? `/devices/${bus}` : sysfsPath(k, parent)}/${dev}`;
  if (parent === null) return `/devices/${dev}`;
  const above = deviceOf(k, parent);
  if (above.bus === 'pci') return `${sysfsPath(k, parent)}/${dev}`;
  const root = `pci${dev.slice(0, -5)}`;
  return above.bus === '' ? `/devices/${root}/${dev}` : `${sysfsPath(k, parent)}/${root}/${dev}`;
}
