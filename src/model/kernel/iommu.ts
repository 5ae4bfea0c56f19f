/** Devices meeting their IOMMU. Kernel: drivers/iommu/iommu.c, v6.1 unless said. */
import type { Kernel } from '../context.ts';
import { EEXIST, EINVAL, ENODEV } from '../errno.ts';
import { deviceOf, groupOf } from '../lookup.ts';
import { groupMutex, locked, type Path, path } from '../path.ts';
import { dev_printk } from '../printk.ts';
import type { ReadDevice } from '../state/state.ts';
import { attachDefaultDomain } from './default-domain.ts';
import { add_device, remove_device, whyNoOps } from './iommu-add-device.ts';
import {
  iommu_group_add_device,
  iommu_group_put,
  iommu_group_remove_device,
} from './iommu-group.ts';
import {
  busOpsGone,
  dev_iommu_ops,
  deviceOpsGone,
  instanceOf,
  keepModule,
  module_put,
  opsFor,
  try_module_get,
} from './iommu-ops.ts';

/**
 * The global lock around probing devices and registering IOMMUs.
 *
 * Kernel: drivers/iommu/iommu.c:iommu_probe_device_lock, v6.1.
 * Leaves out: nothing.
 */
const IOMMU_PROBE_DEVICE_LOCK = 'iommu_probe_device_lock';

/**
 * Runs `inner` under the global lock, in kernels in which every registration searches the buses.
 *
 * Kernel: drivers/iommu/iommu.c, v6.1.y; with probe_lock drivers/iommu/of_iommu.c and
 * drivers/acpi/scan.c too.
 * Leaves out: the releases before 6.1.y and 6.2 without it.
 */
export function probeLocked<R>(k: Kernel, inner: Path<R>): Path<R> {
  return k.has('register_scans_buses') ? locked(IOMMU_PROBE_DEVICE_LOCK, inner) : inner;
}

/**
 * Finds the IOMMU of `dev`, and its group.
 *
 * Kernel: drivers/iommu/iommu.c:__iommu_probe_device, v6.1; with bus_ops_retired the ops come from
 * the fwspec.
 * Leaves out: allocation failures, sysfs links, what a search does with a device that goes under its hands.
 *
 * @returns 0; -ENODEV without an IOMMU for it; -EINVAL when the IOMMU's module is going; or what the
 * IOMMU driver returned.
 */
const __iommu_probe_device = path('__iommu_probe_device', function* (k, dev: string): Path<number> {
  // It went while the global lock was waited for.
  if (k.state.devices[dev] === undefined) return -ENODEV;
  if (k.has('fw_parse_at_add')) {
    if (deviceOf(k, dev).iommu_group !== null) return 0;
    if (!(yield* parseFirmware(k, dev))) return -ENODEV;
  }
  const name = opsFor(k, dev);
  const ops = name === null ? null : k.ops.iommu(name);
  if (ops === null) {
    if (deviceOf(k, dev).dev_iommu && k.has('fw_parse_at_add'))
      yield { type: 'dev_iommu.freed', dev };
    return -ENODEV;
  }
  if (deviceOf(k, dev).iommu_group !== null) return 0;
  if (!deviceOf(k, dev).dev_iommu) yield { type: 'dev_iommu.allocated', dev };
  const gone = busOpsGone(k, deviceOf(k, dev).bus);
  if (gone !== null) {
    const what = `bus->iommu_ops points to where ${gone} was`;
    yield { type: 'kernel.oopsed', at: '__iommu_probe_device', what };
    return -ENODEV;
  }
  const found = try_module_get(k, ops) ? yield* ops.probe_device(k, dev) : -EINVAL;
  if (typeof found === 'number') {
    yield { type: 'dev_iommu.freed', dev };
    return found;
  }
  yield* keepModule(k, ops, dev);
  yield { type: 'iommu.device_probed', dev, iommu: found };
  const group = yield* ops.device_group(k, dev);
  if (group < 0) {
    yield* ops.release_device?.(k, dev) ?? [];
    yield* forgetIommu(k, dev, name);
    return group;
  }
  if (deviceOf(k, dev).iommu_group !== null) {
    // Only without probe_lock: another task was faster.
    yield* iommu_group_put(k, group);
    yield* forgetIommu(k, dev, name);
    return -EEXIST;
  }
  yield* iommu_group_add_device(k, group, dev);
  // What add_device did last; the split into probe_device and probe_finalize moved it.
  if (!k.has('ipmmu_probe_finalize')) yield* probe_finalize(k, dev);
  if (k.has('fw_parse_at_add') && deviceOf(k, dev).driver !== null) yield* warnLate(k, dev);
  return 0;
});

/**
 * The IOMMU driver's last word on a new device.
 *
 * Kernel: drivers/iommu/iommu.c:iommu_probe_device and bus_iommu_probe, v6.1: ops->probe_finalize.
 * Leaves out: nothing.
 */
export function* probe_finalize(k: Kernel, dev: string): Path<void> {
  yield* dev_iommu_ops(k, dev)?.probe_finalize?.(k, dev) ?? [];
}

/** By now the device should have met its IOMMU when it was added, or when the IOMMU came. */
function* warnLate(k: Kernel, dev: string): Path<void> {
  const what = 'late IOMMU probe at driver bind, something fishy here!';
  yield dev_printk(k, 'warn', dev, what);
  yield { type: 'kernel.warned', at: '__iommu_probe_device', what: `${dev}: ${what}` };
}

/**
 * Firmware is asked for the device's IOMMU now, without waiting for a driver to bind. A device with
 * a driver was asked about when it was bound.
 *
 * Kernel: drivers/iommu/iommu.c:iommu_init_device with fw_parse_at_add, as of v7.2.
 * Leaves out: that the global lock is dropped meanwhile.
 *
 * @returns false when another task finished the job meanwhile.
 */
function* parseFirmware(k: Kernel, dev: string): Path<boolean> {
  if (!deviceOf(k, dev).dev_iommu) yield { type: 'dev_iommu.allocated', dev };
  const { driver, fwspec, bus } = deviceOf(k, dev);
  const { dma_configure } = k.ops.bus(bus);
  if (driver !== null || fwspec !== null || dma_configure === undefined) return true;
  yield* dma_configure(k, dev);
  const { dev_iommu, iommu_group } = deviceOf(k, dev);
  return dev_iommu && iommu_group === null;
}

function* forgetIommu(k: Kernel, dev: string, ops: string | null): Path<void> {
  yield { type: 'iommu.device_released', dev };
  yield* module_put(k, ops, dev);
  yield { type: 'dev_iommu.freed', dev };
}

/**
 * A device of a scan: probed under the lock, without a default domain yet.
 *
 * Kernel: drivers/iommu/iommu.c:probe_iommu_group, v6.1.
 * Leaves out: nothing.
 *
 * @returns 0, also for a device without an IOMMU or in a group; or a negative errno.
 */
export function* probe_iommu_group(k: Kernel, dev: string): Path<number> {
  if (deviceOf(k, dev).iommu_group !== null) return 0;
  const ret = yield* probeLocked(k, __iommu_probe_device(k, dev));
  return ret === -ENODEV ? 0 : ret;
}

/**
 * Offers `dev` to the IOMMU core by itself: at device_add, or when firmware told of its IOMMU.
 *
 * Kernel: drivers/iommu/iommu.c:iommu_probe_device, v6.1; with iommu_probe_rework all of it is under
 * the global lock; without probe_phases the driver's add_device does it.
 * Leaves out: nothing.
 *
 * @returns 0 or a negative errno.
 */
export const iommu_probe_device: (k: Kernel, dev: string) => Path<number> = path(
  'iommu_probe_device',
  function* (k, dev: string): Path<number> {
    if (!k.has('probe_phases')) return yield* add_device(k, dev);
    const inOne = k.has('iommu_probe_rework');
    const met = inOne ? probeAndAttach(k, dev) : __iommu_probe_device(k, dev);
    const ret = yield* probeLocked(k, met);
    if (ret !== 0) return ret;
    const attached = inOne ? 0 : yield* attachOne(k, dev);
    if (attached !== 0) return attached;
    // An IOMMU that unregisters meanwhile may have taken the device out again.
    const isIn = groupOf(k, dev) !== undefined;
    if (isIn && k.has('ipmmu_probe_finalize')) yield* probe_finalize(k, dev);
    return 0;
  },
);

function* probeAndAttach(k: Kernel, dev: string): Path<number> {
  const ret = yield* __iommu_probe_device(k, dev);
  return ret === 0 ? yield* attachOne(k, dev) : ret;
}

/** The group of a device that joined it by itself gets its default domain; where it cannot, the device goes. */
function* attachOne(k: Kernel, dev: string): Path<number> {
  const group = groupOf(k, dev);
  if (group === undefined) return -ENODEV;
  const attached = yield* locked(groupMutex(group.id), attachDefaultDomain(k, group.id, dev));
  if (k.state.devices[dev]?.iommu_group === group.id && attached !== 0)
    yield* iommu_release_device(k, dev);
  return attached;
}

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
    if (!k.has('probe_phases')) return yield* remove_device(k, dev);
    const device = deviceOf(k, dev);
    if (!device.dev_iommu) return;
    if (device.iommu === null && k.has('iommu_probe_rework')) {
      yield { type: 'dev_iommu.freed', dev };
      return;
    }
    const fault = whyReleaseFaults(k, device);
    if (fault !== null) {
      yield { type: 'kernel.oopsed', ...fault };
      return;
    }
    yield* dev_iommu_ops(k, dev)?.release_device?.(k, dev) ?? [];
    yield* iommu_group_remove_device(k, dev);
    yield* forgetIommu(k, dev, device.iommu_ops);
  },
);

/** The pointer that a release follows to nowhere: where, and which; null when all are good. */
function whyReleaseFaults(k: Kernel, device: ReadDevice): { at: string; what: string } | null {
  if (device.iommu === null) {
    const what = 'NULL pointer dereference: dev->iommu->iommu_dev was never set';
    return { at: 'iommu_release_device', what };
  }
  if (instanceOf(k, device.iommu)?.in_sysfs === false) {
    const what = `NULL pointer dereference: ${device.iommu} is no longer in sysfs`;
    return { at: 'iommu_device_unlink', what };
  }
  if (!k.has('register_scans_buses')) {
    const what = whyNoOps(k, device.bus);
    return what === null ? null : { at: 'iommu_release_device', what };
  }
  const gone = deviceOpsGone(k, device);
  if (gone === null) return null;
  const what = `dev->iommu->iommu_dev->ops points to where ${gone} was`;
  return { at: 'iommu_release_device', what };
}
