/**
 * Viability by the drivers of a group's members, and the notifier that guards it: what VFIO had
 * before DMA ownership. Kernel: drivers/vfio/vfio.c and drivers/iommu/iommu.c, v5.15.
 */
import type { Kernel } from '../context.ts';
import { EINVAL } from '../errno.ts';
import { deviceOf, groupById } from '../lookup.ts';
import { type Path, path } from '../path.ts';
import { dev_dbg, dev_printk } from '../printk.ts';
import type { DeepReadonly } from '../state/state.ts';
import type { VfioGroup } from '../state/vfio-types.ts';

/** A VFIO group as a path sees it. */
export type ReadVfioGroup = DeepReadonly<VfioGroup>;

/** The drivers that do no DMA, as VFIO believes. Kernel: vfio_driver_whitelist, v5.15. */
const ALLOWED_DRIVERS: readonly string[] = ['pci-stub'];

/**
 * May user space have the group, as far as this member goes? It is on its way out of VFIO, has no
 * driver, a driver or a header type that does no DMA, or is VFIO's own.
 *
 * Kernel: drivers/vfio/vfio.c:vfio_dev_viable and vfio_dev_driver_allowed, v5.15.
 * Leaves out: nothing.
 *
 * @returns 0 or -EINVAL.
 */
function vfio_dev_viable(k: Kernel, dev: string, group: ReadVfioGroup): number {
  const { driver, spec } = deviceOf(k, dev);
  const isExcused = group.unbound_list.includes(dev) || driver === null;
  const isHarmless = ALLOWED_DRIVERS.includes(driver ?? '') || (spec.pci?.header ?? 0) !== 0;
  return isExcused || isHarmless || group.devices.includes(dev) ? 0 : -EINVAL;
}

/**
 * Are all members of the group viable?
 *
 * Kernel: drivers/vfio/vfio.c:vfio_group_viable, v5.15.
 * Leaves out: nothing.
 */
export function vfio_group_viable(k: Kernel, group: ReadVfioGroup): boolean {
  if (group.iommu_group === null) return true;
  const members = groupById(k, group.iommu_group).devices;
  return members.every((dev) => vfio_dev_viable(k, dev, group) === 0);
}

type Action = 'added' | 'bound' | 'unbound';

/** The VFIO group that listens to what happens in the device's IOMMU group; undefined for none. */
function listener(k: Kernel, dev: string): ReadVfioGroup | undefined {
  if (k.has('iommu_no_group_notifier') || k.has('vfio_no_group_notifier')) return undefined;
  const id = deviceOf(k, dev).iommu_group;
  const groups = Object.values(k.state.vfio.groups);
  return id === null ? undefined : groups.find(({ iommu_group }) => iommu_group === id);
}

/**
 * Tells VFIO that a device joined its group, or that a driver was bound to it or left it.
 *
 * Kernel: the calls of a group's chain of notifiers in drivers/iommu/iommu.c:iommu_bus_notifier and
 * iommu_group_add_device, v5.15.
 * Leaves out: listeners other than VFIO; drivers about to come or go, to which VFIO does nothing.
 */
export function* notifyGroup(k: Kernel, action: Action, dev: string): Path<void> {
  if (listener(k, dev) !== undefined) yield* vfio_iommu_group_notifier(k, action, dev);
  else if (action === 'unbound') yield* forgetUnbound(k, dev);
}

const FILE = 'drivers/vfio/vfio.c';

/**
 * A group in use must stay viable: a kernel driver that has come is too late to refuse.
 *
 * Kernel: drivers/vfio/vfio.c:vfio_iommu_group_notifier, v5.15.
 * Leaves out: nothing.
 */
const vfio_iommu_group_notifier = path(
  'vfio_iommu_group_notifier',
  function* (k, action: Action, dev: string): Path<void> {
    const group = listener(k, dev);
    if (group === undefined) return;
    const { iommu_group, container } = group;
    const what = (rest: string) => `vfio_iommu_group_notifier: group ${iommu_group} ${rest}`;
    if (action === 'added') {
      if (container === null) return;
      const text = `Device added to live group ${iommu_group}!`;
      yield dev_printk(k, 'warn', dev, text);
      yield { type: 'kernel.warned', at: 'vfio_group_nb_add_dev', what: `${dev}: ${text}` };
    } else if (action === 'unbound') {
      yield* dev_dbg(k, FILE, dev, what('unbound from driver'));
      yield* forgetUnbound(k, dev);
    } else {
      const { driver } = deviceOf(k, dev);
      yield* dev_dbg(k, FILE, dev, what(`bound to driver ${driver}`));
      if (container === null || vfio_dev_viable(k, dev, group) === 0) return;
      const text = `BUG_ON: ${dev} is bound to ${driver} in VFIO group ${group.name}, which is in use`;
      yield { type: 'kernel.oopsed', at: 'vfio_iommu_group_notifier', what: text };
    }
  },
);

/** The driver is gone: nothing is left to excuse. */
function* forgetUnbound(k: Kernel, dev: string): Path<void> {
  for (const group of Object.values(k.state.vfio.groups))
    if (group.unbound_list.includes(dev))
      yield { type: 'vfio.unbound_removed', dev, group: group.name };
}
