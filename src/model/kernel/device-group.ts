/** Which group a device belongs to, by kind of IOMMU driver. Kernel: drivers/iommu/iommu.c, v6.1. */
import type { Kernel } from '../context.ts';
import { EINVAL } from '../errno.ts';
import { entryOf, overlaps } from '../hardware/streams.ts';
import { deviceOf } from '../lookup.ts';
import { type Path, path } from '../path.ts';
import type { ReadDevice } from '../state/state.ts';
import { iommu_group_alloc } from './iommu-group.ts';
import { pci_device_group } from './pci-group.ts';

/**
 * A device that shares its group with nobody.
 *
 * Kernel: drivers/iommu/iommu.c:generic_device_group, v6.1.
 * Leaves out: nothing.
 */
const generic_device_group = path('generic_device_group', iommu_group_alloc);

/** Is the device a container of the fsl-mc bus? Kernel: include/linux/fsl/mc.h, v6.1. */
const is_fsl_mc_bus_dprc = ({ bus, name }: ReadDevice): boolean =>
  bus === 'fsl-mc' && name.startsWith('dprc.');

/**
 * The group of the container that a device of the fsl-mc bus is in: all of them speak under one id.
 *
 * Kernel: drivers/iommu/iommu.c:fsl_mc_device_group, v6.1.
 * Leaves out: nothing.
 */
const fsl_mc_device_group = path('fsl_mc_device_group', function* (k, dev: string): Path<number> {
  const device = deviceOf(k, dev);
  const container = is_fsl_mc_bus_dprc(device) ? dev : (device.parent ?? dev);
  return k.state.devices[container]?.iommu_group ?? (yield* iommu_group_alloc(k, dev));
});

/**
 * The group by the bus of the device.
 *
 * Kernel: arm_smmu_device_group of drivers/iommu/arm/arm-smmu-v3/arm-smmu-v3.c, and
 * viommu_device_group of drivers/iommu/virtio-iommu.c, which knows no fsl-mc bus, v6.1.
 * Leaves out: nothing.
 */
export const groupByBus = path('device_group', function* (k, dev: string): Path<number> {
  switch (deviceOf(k, dev).bus) {
    case 'pci':
      return yield* pci_device_group(k, dev);
    case 'fsl-mc':
      return yield* fsl_mc_device_group(k, dev);
    default:
      return yield* generic_device_group(k, dev);
  }
});

/**
 * The group that the stream mapping entries of a device remember, else the one by its bus. An entry
 * remembers while a device uses it, so that devices which share a stream share a group.
 *
 * Kernel: drivers/iommu/arm/arm-smmu/arm-smmu.c:arm_smmu_device_group, v6.1. What counts is the
 * entry of the last id; an earlier one only speaks against it.
 * Leaves out: nothing.
 *
 * @returns -EINVAL when two entries remember different groups.
 */
export const arm_smmu_device_group = path(
  'arm_smmu_device_group',
  function* (k, dev: string): Path<number> {
    let group: number | null = null;
    for (const id of deviceOf(k, dev).fwspec?.ids ?? []) {
      const remembered = groupOfStream(k, dev, id);
      if (group !== null && remembered !== null && remembered !== group) return -EINVAL;
      group = remembered;
    }
    return group ?? (yield* groupByBus(k, dev));
  },
);

/**
 * The group of the other devices that use a stream id on the IOMMU of `dev`, or one that the same entry
 * takes in.
 */
function groupOfStream(k: Kernel, dev: string, id: number): number | null {
  const own = deviceOf(k, dev).fwspec?.iommu ?? '';
  const entry = entryOf(k, own, id);
  const isSame = (other: number): boolean =>
    other === id || (entry !== undefined && overlaps(entry, other, 0));
  const holder = Object.values(k.state.devices).find(
    ({ name, iommu, fwspec }) => name !== dev && iommu === own && fwspec?.ids.some(isSame) === true,
  );
  return holder?.iommu_group ?? null;
}
