/** Devices meeting their IOMMU. Kernel: drivers/iommu/iommu.c, v6.1 unless said. */
import type { IommuOps, Kernel } from '../context.ts';
import { EBUSY, ENODEV } from '../errno.ts';
import { deviceOf, groupById, groupOf } from '../lookup.ts';
import { groupMutex, locked, type Path, path } from '../path.ts';
import { dev_printk, dyndbg, pr_debug, printk } from '../printk.ts';
import type { OptionName } from '../versions/option-table.ts';
import { attachDefaultDomain } from './default-domain.ts';
import { iommu_bus_notifier } from './vfio-viable.ts';

const FILE = 'drivers/iommu/iommu.c';
/**
 * The global lock around probing devices and registering IOMMUs.
 *
 * Kernel: drivers/iommu/iommu.c:iommu_probe_device_lock, v6.1.
 * Leaves out: nothing.
 */
const IOMMU_PROBE_DEVICE_LOCK = 'iommu_probe_device_lock';
/** iommu_buses[], in its order, with the option that puts a bus there. */
const IOMMU_BUSES: readonly (readonly [bus: string, option: OptionName | null])[] = [
  ['platform', null],
  ['pci', null],
  ['amba', 'ARM_AMBA'],
  ['fsl-mc', 'FSL_MC_BUS'],
  ['host1x-context', 'TEGRA_HOST1X_CONTEXT_BUS'],
];

/** The buses on the core's list; one without its option in the configuration is, once it is used. */
function iommuBuses(k: Kernel): readonly string[] {
  const listed = IOMMU_BUSES.filter(
    ([bus, option]) =>
      option === null || k.config(option) === 'y' || k.state.buses[bus] !== undefined,
  );
  return listed.map(([bus]) => bus);
}

/** The name of the IOMMU driver whose ops the core would use for `dev`; null for none. */
function opsFor(k: Kernel, dev: string): string | null {
  const device = deviceOf(k, dev);
  if (!k.has('bus_ops_retired')) return k.state.buses[device.bus]?.iommu_ops ?? null;
  const wanted = device.fwspec?.iommu;
  const instance = k.state.iommus.find((i) =>
    wanted === undefined ? !i.fwnode : i.name === wanted,
  );
  return instance?.ops ?? null;
}

/** Where the module that holds the ops lies; null where it is none. */
function placeOf(k: Kernel, ops: IommuOps): number | null {
  return k.state.modules[ops.module]?.place ?? null;
}

/** Do the ops of a bus point into a module that was unloaded since? */
function areDangling(k: Kernel, bus: string, ops: IommuOps): boolean {
  if (k.has('bus_ops_retired')) return false;
  const at = k.state.buses[bus]?.iommu_ops_at ?? null;
  return at !== null && placeOf(k, ops) !== at;
}

/**
 * Finds the IOMMU of `dev`, and its group.
 *
 * Kernel: drivers/iommu/iommu.c:__iommu_probe_device, v6.1; with bus_ops_retired the ops come from
 * the fwspec.
 * Leaves out: allocation failures, sysfs links.
 *
 * @returns 0; -ENODEV without an IOMMU for it; -EINVAL when the IOMMU's module is going; or what the
 * IOMMU driver returned.
 */
const __iommu_probe_device = path('__iommu_probe_device', function* (k, dev: string): Path<number> {
  if (k.has('fw_parse_at_add')) yield* parseFirmware(k, dev);
  const name = opsFor(k, dev);
  if (name === null) return -ENODEV;
  const ops = k.ops.iommu(name);
  if (ops === null) return -ENODEV;
  if (deviceOf(k, dev).iommu_group !== null) return 0;
  if (!deviceOf(k, dev).dev_iommu) yield { type: 'dev_iommu.allocated', dev };
  if (areDangling(k, deviceOf(k, dev).bus, ops)) {
    const what = `bus->iommu_ops points to where ${ops.module} was`;
    yield { type: 'kernel.oopsed', at: '__iommu_probe_device', what };
    return -ENODEV;
  }
  const found = yield* ops.probe_device(k, dev);
  if (typeof found === 'number') {
    yield { type: 'dev_iommu.freed', dev };
    return found;
  }
  yield { type: 'module.got', module: ops.module, by: dev };
  yield { type: 'iommu.device_probed', dev, iommu: found };
  const group = yield* ops.device_group(k, dev);
  if (group < 0) {
    yield* forgetIommu(k, dev, ops.module);
    return group;
  }
  yield* iommu_group_add_device(k, group, dev);
  return 0;
});

/** Firmware is asked for the device's IOMMU now, without waiting for a driver to bind. */
function* parseFirmware(k: Kernel, dev: string): Path<void> {
  const { driver, fwspec, bus } = deviceOf(k, dev);
  const { dma_configure } = k.ops.bus(bus);
  if (driver === null && fwspec === null && dma_configure !== undefined)
    yield* dma_configure(k, dev);
}

function* forgetIommu(_k: Kernel, dev: string, module: string): Path<void> {
  yield { type: 'iommu.device_released', dev };
  yield { type: 'module.put', module, by: dev };
  yield { type: 'dev_iommu.freed', dev };
}

/**
 * Puts a device into a group.
 *
 * Kernel: drivers/iommu/iommu.c:iommu_group_add_device, v6.1.
 * Leaves out: sysfs, a failing attach to a domain that is already set.
 */
export const iommu_group_add_device = path(
  'iommu_group_add_device',
  function* (k, group: number, dev: string): Path<void> {
    yield { type: 'group.joined', dev, group };
    yield* iommu_bus_notifier(k, 'added', dev);
    yield dev_printk(k, 'info', dev, `Adding to iommu group ${group}`);
  },
);

/**
 * Offers `dev` to the IOMMU core by itself: at device_add, or when firmware told of its IOMMU.
 *
 * Kernel: drivers/iommu/iommu.c:iommu_probe_device, v6.1.
 * Leaves out: direct mappings, probe_finalize, a failing attach.
 *
 * @returns 0 or a negative errno.
 */
export const iommu_probe_device = path(
  'iommu_probe_device',
  function* (k, dev: string): Path<number> {
    const ret = yield* locked(IOMMU_PROBE_DEVICE_LOCK, __iommu_probe_device(k, dev));
    if (ret !== 0) return ret;
    const group = groupOf(k, dev);
    if (group === undefined) return -ENODEV;
    yield* locked(groupMutex(group.id), attachDefaultDomain(k, group.id));
    return 0;
  },
);

/**
 * A device leaves its IOMMU and its group.
 *
 * Kernel: drivers/iommu/iommu.c:iommu_release_device, v6.1; iommu_deinit_device and
 * __iommu_group_free_device with iommu_probe_rework.
 * Leaves out: sysfs links, release domains.
 */
export const iommu_release_device = path(
  'iommu_release_device',
  function* (k, dev: string): Path<void> {
    const device = deviceOf(k, dev);
    if (!device.dev_iommu) return;
    if (device.iommu === null) {
      if (k.has('iommu_probe_rework')) {
        yield { type: 'dev_iommu.freed', dev };
        return;
      }
      const what = 'NULL pointer dereference: dev->iommu->iommu_dev was never set';
      yield { type: 'kernel.oopsed', at: 'iommu_release_device', what };
      return;
    }
    const instance = k.state.iommus.find(({ name }) => name === device.iommu);
    const module = instance === undefined ? '' : (k.ops.iommu(instance.ops)?.module ?? '');
    if (instance?.in_sysfs === false) {
      const what = `NULL pointer dereference: ${instance.name} is no longer in sysfs`;
      yield { type: 'kernel.oopsed', at: 'iommu_device_unlink', what };
      return;
    }
    yield* leaveGroup(k, dev);
    yield* forgetIommu(k, dev, module);
  },
);

function* leaveGroup(k: Kernel, dev: string): Path<void> {
  const group = groupOf(k, dev);
  if (group === undefined) return;
  if (!k.has('iommu_probe_rework'))
    yield dev_printk(k, 'info', dev, `Removing from iommu group ${group.id}`);
  yield { type: 'group.left', dev, group: group.id };
  const left = groupById(k, group.id);
  if (left.devices.length > 0) return;
  if (k.has('iommu_probe_rework') && (left.owner_cnt > 0 || left.domain !== left.default_domain)) {
    const what = `owner_cnt is ${left.owner_cnt} as group ${group.id} loses its last device`;
    yield { type: 'kernel.warned', at: '__iommu_group_free_device', what };
  }
  if (dyndbg(k, FILE)) yield printk('debug', `iommu: Releasing group ${group.id}`);
  yield { type: 'group.freed', group: group.id };
}

/**
 * A new group under the lowest free number.
 *
 * Kernel: drivers/iommu/iommu.c:iommu_group_alloc, v6.1.
 * Leaves out: sysfs.
 */
export function* iommu_group_alloc(k: Kernel): Path<number> {
  let group = 0;
  while (k.state.groups[group] !== undefined) group += 1;
  yield { type: 'group.allocated', group };
  yield* pr_debug(k, FILE, `iommu: Allocated group ${group}`);
  return group;
}

/**
 * An IOMMU is ready: every bus is searched for devices it translates for.
 *
 * Kernel: drivers/iommu/iommu.c:iommu_device_register, v6.1; several drivers with bus_ops_retired.
 * Leaves out: modular ops without an owner.
 *
 * @returns 0; -EBUSY when another driver's ops are installed, also those of an unloaded one; or the
 * error of a device that failed its IOMMU probe.
 */
export const iommu_device_register = path(
  'iommu_device_register',
  function* (k, iommu: string, ops: string, fwnode: boolean): Path<number> {
    const installed = k.state.buses['platform'];
    const own = k.ops.iommu(ops);
    const at = own === null ? null : placeOf(k, own);
    if (!k.has('bus_ops_retired') && installed !== undefined && installed.iommu_ops !== null) {
      if (installed.iommu_ops !== ops || installed.iommu_ops_at !== at) return -EBUSY;
    }
    yield { type: 'iommu.registered', iommu, ops, fwnode };
    for (const bus of iommuBuses(k)) {
      if (!k.has('bus_ops_retired')) yield { type: 'bus.iommu_ops', bus, ops, at };
      const ret = yield* bus_iommu_probe(k, bus);
      if (ret !== 0) {
        yield* iommu_device_unregister(k, iommu);
        return ret;
      }
    }
    return 0;
  },
);

/**
 * Probes every device of a bus, then gives the new groups their default domains.
 *
 * Kernel: drivers/iommu/iommu.c:bus_iommu_probe, v6.1.
 * Leaves out: conflicts between the members' wishes, attach failures.
 *
 * @returns 0, or the first error other than -ENODEV.
 */
const bus_iommu_probe = path('bus_iommu_probe', function* (k, bus: string): Path<number> {
  for (const dev of k.state.buses[bus]?.devices.slice() ?? []) {
    if (deviceOf(k, dev).iommu_group !== null) continue;
    const ret = yield* locked(IOMMU_PROBE_DEVICE_LOCK, __iommu_probe_device(k, dev));
    if (ret !== 0 && ret !== -ENODEV) return ret;
  }
  for (const group of Object.values(k.state.groups))
    if (group.default_domain === null)
      yield* locked(groupMutex(group.id), attachDefaultDomain(k, group.id));
  return 0;
});

/**
 * An IOMMU goes: the devices it translates for leave their groups. bus->iommu_ops stays.
 *
 * Kernel: drivers/iommu/iommu.c:iommu_device_unregister, v6.1.
 * Leaves out: the sysfs device of the IOMMU.
 */
export const iommu_device_unregister = path(
  'iommu_device_unregister',
  function* (k, iommu: string): Path<void> {
    for (const bus of iommuBuses(k))
      for (const dev of k.state.buses[bus]?.devices.slice() ?? [])
        if (deviceOf(k, dev).iommu === iommu) yield* iommu_release_device(k, dev);
    yield { type: 'iommu.unregistered', iommu };
  },
);
