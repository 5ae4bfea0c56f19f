/**
 * One transaction of a device on its way to memory: which IOMMU sees it, and what that makes of it.
 *
 * Source: Arm SMMU architecture, versions 2 and 3; Intel VT-d, AMD IOMMU and virtio specifications.
 */
import type { DmaStimulus } from '../../events/stimulus.ts';
import type { Kernel } from '../context.ts';
import { ENODEV } from '../errno.ts';
import { disable_bypass } from '../kernel/arm-smmu-sme.ts';
import { blocksByTables } from '../kernel/blocked-domain.ts';
import { refuseDma } from '../kernel/dma-fault.ts';
import { instanceOf } from '../kernel/iommu-ops.ts';
import { SMMUS } from '../kernel/kconfig.ts';
import { snoops } from '../kernel/property.ts';
import { type StreamId, streamIds } from '../kernel/requester-ids.ts';
import { deviceOf } from '../lookup.ts';
import type { Path } from '../path.ts';
import { kindOf } from './iommu-kind.ts';
import { BYPASSED, fateOf, groupAt, type Outcome, type Request, through } from './requests.ts';
import { virtioUnit } from './virtio-iommu.ts';

/**
 * A device reads or writes. Where its IOMMU refuses, the driver of the IOMMU hears of it.
 *
 * @returns 0, or -ENODEV for a device that is not there.
 */
export function* issueDma(k: Kernel, t: DmaStimulus): Path<number> {
  const { dev, addr, write } = t;
  if (k.state.devices[dev] === undefined) return -ENODEV;
  const stream = streamAt(k, dev);
  const outcome = stream === null ? BYPASSED : decide(k, { ...stream, dev, addr, write });
  const { iommu, id } = stream ?? { iommu: null, id: null };
  const found = stream === null ? undefined : groupAt(k, { ...stream, dev });
  const { id: group, domain } = found ?? { id: null, domain: null };
  const snooped = isSnooped(k, t, iommu, outcome);
  yield { type: 'dma.issued', dev, iommu, id, group, domain, addr, write, snooped, ...outcome };
  if (stream === null || outcome.why === null) return 0;
  yield* refuseDma(k, { ...stream, dev, addr, write, why: outcome.why });
  return 0;
}

/** The IOMMU on its way, and its id there: the first of a device; of a function, its last alias. */
function streamAt(k: Kernel, dev: string): StreamId | null {
  const streams = streamIds(k, dev);
  return (deviceOf(k, dev).spec.pci === undefined ? streams[0] : streams.at(-1)) ?? null;
}

/** As the hardware has it; where the machine does not describe that, as its driver would have set it up. */
function decide(k: Kernel, request: Request): Outcome {
  return fateOf(k, request) ?? through(k, request, asSetUp(k, request));
}

function asSetUp(k: Kernel, request: Request): Parameters<typeof through>[2] {
  const { iommu, dev } = request;
  if (!isOn(k, iommu)) return asFirmwareLeft(k, dev, iommu);
  const group = groupAt(k, request);
  if (group === undefined) return withoutEntry(k, iommu);
  const { domain } = group;
  if (domain === 'identity' || domain === 'identity-pasid') return 'bypass';
  if (domain !== 'blocked') return domain === null ? 'entry' : 'translate';
  return blocksByTables(k, kindOf(k, iommu)) ? 'translate' : 'entry';
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
function withoutEntry(k: Kernel, iommu: string): 'bypass' | 'stream' | 'entry' {
  const kind = kindOf(k, iommu);
  if (kind === 'intel') return 'stream';
  if (kind === 'amd') return 'entry';
  if (!SMMUS.includes(kind ?? '')) return 'bypass';
  return disable_bypass(k, iommu) ? 'stream' : 'bypass';
}

/**
 * Does it look into the CPU's caches? If it is wired to them, and asks to: itself, or by IOMMU_CACHE in
 * the entry that translates it, which an SMMU takes instead of what the device says. Entries without
 * it have an SMMU not look, whatever the device asks for.
 */
function isSnooped(
  k: Kernel,
  { dev, cacheable }: DmaStimulus,
  iommu: string | null,
  outcome: Outcome,
): boolean | null {
  if (outcome.result === 'faulted') return null;
  const wired = snoops(k, dev);
  if (outcome.cache === null) return wired === null ? null : wired && cacheable;
  if (outcome.cache) return wired;
  if (SMMUS.includes(kindOf(k, iommu) ?? '')) return false;
  return wired === null ? null : wired && cacheable;
}
