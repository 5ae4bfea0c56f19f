/**
 * One transaction of a device on its way to memory: which IOMMU sees it, and what that makes of it.
 *
 * Source: Arm SMMU architecture, versions 2 and 3; Intel VT-d, AMD IOMMU and virtio specifications.
 */
import type { DmaResult, FaultReason } from '../../events/dma-events.ts';
import type { Stimulus } from '../../events/stimulus.ts';
import type { Kernel } from '../context.ts';
import { ENODEV } from '../errno.ts';
import { disable_bypass } from '../kernel/arm-smmu-sme.ts';
import { translatingDomain } from '../kernel/io-mappings.ts';
import { instanceOf } from '../kernel/iommu-ops.ts';
import { SMMUS } from '../kernel/kconfig.ts';
import { snoops } from '../kernel/property.ts';
import { type StreamId, streamIds } from '../kernel/requester-ids.ts';
import { deviceOf, groupOf } from '../lookup.ts';
import type { Path } from '../path.ts';
import { mappingAt } from '../state/io-mappings.ts';
import type { ReadGroup } from '../state/state.ts';
import { requestAt } from './requests.ts';
import { isUnidentified } from './streams.ts';
import { virtioUnit } from './virtio-iommu.ts';

type Transaction = Extract<Stimulus, { do: 'dma' }>;

/** What becomes of it. */
interface Outcome {
  readonly result: DmaResult;
  readonly why: FaultReason | null;
  /** The mapping that translates it has IOMMU_CACHE. */
  readonly cache: boolean | null;
}

const BYPASSED: Outcome = { result: 'bypassed', why: null, cache: null };
const fault = (why: FaultReason): Outcome => ({ result: 'faulted', why, cache: null });
const translated = (cache: boolean | null): Outcome => ({ result: 'translated', why: null, cache });

/**
 * A device reads or writes. Where its IOMMU refuses, the driver of the IOMMU hears of it.
 *
 * @returns 0, or -ENODEV for a device that is not there.
 */
export function* issueDma(k: Kernel, t: Transaction): Path<number> {
  const { dev, addr, write } = t;
  if (k.state.devices[dev] === undefined) return -ENODEV;
  const stream = streamAt(k, dev);
  const outcome = stream === null ? BYPASSED : decide(k, t, stream);
  const { iommu, id } = stream ?? { iommu: null, id: null };
  const found = stream === null ? undefined : groupAt(k, dev, stream);
  const { id: group, domain } = found ?? { id: null, domain: null };
  const snooped = isSnooped(k, t, outcome);
  yield { type: 'dma.issued', dev, iommu, id, group, domain, addr, write, snooped, ...outcome };
  if (stream === null || outcome.why === null) return 0;
  yield { type: 'dma.faulted', dev, iommu: stream.iommu, id: stream.id };
  const ops = instanceOf(k, stream.iommu)?.ops;
  const report = ops === undefined ? undefined : k.ops.iommu(ops)?.report_fault;
  if (report !== undefined) yield* report(k, { ...stream, dev, addr, write, why: outcome.why });
  return 0;
}

/** The IOMMU on its way, and its id there: the first of a device; of a function, its last alias. */
function streamAt(k: Kernel, dev: string): StreamId | null {
  const streams = streamIds(k, dev);
  return (deviceOf(k, dev).spec.pci === undefined ? streams[0] : streams.at(-1)) ?? null;
}

function decide(k: Kernel, t: Transaction, stream: StreamId): Outcome {
  const group = groupAt(k, t.dev, stream);
  const does = streamNow(k, t.dev, stream, group);
  if (does === 'boot') return throughBootTables(k, t);
  if (does === 'bypass') return BYPASSED;
  if (does !== 'translate') return fault(does);
  const domain = group === undefined ? null : translatingDomain(k, group.id);
  const mapping = domain === null ? undefined : mappingAt(k.state.io_mappings, domain, t.addr);
  if (mapping === undefined || mapping.unseen_by !== null) return fault('translation');
  const isAllowed = t.write ? mapping.write : mapping.read;
  return isAllowed ? translated(mapping.cache) : fault('permission');
}

/** Its group, or that of a device which speaks under the same id. */
function groupAt(k: Kernel, dev: string, { iommu, id }: StreamId): ReadGroup | undefined {
  const own = groupOf(k, dev);
  if (own !== undefined) return own;
  const other = Object.values(k.state.devices).find(
    (device) =>
      device.iommu === iommu &&
      device.iommu_group !== null &&
      streamIds(k, device.name).some((stream) => stream.iommu === iommu && stream.id === id),
  );
  return other === undefined ? undefined : groupOf(k, other.name);
}

type StreamNow = 'boot' | 'bypass' | 'translate' | 'stream' | 'entry';

/** What the IOMMU does with the stream now; a stream that faults, by what says so. */
function streamNow(
  k: Kernel,
  dev: string,
  { iommu, id }: StreamId,
  group: ReadGroup | undefined,
): StreamNow {
  const does = requestAt(k, { iommu, dev, id });
  if (does === 'fault') return isNowhere(k, { iommu, id }, group) ? 'stream' : 'entry';
  if (does !== null) return does;
  if (!isOn(k, iommu)) return asFirmwareLeft(k, dev, iommu);
  if (group === undefined) return withoutEntry(k, iommu);
  const { domain } = group;
  if (domain === 'identity' || domain === 'identity-pasid') return 'bypass';
  return domain === null || domain === 'blocked' ? 'entry' : 'translate';
}

/** Has the IOMMU nothing at all for the stream? AMD's and virtio-iommus have something for each. */
function isNowhere(k: Kernel, { iommu, id }: StreamId, group: ReadGroup | undefined): boolean {
  if (k.state.smmus[iommu] !== undefined) return isUnidentified(k, iommu, id);
  const kind = k.machine.devices.find(({ name }) => name === iommu)?.iommu_kind;
  return kind === 'intel' && group === undefined;
}

/** Has a driver switched it on, and not off again? */
function isOn(k: Kernel, iommu: string): boolean {
  const instance = instanceOf(k, iommu);
  return instance !== undefined && !instance.disabled && !instance.freed;
}

/** What firmware did not set up meets an IOMMU as it is by itself: a virtio-iommu may let nothing pass. */
function asFirmwareLeft(k: Kernel, dev: string, iommu: string): 'boot' | 'bypass' | 'entry' {
  const { boot_mapping } = deviceOf(k, dev).spec;
  if (boot_mapping === 'translate') return 'boot';
  return boot_mapping === undefined && virtioUnit(k, iommu)?.bypass === false ? 'entry' : 'bypass';
}

/** A stream of which no driver said anything to an IOMMU that is on. */
function withoutEntry(k: Kernel, iommu: string): StreamNow {
  const kind = k.machine.devices.find(({ name }) => name === iommu)?.iommu_kind;
  if (kind === 'intel') return 'stream';
  if (kind === 'amd') return 'entry';
  if (!SMMUS.includes(kind ?? '')) return 'bypass';
  return disable_bypass(k, iommu) ? 'stream' : 'bypass';
}

/** Through the tables that firmware made, as far as the machine says what they map. */
function throughBootTables(k: Kernel, { dev, addr }: Transaction): Outcome {
  const { boot_memory } = deviceOf(k, dev).spec;
  const buffers = boot_memory?.filter(({ tables }) => tables !== true);
  const isMapped = buffers?.some(({ start, length }) => addr >= start && addr < start + length);
  return isMapped === false ? fault('translation') : translated(null);
}

/**
 * Does it look into the CPU's caches? If it is wired to them, and asks to: itself, or by IOMMU_CACHE in
 * the entry that translates it, which an SMMU takes instead of what the device says. Entries without
 * it have an SMMU not look, whatever the device asks for.
 */
function isSnooped(k: Kernel, { dev, cacheable }: Transaction, outcome: Outcome): boolean | null {
  if (outcome.result === 'faulted') return null;
  const wired = snoops(k, dev);
  if (outcome.cache === null) return wired === null ? null : wired && cacheable;
  if (outcome.cache) return wired;
  const kind = k.machine.devices.find(({ name }) => name === deviceOf(k, dev).iommu)?.iommu_kind;
  if (SMMUS.includes(kind ?? '')) return false;
  return wired === null ? null : wired && cacheable;
}
