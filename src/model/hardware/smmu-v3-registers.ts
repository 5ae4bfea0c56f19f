/**
 * The id registers of an SMMU v3, and what its driver makes of them.
 *
 * Source: Arm SMMU architecture, version 3 (IHI 0070): IDR0, IDR1, IDR3, IDR5.
 */

import type { DeviceSpec } from '../../events/machine.ts';
import { field, maskOf, register, type SmmuFeatures } from './smmu-registers.ts';

/** ARM_SMMU_FEAT_* of v3. Kernel: drivers/iommu/arm/arm-smmu-v3/arm-smmu-v3.h, v6.1. */
export const FEAT_V3 = {
  TWO_LVL_STRTAB: 1 << 0,
  TWO_LVL_CDTAB: 1 << 1,
  TT_LE: 1 << 2,
  TT_BE: 1 << 3,
  PRI: 1 << 4,
  ATS: 1 << 5,
  SEV: 1 << 6,
  MSI: 1 << 7,
  COHERENCY: 1 << 8,
  TRANS_S1: 1 << 9,
  TRANS_S2: 1 << 10,
  STALLS: 1 << 11,
  HYP: 1 << 12,
  STALL_FORCE: 1 << 13,
  VAX: 1 << 14,
  RANGE_INV: 1 << 15,
} as const;

/** Bits of a stream id that one second-level table covers (STRTAB_SPLIT). */
export const STRTAB_SPLIT = 8;

/** Translation tables' endianness: IDR0.TTENDIAN. */
const [TTENDIAN_MIXED, TTENDIAN_LE] = [0, 2];
/** Stall models: IDR0.STALL_MODEL. */
const [STALLS, STALL_FORCE] = [0, 2];

/** Output address sizes by their code in IDR5. */
const OAS_BITS = [32, 36, 40, 42, 44, 48, 52];
/** What any other code is taken for. */
const OAS_MAX = 48;
/** IDR1.CMDQS: a queue with no room for a batch of commands and one more is too small. */
const CMDQ_BATCH_SHIFT = 6;

/** Input and output address sizes. */
export function addressBitsV3(spec: DeviceSpec): { readonly ias: number; readonly oas: number } {
  const oas = OAS_BITS[field(register(spec, 'IDR5'), 0, 3)] ?? OAS_MAX;
  const has32 = field(register(spec, 'IDR0'), 2, 2) === 3;
  return { ias: Math.max(has32 ? 40 : 0, oas), oas };
}

/** Has IDR5 a code of which nobody knows how many bits it stands for? */
export function isUnknownOas(spec: DeviceSpec): boolean {
  return OAS_BITS[field(register(spec, 'IDR5'), 0, 3)] === undefined;
}

/** Why the driver does not drive this SMMU: the line it prints; null where it does. */
export function refusedV3(spec: DeviceSpec): string | null {
  const [idr0, idr1] = [register(spec, 'IDR0'), register(spec, 'IDR1')];
  const endian = field(idr0, 21, 2);
  if (endian !== TTENDIAN_MIXED && endian !== TTENDIAN_LE)
    return 'unknown/unsupported TT endianness!';
  if (field(idr0, 0, 2) === 0) return 'no translation support!';
  if (field(idr0, 2, 2) < 2) return 'AArch64 table format not supported!';
  if (field(idr1, 28, 3) !== 0) return 'embedded implementation not supported';
  if (queueShifts(spec).cmdq <= CMDQ_BATCH_SHIFT)
    return `command queue size <= ${2 ** CMDQ_BATCH_SHIFT} entries not supported`;
  return null;
}

/** What the id registers of an SMMU v3 mean; coherency is what firmware says. */
export function featuresOfV3(spec: DeviceSpec): SmmuFeatures {
  const [idr0, idr1] = [register(spec, 'IDR0'), register(spec, 'IDR1')];
  const is = (at: number): boolean => field(idr0, at, 1) === 1;
  const sidBits = field(idr1, 0, 6);
  const stall = field(idr0, 24, 2);
  const has: Record<keyof typeof FEAT_V3, boolean> = {
    TWO_LVL_STRTAB: field(idr0, 27, 2) === 1 && sidBits > STRTAB_SPLIT,
    TWO_LVL_CDTAB: is(19),
    TT_LE: true,
    TT_BE: field(idr0, 21, 2) === TTENDIAN_MIXED,
    PRI: is(16),
    ATS: is(10),
    SEV: is(14),
    MSI: is(13),
    COHERENCY: spec.dma_coherent === true,
    TRANS_S1: is(1),
    TRANS_S2: is(0),
    STALLS: stall === STALLS || stall === STALL_FORCE,
    HYP: is(9),
    STALL_FORCE: stall === STALL_FORCE,
    VAX: field(register(spec, 'IDR5'), 10, 2) === 1,
    RANGE_INV: field(register(spec, 'IDR3'), 10, 1) === 1,
  };
  const features = maskOf(FEAT_V3, has);
  return { features, streamid_mask: 2 ** sidBits - 1, groups: 0, contexts: 0, s2_contexts: 0 };
}

/** Entries of the queues that an SMMU v3 can have, as powers of two, in the order of their set-up. */
export function queueShifts(spec: DeviceSpec): Readonly<Record<'cmdq' | 'evtq' | 'priq', number>> {
  const idr1 = register(spec, 'IDR1');
  return { cmdq: field(idr1, 21, 5), evtq: field(idr1, 16, 5), priq: field(idr1, 11, 5) };
}
