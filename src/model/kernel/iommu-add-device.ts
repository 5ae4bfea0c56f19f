/**
 * Devices meeting their IOMMU when its driver did all of it: add_device and remove_device.
 *
 * Kernel: drivers/iommu/iommu.c with the add_device and remove_device of its drivers, v5.4.
 */
import type { Kernel } from '../context.ts';
import { EINVAL } from '../errno.ts';
import { deviceOf, groupById } from '../lookup.ts';
import { type Path, path } from '../path.ts';
import { dev_printk } from '../printk.ts';
import { attachDefaultDomain } from './default-domain.ts';
import {
  iommu_group_add_device,
  iommu_group_put,
  iommu_group_remove_device,
} from './iommu-group.ts';
import {
  busOpsGone,
  dev_iommu_ops,
  keepModule,
  module_put,
  opsFor,
  try_module_get,
} from './iommu-ops.ts';
import { attachToDefault } from './set-domain.ts';

/**
 * The IOMMU driver takes the device, finds its group, and gives a new group its default domain
 * before the device joins it. A device that it refuses keeps what firmware said of it.
 *
 * Kernel: ops->add_device as arm_smmu_add_device and viommu_add_device have it, and
 * drivers/iommu/iommu.c:iommu_group_get_for_dev, v5.4.
 * Leaves out: sysfs links, allocation failures.
 *
 * @returns 0; -EINVAL on a bus without ops, or when the IOMMU's module is going; or what the driver
 * returned.
 */
export const add_device = path('add_device', function* (k, dev: string): Path<number> {
  if (deviceOf(k, dev).iommu_group !== null) {
    const what = `${dev} is in group ${deviceOf(k, dev).iommu_group} already`;
    yield { type: 'kernel.warned', at: 'iommu_probe_device', what };
    return 0;
  }
  const name = opsFor(k, dev);
  const ops = name === null ? null : k.ops.iommu(name);
  if (ops === null) return -EINVAL;
  const gone = busOpsGone(k, deviceOf(k, dev).bus);
  if (gone !== null) {
    const what = `bus->iommu_ops points to where ${gone} was`;
    yield { type: 'kernel.oopsed', at: 'iommu_probe_device', what };
    return -EINVAL;
  }
  if (!try_module_get(k, ops)) return -EINVAL;
  const found = yield* ops.probe_device(k, dev);
  if (typeof found === 'number') return found;
  yield* keepModule(k, ops, dev);
  yield { type: 'iommu.device_probed', dev, iommu: found };
  const group = yield* ops.device_group(k, dev);
  if (group < 0) {
    yield* ops.release_device?.(k, dev) ?? [];
    yield { type: 'iommu.device_released', dev };
    yield* module_put(k, name, dev);
    return group;
  }
  yield* attachDefaultDomain(k, group, dev);
  yield* iommu_group_add_device(k, group, dev);
  const { default_domain, owner } = groupById(k, group);
  if (default_domain !== null && owner === null) {
    const ret = yield* attachToDefault(k, group, default_domain, dev);
    if (ret !== 0) return yield* giveUp(k, dev, group, name, ret);
  }
  yield* ops.probe_finalize?.(k, dev) ?? [];
  return 0;
});

/** The group's domain does not take the device: it leaves again. */
function* giveUp(
  k: Kernel,
  dev: string,
  group: number,
  ops: string | null,
  ret: number,
): Path<number> {
  yield dev_printk(k, 'err', dev, `Failed to add to iommu group ${group}: ${ret}`);
  yield { type: 'group.left', dev, group };
  yield* iommu_group_put(k, group);
  yield* dev_iommu_ops(k, dev)?.release_device?.(k, dev) ?? [];
  yield { type: 'iommu.device_released', dev };
  yield* module_put(k, ops, dev);
  return ret;
}

/**
 * The IOMMU driver lets the device go. One that is in no group is not its business.
 *
 * Kernel: drivers/iommu/iommu.c:iommu_release_device with ops->remove_device, v5.4.
 * Leaves out: sysfs links.
 */
export const remove_device = path('remove_device', function* (k, dev: string): Path<void> {
  const { bus, iommu_group, iommu_ops } = deviceOf(k, dev);
  if (iommu_group === null) return;
  const what = whyNoOps(k, bus);
  if (what !== null) {
    yield { type: 'kernel.oopsed', at: 'iommu_release_device', what };
    return;
  }
  yield* dev_iommu_ops(k, dev)?.release_device?.(k, dev) ?? [];
  yield* iommu_group_remove_device(k, dev);
  yield { type: 'iommu.device_released', dev };
  yield* module_put(k, iommu_ops, dev);
  yield { type: 'dev_iommu.freed', dev };
});

/**
 * What goes wrong where the ops of a bus are called for a device that was probed through them; null
 * when nothing does.
 *
 * Kernel: bus->iommu_ops in iommu_release_device, v5.4 to v6.0.
 * Leaves out: nothing.
 */
export function whyNoOps(k: Kernel, bus: string): string | null {
  if ((k.state.buses[bus]?.iommu_ops ?? null) === null)
    return 'NULL pointer dereference: bus->iommu_ops was cleared';
  const gone = busOpsGone(k, bus);
  return gone === null ? null : `bus->iommu_ops points to where ${gone} was`;
}
