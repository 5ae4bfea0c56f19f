/** Where DMA goes: operations and mappings of 32-bit Arm, and what firmware left running. */
import type { KernelEvent } from '../events/event.ts';
import type { Facts } from '../model/context.ts';
import { cutOff } from '../model/hardware/requests.ts';
import { isArm } from '../model/kernel/arm-dma-mapping.ts';
import { streamIds } from '../model/kernel/requester-ids.ts';
import type { ReadDevice, ReadMapping } from '../model/state/state.ts';
import { type Breach, devicesOf, groupsOf, type Invariant } from './invariant.ts';

const name = (subject: string): string => subject;

/** INV-OPS. */
export const dmaOps: Invariant = {
  id: 'dma_ops-fit-the-mapping',
  code: 'INV-OPS',
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
  const given = spec.notifier_dma_ops;
  if (given !== undefined && dma_ops !== given) return `but its board set ${given}`;
  if (dma_ops === 'iommu_ops' && archdata.mapping === null) return 'but no mapping to go with them';
  if (dma_buffer !== null && dma_buffer.ops !== dma_ops)
    return `and a buffer that it allocated with ${dma_buffer.ops}`;
  const group = k.state.groups[iommu_group ?? ''];
  if (group === undefined || given !== undefined || dma_ops === null) return null;
  if (dma_ops !== 'iommu_ops') return 'but is behind an IOMMU, which translates what they map';
  return group.domain === 'unmanaged' ? null : `but its group is on the domain ${group.domain}`;
}

/** INV-MAP. */
export const sharedMapping: Invariant = {
  id: 'one-context-has-one-mapping',
  code: 'INV-MAP',
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

/** INV-BOOTDMA. */
export const bootDma: Invariant = {
  id: 'running-dma-is-not-cut-off',
  code: 'INV-BOOTDMA',
  claim:
    'DMA that firmware left running goes on until a driver takes it over, and a range that firmware ' +
    'wants mapped 1:1 always is.',
  subsystem: 'iommu core',
  when: 'always',
  watches: [
    'smmu.reset',
    'smmu.stream_written',
    'x86_unit.written',
    'viommu.reset',
    'viommu.endpoint_written',
    'group.attached',
    'group.direct_mapped',
    'dma.handed_over',
  ],
  subjects: mastersOf,
  name,
  suspects: [
    'qcom_readback',
    'qcom_def_identity',
    'iort_rmr',
    'dt_iommu_addresses',
    'direct_before_attach',
    'require_direct',
    'default_domain_before_direct',
    'intel_private_domains',
    'disable_bypass_default',
    'smmu_inherit_hw',
    'driver_manages_iommu',
  ],
  check(dev, k): Breach | null {
    const device = k.state.devices[dev];
    return device === undefined ? null : (cutStream(device, k) ?? cutRegion(device, k));
  },
};

/** The masters that an event may have cut off. */
function mastersOf(event: KernelEvent, k: Facts): readonly string[] {
  if ('iommu' in event)
    return masters(k, (dev) => streamIds(k, dev.name).some(({ iommu }) => iommu === event.iommu));
  const groups = groupsOf(event, k);
  return masters(k, (dev) => groups.includes(String(dev.iommu_group)) || eventIsOf(event, dev));
}

const eventIsOf = (event: KernelEvent, { name: dev }: ReadDevice): boolean =>
  'dev' in event && event.dev === dev;

function masters(k: Facts, isOne: (dev: ReadDevice) => boolean): readonly string[] {
  return Object.values(k.state.devices)
    .filter(({ spec }) => spec.boot_mapping !== undefined || spec.reserved !== undefined)
    .filter(isOne)
    .map((device) => device.name);
}

/** A stream that firmware left running and that does not reach memory as it did. */
function cutStream(device: ReadDevice, k: Facts): Breach | null {
  const { name: dev, live_dma } = device;
  if (!live_dma) return null;
  for (const { iommu, id } of streamIds(k, dev)) {
    const does = cutOff(k, { iommu, id, dev });
    if (does === null) continue;
    const how = does === 'fault' ? 'faults' : 'goes through a domain without what it maps';
    const stream = `0x${id.toString(16)}`;
    const message = `${dev} does DMA since before the kernel started; at ${iommu} its stream ${stream} ${how}`;
    return { message, values: { iommu, stream, does } };
  }
  return null;
}

/** A region that must always be mapped, in a domain without it. */
function cutRegion(device: ReadDevice, k: Facts): Breach | null {
  const { name: dev, spec, iommu_group } = device;
  const group = k.state.groups[iommu_group ?? ''];
  const isDirect = spec.reserved?.some(({ type }) => type === 'direct') === true;
  if (!isDirect || group === undefined) return null;
  if (k.state.x86_units[device.iommu ?? '']?.translation === false) return null;
  const { domain, direct_mapped } = group;
  if (domain === null || domain === 'identity') return null;
  const isUsers = domain === 'blocked' || domain === 'unmanaged';
  if (!isUsers && direct_mapped.includes(dev)) return null;
  const message = `firmware wants a range of ${dev} mapped 1:1, and its group is on a domain without it`;
  return { message, values: { group: group.id, domain } };
}
