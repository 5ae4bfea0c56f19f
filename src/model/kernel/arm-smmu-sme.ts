/** Stream mapping entries of an SMMU v1 or v2. Kernel: drivers/iommu/arm/arm-smmu/arm-smmu.c, v6.1. */
import type { SmmuEntry } from '../../events/iommu-events.ts';
import type { StreamType } from '../../events/terms.ts';
import type { Facts, Kernel } from '../context.ts';
import { EINVAL, ENOSPC } from '../errno.ts';
import { entriesOf, type IndexedEntry, isMatching, overlaps } from '../hardware/streams.ts';
import { deviceOf } from '../lookup.ts';
import { type Path, path } from '../path.ts';
import { dev_printk } from '../printk.ts';
import { ownBoolParam } from './params.ts';
import { streamIds } from './requester-ids.ts';

/**
 * The parameter of the SMMU drivers: do streams without a master fault?
 *
 * Kernel: CONFIG_ARM_SMMU_DISABLE_BYPASS_BY_DEFAULT and the module parameter, v6.1.
 * Leaves out: nothing.
 */
export function disable_bypass(k: Kernel, iommu: string): boolean {
  const isV3 = k.state.devices[iommu]?.spec.iommu_kind === 'arm-smmu-v3';
  if (isV3 && k.has('smmu_v3_bypass_retired')) return true;
  return ownBoolParam(k, iommu, 'disable_bypass') ?? k.has('disable_bypass_default');
}

/** A stream id of a device, with the bits that are not looked at. */
interface MaskedId {
  readonly id: number;
  readonly mask: number;
}

/**
 * The stream ids of a device with their masks: those that its own reference gives, else that of the
 * SMMU's node.
 *
 * Kernel: drivers/iommu/arm/arm-smmu/arm-smmu.c:arm_smmu_of_xlate, v6.1.
 * Leaves out: nothing.
 */
export function maskedIds(k: Facts, dev: string, iommu: string): readonly MaskedId[] {
  const common = k.state.devices[iommu]?.spec.stream_match_mask ?? 0;
  const masks = (deviceOf(k, dev).spec.iommus ?? []).flatMap((spec) =>
    spec.iommu === iommu ? spec.ids.map((_, i) => spec.masks?.[i]) : [],
  );
  const ids = streamIds(k, dev).filter((stream) => stream.iommu === iommu);
  return ids.map(({ id }, i) => ({ id, mask: masks[i] ?? common }));
}

/**
 * The entry for a stream: its id is the number where the SMMU does not match; else the one that takes it
 * in whole already, or the first that is free. An entry that takes in a part of it would make some
 * stream match twice.
 *
 * Kernel: drivers/iommu/arm/arm-smmu/arm-smmu.c:arm_smmu_find_sme, v6.1.
 * Leaves out: nothing.
 *
 * @returns the number of the entry, -EINVAL for an overlap, -ENOSPC when all are taken.
 */
export function arm_smmu_find_sme(
  entries: readonly IndexedEntry[],
  groups: number | null,
  { id, mask }: MaskedId,
): number {
  if (groups === null) return id;
  for (const entry of entries) {
    const isWithin = (mask & entry.mask) === mask && ((id ^ entry.id) & ~entry.mask) === 0;
    if (isWithin) return entry.index;
    if (overlaps(entry, id, mask)) return -EINVAL;
  }
  for (let index = 0; index < groups; index += 1)
    if (!entries.some((entry) => entry.index === index)) return index;
  return -ENOSPC;
}

/** The mapping groups of an SMMU: null if it does not match; enough where its registers are not known. */
export function mappingGroups(k: Facts, iommu: string): number | null {
  if (!isMatching(k, iommu)) return null;
  return k.state.smmus[iommu]?.features?.groups ?? Number.MAX_SAFE_INTEGER;
}

/**
 * Are the ids of a device such that the SMMU can tell them apart?
 *
 * Kernel: drivers/iommu/arm/arm-smmu/arm-smmu.c:arm_smmu_probe_device, v6.1.
 * Leaves out: masks with bits that the registers do not implement.
 *
 * @returns 0, or -EINVAL with a line.
 */
export function* checkStreamIds(k: Kernel, dev: string, iommu: string): Path<number> {
  const limit = k.state.smmus[iommu]?.features?.streamid_mask;
  if (limit === undefined) return 0;
  const range = `out of range for SMMU (0x${limit.toString(16)})`;
  for (const { id, mask } of maskedIds(k, dev, iommu)) {
    const isId = (id & ~limit) !== 0;
    if (!isId && (mask & ~limit) === 0) continue;
    const what = isId ? `stream ID 0x${id.toString(16)}` : `SMR mask 0x${mask.toString(16)}`;
    yield dev_printk(k, 'err', dev, `${what} ${range}`);
    return -EINVAL;
  }
  return 0;
}

/**
 * Takes an entry for each stream of a device, or none. What comes in by a new one faults or bypasses
 * until the device is attached.
 *
 * Kernel: drivers/iommu/arm/arm-smmu/arm-smmu.c:arm_smmu_master_alloc_smes, v6.1.
 * Leaves out: nothing.
 *
 * @returns 0, -EINVAL for streams that overlap another device's, -ENOSPC when no entry is free.
 */
export const arm_smmu_master_alloc_smes = path(
  'arm_smmu_master_alloc_smes',
  function* (k, dev: string, iommu: string): Path<number> {
    const initial = disable_bypass(k, iommu) ? 'fault' : 'bypass';
    const groups = mappingGroups(k, iommu);
    let entries = entriesOf(k, iommu);
    const taken = new Map<number, SmmuEntry>();
    for (const stream of maskedIds(k, dev, iommu)) {
      const index = arm_smmu_find_sme(entries, groups, stream);
      if (index < 0) return index;
      const found = entries.find((entry) => entry.index === index);
      const mask = groups === null ? 0 : stream.mask;
      const fresh = { index, id: stream.id, mask, does: initial, context: null, count: 0 } as const;
      const entry = { ...(found ?? fresh), count: (found?.count ?? 0) + 1 };
      taken.set(index, entry);
      entries = [...entries.filter((one) => one.index !== index), entry];
    }
    for (const entry of taken.values()) yield { type: 'smmu.entry_written', iommu, ...entry };
    return 0;
  },
);

/**
 * Gives the entries of a device back, for each of its stream ids once; one that nobody uses becomes
 * invalid.
 *
 * Kernel: drivers/iommu/arm/arm-smmu/arm-smmu.c:arm_smmu_master_free_smes, v6.1.
 * Leaves out: nothing.
 */
export function* arm_smmu_master_free_smes(k: Kernel, dev: string, iommu: string): Path<void> {
  const ids = maskedIds(k, dev, iommu);
  for (const { index, ...entry } of entriesOfDevice(k, dev, iommu)) {
    const count = entry.count - ids.filter(({ id }) => overlaps(entry, id, 0)).length;
    if (count > 0) yield { type: 'smmu.entry_written', iommu, index, ...entry, count };
    else yield { type: 'smmu.entry_freed', iommu, index };
  }
}

/**
 * The entries that take in a stream of the device, each once.
 *
 * Kernel: the smendx of struct arm_smmu_master_cfg, v6.1.
 * Leaves out: nothing.
 */
export function entriesOfDevice(k: Facts, dev: string, iommu: string): readonly IndexedEntry[] {
  const ids = maskedIds(k, dev, iommu);
  return entriesOf(k, iommu).filter((entry) => ids.some(({ id }) => overlaps(entry, id, 0)));
}

/** An entry as it is written for a domain. */
export function entryFor(
  { index, id, mask, count }: SmmuEntry,
  does: StreamType,
  context: number | null,
): SmmuEntry {
  return { index, id, mask, does, context, count };
}
