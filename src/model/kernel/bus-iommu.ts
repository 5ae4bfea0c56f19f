/**
 * The IOMMU ops of buses, and how the IOMMU core hears of devices.
 *
 * Kernel: drivers/iommu/iommu.c, v5.4 to v6.0: bus_set_iommu, iommu_bus_init, iommu_bus_notifier.
 */
import type { Kernel } from '../context.ts';
import { EBUSY, EINVAL, ENODEV } from '../errno.ts';
import { type Path, path } from '../path.ts';
import { iommu_probe_device, iommu_release_device } from './iommu.ts';
import { placeOf } from './iommu-ops.ts';
import { bus_iommu_probe, iommuBuses } from './iommu-register.ts';

/**
 * Has the bus an IOMMU driver?
 *
 * Kernel: drivers/iommu/iommu.c:iommu_present, v6.0.
 * Leaves out: nothing.
 */
export function iommu_present(k: Kernel, bus: string): boolean {
  return (k.state.buses[bus]?.iommu_ops ?? null) !== null;
}

/** Are these the ops of the bus, at the place where their module lies now? */
function areOwn(k: Kernel, bus: string, ops: string): boolean {
  const found = k.state.buses[bus];
  return found?.iommu_ops === ops && found.iommu_ops_at === placeOf(k, k.ops.iommu(ops));
}

/**
 * Gives a bus its IOMMU driver, searches it for devices, and hears of its devices from then on; or,
 * with bus_ops_unset, takes the driver away, which nobody is told.
 *
 * Kernel: drivers/iommu/iommu.c:bus_set_iommu and iommu_bus_init, v6.0; bus_unset_iommu_jpb counts.
 * Leaves out: a second notifier of a bus that was unset and set again.
 *
 * @returns 0; -EBUSY for a bus that has ops; or the error of a device, after which the bus has none.
 */
export const bus_set_iommu = path(
  'bus_set_iommu',
  function* (k, bus: string, ops: string | null): Path<number> {
    const counts = k.has('bus_unset_iommu_jpb');
    if (counts && ops !== null && areOwn(k, bus, ops)) {
      const refs = (k.state.buses[bus]?.iommu_notifier ?? 0) + 1;
      yield { type: 'bus.iommu_notifier', bus, refs };
      return 0;
    }
    if (ops === null && k.has('bus_ops_unset')) {
      yield { type: 'bus.iommu_ops', bus, ops, at: null };
      return 0;
    }
    if (iommu_present(k, bus) || ops === null) return -EBUSY;
    const at = placeOf(k, k.ops.iommu(ops));
    yield { type: 'bus.iommu_ops', bus, ops, at };
    yield { type: 'bus.iommu_notifier', bus, refs: 1 };
    const ret = k.has('probe_phases')
      ? yield* bus_iommu_probe(k, bus)
      : yield* add_iommu_groups(k, bus);
    if (ret !== 0) yield* clearBus(k, bus);
    return ret;
  },
);

/** Everything that iommu_bus_init did is undone, for all devices of the bus. */
function* clearBus(k: Kernel, bus: string): Path<void> {
  for (const dev of k.state.buses[bus]?.devices.slice() ?? []) yield* iommu_release_device(k, dev);
  yield { type: 'bus.iommu_notifier', bus, refs: 0 };
  yield { type: 'bus.iommu_ops', bus, ops: null, at: null };
}

/**
 * Every device of a bus is added by itself.
 *
 * Kernel: drivers/iommu/iommu.c:add_iommu_group, v5.4.
 * Leaves out: nothing.
 *
 * @returns 0, or the first error other than -ENODEV.
 */
const add_iommu_groups = path('add_iommu_group', function* (k, bus: string): Path<number> {
  for (const dev of k.state.buses[bus]?.devices.slice() ?? []) {
    const ret = yield* iommu_probe_device(k, dev);
    if (ret !== 0 && ret !== -ENODEV) return ret;
  }
  return 0;
});

/**
 * One user of a bus's ops less. With the last one all devices of the bus leave their groups, whichever
 * instance translates for them.
 *
 * Kernel: none: bus_unset_iommu and iommu_bus_remove of the proposal bus_unset_iommu_jpb.
 * Leaves out: nothing.
 *
 * @returns 0, or -EINVAL when the bus has other ops.
 */
export const bus_unset_iommu = path(
  'bus_unset_iommu',
  function* (k, bus: string, ops: string): Path<number> {
    if (!areOwn(k, bus, ops)) return -EINVAL;
    const refs = (k.state.buses[bus]?.iommu_notifier ?? 0) - 1;
    if (refs > 0) yield { type: 'bus.iommu_notifier', bus, refs };
    else yield* clearBus(k, bus);
    return 0;
  },
);

/** Does the IOMMU core hear of the devices of the bus? */
function isHeard(k: Kernel, bus: string): boolean {
  if (!k.ops.bus(bus).iommu) return false;
  return k.has('always_bus_notifier') || (k.state.buses[bus]?.iommu_notifier ?? 0) > 0;
}

/**
 * A device was added to its bus, or is gone from it.
 *
 * Kernel: drivers/iommu/iommu.c:iommu_bus_notifier, v6.1. What it tells a group's listeners of
 * drivers that come and go, up to v5.15, is notifyGroup.
 * Leaves out: nothing.
 */
export const iommu_bus_notifier = path(
  'iommu_bus_notifier',
  function* (
    k,
    action: 'BUS_NOTIFY_ADD_DEVICE' | 'BUS_NOTIFY_REMOVED_DEVICE',
    bus: string,
    dev: string,
  ): Path<void> {
    if (!isHeard(k, bus)) return;
    if (action === 'BUS_NOTIFY_ADD_DEVICE') yield* iommu_probe_device(k, dev);
    else yield* iommu_release_device(k, dev);
  },
);

/** How a driver goes about the ops of its buses. */
export interface BusHabits {
  readonly ops: string;
  /** In the order in which it sets them. */
  readonly buses: readonly string[];
  /** It leaves alone a bus that has any ops; else only one that has its own. */
  readonly asksIfPresent: boolean;
  readonly onError: 'ignore' | 'return' | 'unset';
}

/**
 * An IOMMU driver sets the ops of its buses.
 *
 * Kernel: drivers/iommu/arm/arm-smmu/arm-smmu.c:arm_smmu_bus_init, arm-smmu-v3.c:arm_smmu_set_bus_ops,
 * drivers/iommu/virtio-iommu.c:viommu_probe, v6.0.
 * Leaves out: nothing.
 *
 * @returns 0, or the error of bus_set_iommu where the driver does not ignore it.
 */
export function* setBusOps(k: Kernel, habits: BusHabits): Path<number> {
  const { ops, buses, asksIfPresent, onError } = habits;
  const there = iommuBuses(k);
  const set: string[] = [];
  for (const bus of buses.filter((one) => there.includes(one))) {
    if (asksIfPresent ? iommu_present(k, bus) : areOwn(k, bus, ops)) continue;
    const ret = yield* bus_set_iommu(k, bus, ops);
    set.push(bus);
    if (ret === 0 || onError === 'ignore') continue;
    if (onError === 'unset')
      for (const other of set.toReversed()) yield* bus_set_iommu(k, other, null);
    return ret;
  }
  return 0;
}

/**
 * An IOMMU driver that goes takes its ops off its buses, as far as the kernel lets it.
 *
 * Kernel: arm_smmu_bus_init(NULL) and arm_smmu_set_bus_ops(NULL), v6.0; bus_unset_iommu with
 * bus_unset_iommu_jpb.
 * Leaves out: nothing.
 */
export function* unsetBusOps(k: Kernel, { ops, buses }: BusHabits): Path<void> {
  const there = iommuBuses(k);
  for (const bus of buses.filter((one) => there.includes(one)))
    if (k.has('bus_unset_iommu_jpb')) yield* bus_unset_iommu(k, bus, ops);
    else yield* bus_set_iommu(k, bus, null);
}
