/**
 * AMD's IOMMUs, as the hardware has them: what their extended feature registers say.
 *
 * Source: AMD I/O Virtualization Technology (IOMMU) Specification, MMIO offset 0030h; the names of
 * features are the kernel's.
 */

import type { AmdUnit } from '../../events/iommu-units.ts';
import type { Facts } from '../context.ts';
import { bit } from './wide-registers.ts';

/** A unit whose registers the machine describes. */
export interface DescribedAmdUnit {
  readonly name: string;
  readonly unit: AmdUnit;
}

/** The units that the machine describes, in the order of IVRS. */
export function describedAmdUnits(k: Pick<Facts, 'machine'>): readonly DescribedAmdUnit[] {
  return k.machine.devices.flatMap(({ name, amd_vi }) =>
    amd_vi === undefined ? [] : { name, unit: amd_vi },
  );
}

const FEATURES = ['PreF', 'PPR', 'X2APIC', 'NX', 'GT', '[5]', 'IA', 'GA', 'HE', 'PC'];
const XT = 2;
const GAM_VAPIC = 21;
const SNP = 43;

/** The features by name, each with a blank before it. */
export function featureNames(efr: string): string {
  const names = FEATURES.filter((_, n) => bit(efr, n));
  if (bit(efr, GAM_VAPIC)) names.push('GA_vAPIC');
  if (bit(efr, SNP)) names.push('SNP');
  return names.map((name) => ` ${name}`).join('');
}

export const hasX2apic = (efr: string): boolean => bit(efr, XT);
export const hasVirtualApic = (efr: string): boolean => bit(efr, GAM_VAPIC);
