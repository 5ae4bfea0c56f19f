/** What firmware left running, and what it wants mapped as long as the kernel runs. */

import type { KernelEvent } from '../events/event.ts';
import { isX86Iommu } from '../events/machine.ts';
import type { Facts } from '../model/context.ts';
import { streamOf } from '../model/hardware/streams.ts';
import { refusedStreams } from '../model/kernel/live-dma.ts';
import { streamIds } from '../model/kernel/requester-ids.ts';
import { overlaps } from '../model/range.ts';
import type { ReadDevice } from '../model/state/state.ts';
import { type Breach, groupsOf, type Invariant } from './invariant.ts';

const name = (subject: string): string => subject;

/** INV-BOOTDMA. */
export const bootDma: Invariant = {
  id: 'running-dma-is-not-cut-off',
  code: 'INV-BOOTDMA',
  harm: 'corruption',
  claim:
    'DMA that firmware left running goes on, in memory of its own, until a driver takes it over, and ' +
    'a range that firmware wants mapped 1:1 always is.',
  subsystem: 'iommu core',
  when: 'always',
  watches: [
    'smmu.reset',
    'smmu.disabled',
    'smmu.entry_written',
    'smmu.entry_freed',
    'x86_unit.written',
    'viommu.reset',
    'viommu.endpoint_written',
    'group.attached',
    'group.direct_mapped',
    'dma.handed_over',
    'dma.issued',
    'memory.allocated',
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
    if (device === undefined) return null;
    return (
      cutStream(device, k) ?? cutRegion(device, k) ?? cutDma(device, k) ?? lostMemory(device, k)
    );
  },
};

/** The masters that an event may have cut off. */
function mastersOf(event: KernelEvent, k: Facts): readonly string[] {
  if (event.type === 'memory.allocated') return masters(k, ({ live_dma }) => live_dma);
  if (event.type === 'dma.issued') return masters(k, (dev) => eventIsOf(event, dev));
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
  const [refused] = refusedStreams(k, dev);
  if (refused === undefined) return null;
  const { iommu, id, why } = refused;
  const isTranslated = why === 'translation';
  const how = isTranslated ? 'goes through a domain without what it maps' : 'faults';
  const stream = `0x${id.toString(16)}`;
  const message = `${dev} does DMA since before the kernel started; at ${iommu} its stream ${stream} ${how}`;
  return { message, values: { iommu, stream, does: isTranslated ? 'translate' : 'fault' } };
}

/** A region that must always be mapped, in a domain without it. */
function cutRegion(device: ReadDevice, k: Facts): Breach | null {
  const { name: dev, spec, iommu_group } = device;
  const group = k.state.groups[iommu_group ?? ''];
  const isDirect = spec.reserved?.some(({ type }) => type === 'direct') === true;
  if (!isDirect || group === undefined) return null;
  const { domain, direct_mapped } = group;
  if (domain === null || domain.startsWith('identity')) return null;
  const isUsers = domain === 'blocked' || domain === 'unmanaged';
  if (!isUsers && (direct_mapped.includes(dev) || isOff(device.iommu ?? '', k))) return null;
  const message = `firmware wants a range of ${dev} mapped 1:1, and its group is on a domain without it`;
  return { message, values: { group: group.id, domain } };
}

/** Does a unit of x86 translate nothing yet, or is that not known of it? It is switched on last. */
function isOff(iommu: string, { state, machine }: Facts): boolean {
  const unit = state.x86_units[iommu];
  if (unit !== undefined) return !unit.translation;
  return machine.devices.some(({ name, iommu_kind }) => name === iommu && isX86Iommu(iommu_kind));
}

/** What runs since before the kernel was refused. */
function cutDma({ name: dev, live_dma }: ReadDevice, k: Facts): Breach | null {
  const last = k.state.last_dma[dev];
  if (!live_dma || last?.result !== 'faulted') return null;
  const addr = `0x${last.addr.toString(16)}`;
  const message = `${dev} does DMA since before the kernel started, and faults at ${addr}`;
  return { message, values: { addr, why: last.why } };
}

/** Memory that the kernel took for itself, while running DMA needs it. */
function lostMemory({ name: dev, live_dma, spec }: ReadDevice, k: Facts): Breach | null {
  if (!live_dma) return null;
  for (const { start, length, tables } of spec.boot_memory ?? []) {
    if (tables === true && !isBehindBootTables(spec, k)) continue;
    const taken = k.state.allocated.find((one) => overlaps(one, { start, length }));
    if (taken === undefined) continue;
    const from = `0x${taken.start.toString(16)}`;
    const use = tables === true ? `the page tables of ${dev} lie` : `${dev} does DMA`;
    const message = `the kernel took memory at ${from} for itself, where ${use}`;
    return { message, values: { taken: from, start: `0x${start.toString(16)}` } };
  }
  return null;
}

/** Are the page tables of the boot loader walked for one of its streams? */
function isBehindBootTables({ boot_mapping, iommus = [] }: ReadDevice['spec'], k: Facts): boolean {
  if (boot_mapping !== 'translate') return false;
  return iommus.some(({ iommu, ids }) =>
    ids.some((id) => (streamOf(k, iommu, id) ?? 'boot') === 'boot'),
  );
}
