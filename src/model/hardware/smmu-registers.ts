/**
 * The id registers of Arm's SMMUs, and what a driver makes of them.
 *
 * Source: Arm SMMU architecture, versions 2 (IHI 0062) and 3 (IHI 0070): ID0 to ID2, IDR0 to IDR5.
 */

import type { DeviceSpec, SmmuRegister } from '../../events/machine.ts';

/** What an SMMU can do, as its driver keeps it. */
export interface SmmuFeatures {
  /** ARM_SMMU_FEAT_*, which v1/v2 and v3 number each in their own way. */
  readonly features: number;
  /** The stream ids that the hardware can tell apart. */
  readonly streamid_mask: number;
  /** v1 and v2: stream mapping register groups; 0 where the stream id itself is the index. */
  readonly groups: number;
  /** v1 and v2: context banks, and how many of them, the first ones, are for stage 2 alone. */
  readonly contexts: number;
  readonly s2_contexts: number;
}

/** ARM_SMMU_FEAT_* of v1 and v2. Kernel: drivers/iommu/arm/arm-smmu/arm-smmu.h, v6.1. */
export const FEAT_V2 = {
  COHERENT_WALK: 1 << 0,
  STREAM_MATCH: 1 << 1,
  TRANS_S1: 1 << 2,
  TRANS_S2: 1 << 3,
  TRANS_NESTED: 1 << 4,
  TRANS_OPS: 1 << 5,
  VMID16: 1 << 6,
  FMT_AARCH64_4K: 1 << 7,
  FMT_AARCH64_16K: 1 << 8,
  FMT_AARCH64_64K: 1 << 9,
  FMT_AARCH32_L: 1 << 10,
  FMT_AARCH32_S: 1 << 11,
  EXIDS: 1 << 12,
} as const;

/** A field of a register: `width` bits from bit `low` on. */
export function field(register: number, low: number, width: number): number {
  return Math.floor(register / 2 ** low) % 2 ** width;
}

const bit = (register: number, at: number): boolean => field(register, at, 1) === 1;

/** A register by name; one that the machine does not name reads as 0. */
export function register({ registers }: Pick<DeviceSpec, 'registers'>, name: SmmuRegister): number {
  return registers?.[name] ?? 0;
}

/** The version of the architecture; v1 with 64-KiB pages in tables is a version of its own. */
export type SmmuVersion = 'v1' | 'v1_64k' | 'v2' | 'v3';

/** The version that the compatible strings of an SMMU stand for. */
export function smmuVersion({
  ids,
  iommu_kind,
}: Pick<DeviceSpec, 'ids' | 'iommu_kind'>): SmmuVersion {
  if (iommu_kind === 'arm-smmu-v3') return 'v3';
  if (ids.includes('arm,mmu-401')) return 'v1_64k';
  return ids.includes('arm,smmu-v1') || ids.includes('arm,mmu-400') ? 'v1' : 'v2';
}

/**
 * IDR0.CTTW or IDR0.COHACC: the register says that the SMMU's own accesses are coherent. null where
 * the machine does not tell its registers.
 */
export function coherentByRegister(spec: DeviceSpec): boolean | null {
  if (spec.registers === undefined) return null;
  return spec.iommu_kind === 'arm-smmu-v3'
    ? bit(register(spec, 'IDR0'), 4)
    : bit(register(spec, 'ID0'), 14);
}

/** Address sizes by their code in ID2. */
const ID2_BITS = [32, 36, 40, 42, 44];
/** Address sizes of v1 and v2: virtual, intermediate physical, physical. */
export interface AddressBits {
  readonly va: number;
  readonly ipa: number;
  readonly pa: number;
}

const bitsOfCode = (code: number): number => ID2_BITS[code] ?? 48;

export function addressBits(spec: DeviceSpec): AddressBits {
  const id2 = register(spec, 'ID2');
  const ipa = bitsOfCode(field(id2, 0, 4));
  const va = smmuVersion(spec) === 'v2' ? bitsOfCode(field(id2, 8, 4)) : ipa;
  return { va, ipa, pa: bitsOfCode(field(id2, 4, 4)) };
}

/**
 * What the id registers of an SMMU v1 or v2 mean. `forceStage` 1 or 2 leaves out the other stage, as
 * the parameter of the driver does; coherency is what firmware says.
 */
export function featuresOfV2(spec: DeviceSpec, forceStage: number): SmmuFeatures {
  const [id0, id1, id2] = [register(spec, 'ID0'), register(spec, 'ID1'), register(spec, 'ID2')];
  const version = smmuVersion(spec);
  const isV2 = version === 'v2';
  const s1 = bit(id0, 30) && forceStage !== 2;
  const has: Record<keyof typeof FEAT_V2, boolean> = {
    COHERENT_WALK: spec.dma_coherent === true,
    STREAM_MATCH: bit(id0, 27),
    TRANS_S1: s1,
    TRANS_S2: bit(id0, 29) && forceStage !== 1,
    TRANS_NESTED: bit(id0, 28) && forceStage === 0,
    TRANS_OPS: s1 && (!isV2 || !bit(id0, 26)),
    VMID16: bit(id2, 15),
    FMT_AARCH64_4K: isV2 && bit(id2, 12),
    FMT_AARCH64_16K: isV2 && bit(id2, 13),
    FMT_AARCH64_64K: (isV2 && bit(id2, 14)) || version === 'v1_64k',
    FMT_AARCH32_L: !isV2 || !bit(id0, 25),
    FMT_AARCH32_S: (!isV2 || !bit(id0, 25)) && !bit(id0, 24),
    EXIDS: isV2 && bit(id0, 8),
  };
  return {
    features: maskOf(FEAT_V2, has),
    streamid_mask: (has.EXIDS ? 0x10000 : 2 ** field(id0, 9, 4)) - 1,
    groups: has.STREAM_MATCH ? field(id0, 0, 8) : 0,
    contexts: field(id1, 0, 8),
    s2_contexts: field(id1, 16, 8),
  };
}

/** The bits of those that are there, as one number. */
export function maskOf<K extends string>(bits: Record<K, number>, has: Record<K, boolean>): number {
  let mask = 0;
  for (const name of Object.keys(bits) as K[]) if (has[name]) mask += bits[name];
  return mask;
}

const [KB, MB, GB] = [1024, 1024 ** 2, 1024 ** 3];
const PAGE_SIZES: readonly (readonly [number, readonly number[]])[] = [
  [FEAT_V2.FMT_AARCH32_S, [4 * KB, 64 * KB, MB, 16 * MB]],
  [FEAT_V2.FMT_AARCH32_L | FEAT_V2.FMT_AARCH64_4K, [4 * KB, 2 * MB, GB]],
  [FEAT_V2.FMT_AARCH64_16K, [16 * KB, 32 * MB]],
  [FEAT_V2.FMT_AARCH64_64K, [64 * KB, 512 * MB]],
];

/** The page sizes of SMMUs with these features of v1 or v2, as a mask of their bits. */
export function pageSizes(features: number): number {
  const sizes = PAGE_SIZES.flatMap(([formats, list]) => ((features & formats) === 0 ? [] : list));
  return [...new Set(sizes)].reduce((sum, size) => sum + size, 0);
}
