/**
 * What IOMMUs that are no Arm SMMU are made of: the registers and feature bits that their drivers read,
 * and the tables of firmware that tell of them. Registers of 64 bits and addresses are `0x…` strings.
 */

/** A VT-d unit: a DRHD structure of the DMAR table, and the registers that the unit has. */
export interface VtdUnit {
  readonly base: string;
  /** INCLUDE_PCI_ALL: what no other unit of the segment names. */
  readonly include_all: boolean;
  /** VER_REG as `major:minor`. */
  readonly ver: string;
  readonly cap: string;
  readonly ecap: string;
  /** I/O APICs and HPETs in its scope, by enumeration id. */
  readonly ioapics?: readonly number[];
  readonly hpets?: readonly number[];
  /** No device in its scope exists, so that the kernel leaves it alone. */
  readonly unused?: boolean;
  /** What of it is on as the kernel starts. */
  readonly left_on?: readonly VtdFunction[];
}

export type VtdFunction = 'translation' | 'interrupts';

/** The rest of a DMAR table: its header, and structures that are no units. */
export interface DmarTable {
  /** Bits of a host address. */
  readonly width: number;
  /** Firmware asks not to use x2APIC mode. */
  readonly x2apic_opt_out?: boolean;
  readonly rmrr?: readonly AddressRange[];
  /** Flags of each ATSR structure. */
  readonly atsr?: readonly number[];
  readonly rhsa?: readonly { readonly base: string; readonly node: number }[];
  /** Flags of each SATC structure. */
  readonly satc?: readonly number[];
  /** The processor has x2APIC mode. */
  readonly x2apic?: boolean;
}

/** Both ends belong to it. */
export interface AddressRange {
  readonly base: string;
  readonly end: string;
}

/** One of AMD's IOMMUs: what IVRS says of it and what it has. */
export interface AmdUnit {
  /** The PCI function that it is. */
  readonly dev: string;
  /** Offset of its capability block in that function's configuration space. */
  readonly cap: number;
  /** Extended features, the second word where the unit has one. */
  readonly efr: string;
  readonly efr2?: string;
  /** It has performance counters that can be written. */
  readonly counters?: boolean;
  /** It remaps interrupts: IVRS names every I/O APIC. */
  readonly interrupts?: boolean;
  /** What IVRS says of the extended features, where that is not what the register says. */
  readonly ivhd_efr?: string;
  /** Devices of ACPI name space that IVRS names. */
  readonly acpi?: readonly AcpiHid[];
}

export interface AcpiHid {
  readonly hid: string;
  readonly uid: string;
  /** The requester id it uses. */
  readonly rdevid: number;
}

/** One IPMMU of Renesas. */
export interface IpmmuUnit {
  /** The one whose translation contexts it uses; its own where absent. */
  readonly main?: string;
  /** The kernel keeps off context 0. */
  readonly reserved_context?: boolean;
  /** Which devices the driver takes on this chip: those it is known to work with, or none; else all. */
  readonly takes?: IpmmuTakes;
}

export type IpmmuTakes = 'all' | 'listed' | 'none';

/** What a virtio-iommu offers. */
export interface VirtioIommuUnit {
  /** VIRTIO_IOMMU_F_MAP_UNMAP; offered where absent. */
  readonly map_unmap?: boolean;
  /** The bits of the last input address; 64 where absent. */
  readonly input_bits?: number;
  /** The page sizes it maps; all from 4 KiB on where absent. */
  readonly page_size_mask?: string;
  /**
   * VIRTIO_IOMMU_F_BYPASS_CONFIG with its `bypass` field: what is attached to no domain reaches memory,
   * or does not. Absent: the feature is not offered, and it does not.
   */
  readonly bypass?: boolean;
  /** The addresses of interrupts, which it lets pass; none where absent. */
  readonly msi?: AddressRange;
}
