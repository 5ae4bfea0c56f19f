/**
 * VT-d units, as the hardware has them: what their registers say.
 *
 * Source: Intel Virtualization Technology for Directed I/O, chapters 10 and 11; the names of features
 * are the kernel's.
 */

import type { VtdUnit } from '../../events/iommu-units.ts';
import type { DeviceSpec } from '../../events/machine.ts';
import type { Facts } from '../context.ts';
import { bit, field } from './wide-registers.ts';

/** A unit whose registers the machine describes. */
export interface DescribedUnit {
  readonly name: string;
  readonly unit: VtdUnit;
}

/** The units that the machine describes, in the order of the DMAR table. */
export function describedUnits(k: Pick<Facts, 'machine'>): readonly DescribedUnit[] {
  return k.machine.devices.flatMap(({ name, vtd }) =>
    vtd === undefined ? [] : { name, unit: vtd },
  );
}

/**
 * CAP_REG.SAGAW: a unit without an address width for second-level tables cannot translate, unless first-level
 * tables are all that it has, ECAP_REG.SMTS without SLTS.
 */
export const supportsTranslation = ({ cap, ecap }: VtdUnit): boolean =>
  field(cap, 8, 5) !== 0 || (bit(ecap, 43) && !bit(ecap, 46));
/** CAP_REG.ND: how many domain ids there are. */
export const domainIds = ({ cap }: VtdUnit): number => 2 ** (4 + 2 * field(cap, 0, 3));
/** CAP_REG.MGAW: how many bits an address of a request may have. */
export const guestAddressBits = ({ cap }: VtdUnit): number => field(cap, 16, 6) + 1;
export const hasQueuedInvalidation = ({ ecap }: VtdUnit): boolean => bit(ecap, 1);
export const remapsInterrupts = ({ ecap }: VtdUnit): boolean => bit(ecap, 3);
export const hasExtendedInterruptMode = ({ ecap }: VtdUnit): boolean => bit(ecap, 4);
export const hasScalableMode = ({ ecap }: VtdUnit): boolean => bit(ecap, 43);
/** CAP_REG.NFR: how many fault recording registers there are. */
const faultRegisters = ({ cap }: VtdUnit): number => field(cap, 40, 8) + 1;

/** CAP_REG.CM: entries that are not present may be cached, as emulated units have it. */
export function hasCachingMode({ vtd, caching_mode }: DeviceSpec): boolean {
  return caching_mode ?? (vtd !== undefined && bit(vtd.cap, 7));
}

/** Features that all units should have alike, in the order in which the kernel compares them. */
const FEATURES: readonly (readonly [name: string, register: 'cap' | 'ecap', bit: number])[] = [
  ['fl5lp_support', 'cap', 60],
  ['fl1gp_support', 'cap', 56],
  ['read_drain', 'cap', 55],
  ['write_drain', 'cap', 54],
  ['pgsel_inv', 'cap', 39],
  ['zlr', 'cap', 22],
  ['caching_mode', 'cap', 7],
  ['phmr', 'cap', 6],
  ['plmr', 'cap', 5],
  ['rwbf', 'cap', 4],
  ['afl', 'cap', 3],
  ['rps', 'ecap', 49],
  ['smpwc', 'ecap', 48],
  ['flts', 'ecap', 47],
  ['slts', 'ecap', 46],
  ['nwfs', 'ecap', 33],
  ['slads', 'ecap', 45],
  ['vcs', 'ecap', 44],
  ['smts', 'ecap', 43],
  ['pds', 'ecap', 42],
  ['dit', 'ecap', 41],
  ['pasid', 'ecap', 40],
  ['eafs', 'ecap', 34],
  ['srs', 'ecap', 31],
  ['ers', 'ecap', 30],
  ['prs', 'ecap', 29],
  ['nest', 'ecap', 26],
  ['mts', 'ecap', 25],
  ['sc_support', 'ecap', 7],
  ['pass_through', 'ecap', 6],
  ['dev_iotlb_support', 'ecap', 2],
  ['qis', 'ecap', 1],
  ['coherent', 'ecap', 0],
];

const INTERRUPT_FEATURES: typeof FEATURES = [
  ['pi_support', 'cap', 59],
  ['eim_support', 'ecap', 4],
];

/**
 * The features in which units differ from the first of them, once for each unit that does.
 *
 * Costs one comparison for each feature of each unit.
 */
export function unlikeFeatures(
  units: readonly DescribedUnit[],
  of: 'translation' | 'interrupts',
): readonly string[] {
  const features = of === 'translation' ? FEATURES : INTERRUPT_FEATURES;
  const [first, ...others] = units;
  if (first === undefined) return [];
  return others.flatMap(({ unit }) =>
    features
      .filter(([, register, n]) => bit(unit[register], n) !== bit(first.unit[register], n))
      .map(([name]) => name),
  );
}

/** What FSTS_REG reads as the unit reports one fault: a fault is pending, in this record. */
export function faultStatus(k: Facts, iommu: string): number {
  return ((k.state.x86_units[iommu]?.fault_index ?? 0) << 8) | 2;
}

/** The record that the unit writes after this fault. */
export function nextFaultIndex(k: Facts, { name, unit }: DescribedUnit): number {
  return ((k.state.x86_units[name]?.fault_index ?? 0) + 1) % faultRegisters(unit);
}
