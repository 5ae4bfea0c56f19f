/** The words that keys of a scenario take, where not any will do. Readers take these and no others. */

import type { IpmmuTakes } from '../events/iommu-units.ts';
import type { IommuKind, Machine, PcieType, ReservedRegion } from '../events/machine.ts';
import { type Arch, type DeviceSpec, type DriverSpec, INITCALL_LEVELS } from '../events/machine.ts';

const list = <T extends string>(...words: readonly T[]): readonly T[] => words;

export const MACHINE_WORDS = {
  firmware: list<Machine['firmware']>('devicetree', 'acpi', 'none'),
  arch: list<Arch>('arm', 'arm64'),
  /** Steps of the boot that name nothing. */
  boot: list('populate', 'iommu_subsys', 'late_initcall'),
};

export const DEVICE_WORDS = {
  iommu_kind: list<IommuKind>(
    ...(['arm-smmu', 'arm-smmu-v3', 'virtio-iommu', 'intel', 'amd', 'ipmmu-vmsa'] as const),
  ),
  boot_mapping: list<NonNullable<DeviceSpec['boot_mapping']>>('translate', 'bypass', 'none'),
  notifier_dma_ops: list<NonNullable<DeviceSpec['notifier_dma_ops']>>(
    'arm_dma_ops',
    'arm_coherent_dma_ops',
  ),
};

export const REGION_WORDS = {
  type: list<ReservedRegion['type']>('direct', 'direct-relaxable', 'reserved'),
  via: list<ReservedRegion['via']>('rmr', 'dt', 'rmrr', 'ivmd'),
};

export const DRIVER_WORDS = {
  probe_type: list<DriverSpec['probe_type']>('default', 'async', 'sync'),
  initcall: INITCALL_LEVELS,
  shutdown: list<NonNullable<DriverSpec['shutdown']>>('quiesce', 'remove'),
};

/** The words of `acs`, each with what it says of [acs_capable, acs_enabled]. */
export const ACS = {
  none: [false, false],
  off: [true, false],
  on: [true, true],
  /** The capability lacks some of the bits, and has those on that it has. */
  partial: [false, true],
} as const;

export const PCI_WORDS = {
  type: list<PcieType | 'conventional'>(
    ...(['endpoint', 'legacy-endpoint', 'root-port', 'upstream', 'downstream'] as const),
    ...(['pcie-to-pci', 'pci-to-pcie', 'rc-endpoint', 'rc-event-collector'] as const),
    'conventional',
  ),
  acs: list<keyof typeof ACS>('none', 'off', 'on', 'partial'),
};

export const VTD_WORDS = { left_on: list('translation', 'interrupts') };

export const IPMMU_WORDS = {
  takes: list<IpmmuTakes>('all', 'listed', 'none'),
};

/** Keys that say true or false, which is also on or off, yes or no, 1 or 0. */
const FLAGS: Readonly<Record<string, readonly string[]>> = {
  device: [
    ...['disabled', 'of_disabled', 'dma_coherent', 'snoops', 'isolated_msi', 'caching_mode'],
    ...['mmu_masters', 'external_facing'],
  ],
  driver: [
    ...['driver_managed_dma', 'suppress_bind_attrs', 'pasid', 'sync_state', 'cleans_up'],
    ...['maps_dma', 'manages_iommu'],
  ],
  pci: ['multifunction'],
  module: ['no_exit'],
  vtd: ['include_all', 'unused'],
  dmar: ['x2apic_opt_out', 'x2apic'],
  amd_vi: ['counters', 'interrupts'],
  viommu: ['map_unmap', 'bypass'],
  ipmmu: ['reserved_context'],
};

const WORDS: Readonly<Record<string, Readonly<Record<string, readonly string[]>>>> = {
  machine: MACHINE_WORDS,
  device: DEVICE_WORDS,
  driver: DRIVER_WORDS,
  pci: PCI_WORDS,
  vtd: VTD_WORDS,
  ipmmu: IPMMU_WORDS,
};

/** The words that a key of such a map may have; none where it takes others, or numbers, or a map. */
export function wordsOf(of: string, key: string): readonly string[] {
  if (FLAGS[of]?.includes(key) === true) return ['true', 'false'];
  return WORDS[of]?.[key] ?? [];
}
