/**
 * Stream mapping entries and translation contexts of an SMMU or IPMMU, as the hardware has them.
 *
 * Source: Arm SMMU architecture, versions 2 and 3: an entry for a stream says that it is translated,
 * bypasses or faults, and a register says what becomes of streams without an entry.
 */

import type { StreamType } from '../../events/terms.ts';
import type { Facts } from '../context.ts';
import type { ReadStreamEntry } from '../state/state.ts';
import { FEAT_V2 } from './smmu-registers.ts';
import { FEAT_V3, STRTAB_SPLIT } from './smmu-v3-registers.ts';

/** An entry with the number under which the SMMU has it. */
export interface IndexedEntry extends ReadStreamEntry {
  readonly index: number;
}

/** The entries of an SMMU that are valid, by their numbers. */
export function entriesOf(k: Facts, iommu: string): readonly IndexedEntry[] {
  const entries = Object.entries(k.state.smmus[iommu]?.entries ?? {});
  return entries.map(([index, entry]) => ({ index: Number(index), ...entry }));
}

/** Does an entry take in streams that the id, with the bits of the mask left out, stands for too? */
export function overlaps(entry: ReadStreamEntry, id: number, mask: number): boolean {
  return ((id ^ entry.id) & ~(entry.mask | mask)) === 0;
}

/** The entry that a transaction of the stream meets; undefined where it meets none. */
export function entryOf(k: Facts, iommu: string, id: number): IndexedEntry | undefined {
  return entriesOf(k, iommu).find((entry) => overlaps(entry, id, 0));
}

/**
 * What the SMMU does with a stream now; `null` while its firmware's setup was not touched. One that
 * is switched off looks at no stream.
 */
export function streamOf(k: Facts, iommu: string, id: number): StreamType | null {
  const smmu = k.state.smmus[iommu];
  if (smmu === undefined) return null;
  if (!smmu.enabled) return smmu.gbpa_abort ? 'fault' : 'bypass';
  return entryAt(k, iommu, id)?.does ?? smmu.unmatched;
}

/** The entry of a stream: without matching, and in v3, the id of the stream is its number. */
function entryAt(k: Facts, iommu: string, id: number): ReadStreamEntry | undefined {
  return isMatching(k, iommu) ? entryOf(k, iommu, id) : k.state.smmus[iommu]?.entries[id];
}

/** Is it that no entry has the stream, if it faults? Without matching, every stream has one. */
export function isUnidentified(k: Facts, iommu: string, id: number): boolean {
  if (k.state.smmus[iommu]?.enabled !== true) return false;
  const isV3 = k.state.devices[iommu]?.spec.iommu_kind === 'arm-smmu-v3';
  return entryAt(k, iommu, id) === undefined && (isV3 || isMatching(k, iommu));
}

/** Does the SMMU match streams against registers? One whose registers are not known, too. */
export function isMatching(k: Facts, iommu: string): boolean {
  const smmu = k.state.smmus[iommu];
  const spec = k.state.devices[iommu]?.spec;
  if (spec?.iommu_kind === 'arm-smmu-v3') return false;
  return smmu?.features == null || (smmu.features.features & FEAT_V2.STREAM_MATCH) !== 0;
}

/**
 * Does an SMMU v3 report an event for a stream without an entry? One with a table of two levels, if
 * nothing is there for the id and its neighbours: what the second level has is set to abort, in
 * silence.
 */
export function reportsBadStream(k: Facts, iommu: string, id: number): boolean {
  const features = k.state.smmus[iommu]?.features ?? null;
  if (features === null) return true;
  if ((features.features & FEAT_V3.TWO_LVL_STRTAB) === 0) return id > features.streamid_mask;
  return !hasTable(k, iommu, id);
}

/** Is there a second-level table for the stream? The driver makes one for the first of its ids. */
function hasTable(k: Facts, iommu: string, id: number): boolean {
  return entriesOf(k, iommu).some(({ index }) => index >> STRTAB_SPLIT === id >> STRTAB_SPLIT);
}

/** The lowest context of the IOMMU that no mapping uses; null when all are taken. */
export function freeContext(k: Facts, iommu: string, contexts: number): number | null {
  const taken = Object.values(k.state.mappings).filter((mapping) => mapping.iommu === iommu);
  for (let context = 0; context < contexts; context += 1)
    if (!taken.some((mapping) => mapping.context === context)) return context;
  return null;
}

/** The lowest context bank from `first` on that no domain uses; null when all are taken. */
export function freeContextBank(k: Facts, iommu: string, first: number): number | null {
  const smmu = k.state.smmus[iommu];
  const count = smmu?.features?.contexts ?? Number.POSITIVE_INFINITY;
  for (let bank = first; bank < count; bank += 1)
    if (smmu?.context_banks[bank] === undefined) return bank;
  return null;
}
