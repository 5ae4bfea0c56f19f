/** Where DMA goes on 32-bit Arm: operations and mappings. */
import type { Facts } from '../model/context.ts';
import { isArm } from '../model/kernel/arm-dma-mapping.ts';
import type { ReadDevice, ReadMapping } from '../model/state/state.ts';
import { devicesOf, type Invariant } from './invariant.ts';

const name = (subject: string): string => subject;

/** INV-OPS. */
export const dmaOps: Invariant = {
  id: 'dma_ops-fit-the-mapping',
  code: 'INV-OPS',
  harm: 'corruption',
  claim:
    'On 32-bit Arm a device has the DMA operations of its mapping, or those that its board gave it, ' +
    'and frees a buffer through those that it allocated it with.',
  subsystem: 'dma mapping',
  when: 'always',
  watches: ['dma_ops.torn_down', 'dma.configured'],
  subjects: (event, k) => (isArm(k) ? devicesOf(event, k) : []),
  name,
  suspects: [
    'arm_dont_teardown_third_party',
    'arm_teardown_reset_ops_v8',
    'arm_clear_ops_on_teardown',
    'devres_before_dma_teardown',
    'arm_dont_override_dma_ops',
    'arm_reset_ops_if_set_up',
  ],
  check(dev, k) {
    const device = k.state.devices[dev];
    const why = device === undefined ? null : misfit(device, k);
    if (device === undefined || why === null) return null;
    const { dma_ops, archdata } = device;
    const message = `${dev} has ${dma_ops ?? 'no dma_ops'}, ${why}`;
    return { message, values: { dma_ops, mapping: archdata.mapping, driver: device.driver } };
  },
};

function misfit(device: ReadDevice, k: Facts): string | null {
  const { dma_ops, archdata, dma_buffer, iommu_group, spec } = device;
  const given = k.has('arm_dma_direct') ? undefined : spec.notifier_dma_ops;
  if (given !== undefined && dma_ops !== given) return `but its board set ${given}`;
  if (dma_ops === 'iommu_ops' && archdata.mapping === null) return 'but no mapping to go with them';
  if (dma_buffer !== null && dma_buffer.ops !== dma_ops)
    return `and a buffer that it allocated with ${dma_buffer.ops}`;
  const group = k.state.groups[iommu_group ?? ''];
  if (group === undefined || given !== undefined || dma_ops === null) return null;
  if (dma_ops !== 'iommu_ops')
    return group.domain === 'identity'
      ? null
      : 'but is behind an IOMMU, which translates what they map';
  return group.domain === 'unmanaged' ? null : `but its group is on the domain ${group.domain}`;
}

/** INV-MAP. */
export const sharedMapping: Invariant = {
  id: 'one-context-has-one-mapping',
  code: 'INV-MAP',
  harm: 'corruption',
  claim: 'Devices behind an IOMMU with one translation context use the same mapping.',
  subsystem: 'dma mapping',
  when: 'always',
  watches: ['dma_ops.torn_down', 'dma.configured'],
  subjects: (event, k) => (isArm(k) ? devicesOf(event, k) : []),
  name,
  suspects: ['arm_dont_teardown_third_party', 'arm_teardown_reset_ops_v8', 'ipmmu_probe_finalize'],
  check(dev, k) {
    const device = k.state.devices[dev];
    if (device === undefined || device.iommu === null || device.iommu_group === null) return null;
    const { iommu, archdata } = device;
    const common = commonMapping(k, iommu);
    if (common === undefined || common.id === archdata.mapping) return null;
    const own = archdata.mapping === null ? 'no mapping' : `mapping ${archdata.mapping}`;
    const message = `${dev} uses ${own} behind ${iommu}, whose one context has mapping ${common.id}`;
    return { message, values: { iommu, mapping: archdata.mapping, common: common.id } };
  },
};

/** What everything behind the IOMMU must use: its driver's mapping, or the one in its one context. */
function commonMapping(k: Facts, iommu: string): ReadMapping | undefined {
  const mappings = Object.values(k.state.mappings).filter((mapping) => mapping.iommu === iommu);
  const shared = mappings.find((mapping) => mapping.shared);
  if (shared !== undefined || k.state.devices[iommu]?.spec.contexts !== 1) return shared;
  return mappings.find((mapping) => mapping.context !== null);
}
