/** IOMMUs coming and going. Kernel: drivers/iommu/iommu.c, v6.1 unless said. */
import type { Kernel } from '../context.ts';
import { EBUSY, EINVAL } from '../errno.ts';
import { groupOf } from '../lookup.ts';
import { groupMutex, locked, type Path, path } from '../path.ts';
import type { ReadGroup } from '../state/state.ts';
import type { OptionName } from '../versions/option-table.ts';
import { attachDefaultDomain } from './default-domain.ts';
import { iommu_release_device, probe_finalize, probe_iommu_group } from './iommu.ts';
import { placeOf } from './iommu-ops.ts';

/** iommu_buses[], in its order, with the option that puts a bus there. */
const IOMMU_BUSES: readonly (readonly [bus: string, option: OptionName | null])[] = [
  ['platform', null],
  ['pci', null],
  ['amba', 'ARM_AMBA'],
  ['fsl-mc', 'FSL_MC_BUS'],
  ['host1x-context', 'TEGRA_HOST1X_CONTEXT_BUS'],
];

/**
 * The buses on the core's list; one without its option in the configuration is, once it is used.
 *
 * Kernel: drivers/iommu/iommu.c:iommu_buses, v6.1.
 * Leaves out: the cdx bus.
 */
export function iommuBuses(k: Kernel): readonly string[] {
  const listed = IOMMU_BUSES.filter(
    ([bus, option]) =>
      option === null || k.config(option) === 'y' || k.state.buses[bus] !== undefined,
  );
  return listed.map(([bus]) => bus);
}

/**
 * An IOMMU is ready: every bus is searched for devices it translates for. Without
 * register_scans_buses it is put on the list, and its driver sets the ops of the buses.
 *
 * Kernel: drivers/iommu/iommu.c:iommu_device_register, v6.1; several drivers with bus_ops_retired.
 * Leaves out: nothing.
 *
 * @returns 0; -EINVAL for ops of a module that nobody could pin; -EBUSY when another driver's ops are
 * installed, also those of an unloaded one; or the error of a device that failed its IOMMU probe.
 */
export const iommu_device_register = path(
  'iommu_device_register',
  function* (k, iommu: string, ops: string, fwnode: boolean): Path<number> {
    const own = k.ops.iommu(ops);
    const at = placeOf(k, own);
    const registered = { type: 'iommu.registered', iommu, ops, fwnode, at } as const;
    if (!k.has('register_scans_buses')) {
      yield registered;
      return 0;
    }
    if (at !== null && own !== null && !own.owned(k)) {
      const what = `the ops of ${ops} are in a module and have no owner`;
      yield { type: 'kernel.warned', at: 'iommu_device_register', what };
      return -EINVAL;
    }
    if (!k.has('bus_ops_retired') && isTaken(k, ops, at)) return -EBUSY;
    yield registered;
    for (const bus of iommuBuses(k)) {
      if (!k.has('bus_ops_retired')) yield { type: 'bus.iommu_ops', bus, ops, at };
      const ret = yield* bus_iommu_probe(k, bus);
      if (ret !== 0) {
        yield* iommu_device_unregister(k, iommu);
        return ret;
      }
    }
    if (k.has('iommu_ready_flag')) yield { type: 'iommu.ready', iommu };
    return 0;
  },
);

/** Has the first bus other ops, if only because the module lay elsewhere then? */
function isTaken(k: Kernel, ops: string, at: number | null): boolean {
  const { iommu_ops = null, iommu_ops_at = null } = k.state.buses['platform'] ?? {};
  return iommu_ops !== null && (iommu_ops !== ops || iommu_ops_at !== at);
}

/**
 * Probes every device of a bus, then gives the new groups their default domains.
 *
 * Kernel: drivers/iommu/iommu.c:bus_iommu_probe, v6.1.
 * Leaves out: nothing.
 *
 * @returns 0, or the first error other than -ENODEV.
 */
export const bus_iommu_probe = path('bus_iommu_probe', function* (k, bus: string): Path<number> {
  const found: string[] = [];
  for (const dev of k.state.buses[bus]?.devices.slice() ?? []) {
    const before = k.state.devices[dev]?.iommu_group;
    // It went while another device was asked: the list of the bus passes it over.
    if (before === undefined) continue;
    const ret = yield* probe_iommu_group(k, dev);
    if (ret !== 0) return ret;
    const group = groupOf(k, dev);
    if (before !== null || group === undefined) continue;
    const attached = yield* attachLate(k, group, dev);
    if (attached !== 0) return attached;
    found.push(dev);
  }
  for (const { id, default_domain } of Object.values(k.state.groups)) {
    if (default_domain !== null) continue;
    const ret = yield* locked(groupMutex(id), attachDefaultDomain(k, id, null));
    if (ret !== 0) return ret;
  }
  if (k.has('ipmmu_probe_finalize')) for (const dev of found) yield* probe_finalize(k, dev);
  return 0;
});

/** A device that a search puts into a group with a default domain is attached as it joins. */
function* attachLate(k: Kernel, { id, default_domain }: ReadGroup, dev: string): Path<number> {
  if (default_domain === null || !k.has('direct_before_attach')) return 0;
  const attached = yield* locked(groupMutex(id), attachDefaultDomain(k, id, dev));
  if (attached !== 0 && groupOf(k, dev)?.id === id) yield* iommu_release_device(k, dev);
  return attached;
}

/**
 * An IOMMU goes: the devices it translates for leave their groups. bus->iommu_ops stays. Without
 * register_scans_buses it is taken off the list, and that is all.
 *
 * Kernel: drivers/iommu/iommu.c:iommu_device_unregister, v6.1.
 * Leaves out: the sysfs device of the IOMMU.
 */
export const iommu_device_unregister = path(
  'iommu_device_unregister',
  function* (k, iommu: string): Path<void> {
    for (const bus of k.has('register_scans_buses') ? iommuBuses(k) : [])
      for (const dev of k.state.buses[bus]?.devices.slice() ?? [])
        if (k.state.devices[dev]?.iommu === iommu) yield* iommu_release_device(k, dev);
    yield { type: 'iommu.unregistered', iommu };
  },
);
