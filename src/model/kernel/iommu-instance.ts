/** An IOMMU driver looks for the IOMMU that firmware named to a device. */
import type { Kernel } from '../context.ts';
import { ENODEV, EPROBE_DEFER } from '../errno.ts';
import { deviceOf } from '../lookup.ts';
import { type Path, path } from '../path.ts';
import { dev_dbg } from '../printk.ts';
import { SMMUS } from './kconfig.ts';

/** The drivers that look among the devices that are bound to them. */
const SEARCHES = [...SMMUS, 'virtio_iommu'];

/** Does the driver find the IOMMU? Firmware names the device that it is bound to, or one above. */
function isFound(k: Kernel, drv: string, iommu: string): boolean {
  if (!SEARCHES.includes(drv)) return true;
  const mine = Object.values(k.state.devices).filter((d) => d.bound && d.driver === drv);
  if (mine.some(({ name, parent }) => name === iommu || parent === iommu)) return true;
  if (k.has('smmu_register_last')) return true;
  // Only arm-smmu gets its driver data after it has registered; the search on the bus came before.
  return k.has('fw_parse_at_add') && drv !== 'arm-smmu';
}

/**
 * What a device gets that asks for an IOMMU which is registered, but not yet found among the devices
 * of its driver: a driver has a device once that is bound.
 *
 * Kernel: drivers/iommu/arm/arm-smmu/arm-smmu.c:arm_smmu_get_by_fwnode, which arm_smmu_probe_device
 * trusted before smmu_defer_unbound; arm-smmu-v3.c and virtio-iommu.c, which return -ENODEV, v6.1.
 * Leaves out: virtio-iommu's own patch, as if it had come with fw_parse_at_add.
 *
 * @returns 0 when it is found; else -EPROBE_DEFER, -ENODEV, or nothing because the kernel crashed.
 */
export const get_by_fwnode = path(
  'get_by_fwnode',
  function* (k, dev: string, drv: string, iommu: string): Path<number> {
    if (isFound(k, drv, iommu)) return 0;
    if (drv !== 'arm-smmu') return -ENODEV;
    if (k.has('smmu_defer_unbound')) {
      const reason = 'smmu dev has not bound yet';
      const { driver, bus } = deviceOf(k, dev);
      yield* dev_dbg(k, 'drivers/base/core.c', dev, `error -EPROBE_DEFER: ${reason}`);
      yield { type: 'deferred.reason', dev, reason: `${driver ?? bus}: ${reason}` };
      return -EPROBE_DEFER;
    }
    const what = `NULL pointer dereference: ${iommu} is registered, but has no driver data yet`;
    yield { type: 'kernel.oopsed', at: 'arm_smmu_probe_device', what };
    return -ENODEV;
  },
);
