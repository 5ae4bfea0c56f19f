/**
 * What a machine is before its kernel runs: devices that firmware describes or a bus scan finds, and
 * the drivers the kernel has for them. Plain data: it stands in scenarios and in trace headers.
 */

import type { AmdUnit, DmarTable, IpmmuUnit, VirtioIommuUnit, VtdUnit } from './iommu-units.ts';

/** A PCI function as its configuration space describes it. */
export interface PciFunction {
  /** Vendor and device id. */
  readonly vendor: number;
  readonly device: number;
  /** Class code, 24 bits: base class, sub-class, programming interface. */
  readonly class: number;
  /** Header type without the multi-function bit: 0 normal, 1 bridge, 2 CardBus. */
  readonly header: number;
  /** The numbers of the resources it has in its base address registers; absent where not known. */
  readonly bars?: readonly number[];
  readonly multifunction: boolean;
  /** PCI Express device/port type, or null for a conventional function. */
  readonly pcie: PcieType | null;
  /** Has the ACS capability with the bits SV, RR, CR and UF implemented. */
  readonly acs_capable: boolean;
  /** Has all of SV, RR, CR and UF switched on when the scan is over. */
  readonly acs_enabled: boolean;
  /** The physical number of the hot-plug slot behind a port that has one. */
  readonly slot?: number;
}

export type PcieType =
  | 'endpoint'
  | 'legacy-endpoint'
  | 'root-port'
  | 'upstream'
  | 'downstream'
  | 'pcie-to-pci'
  | 'pci-to-pcie'
  | 'rc-endpoint'
  | 'rc-event-collector';

/** One row of an `iommu-map` property or of an IORT root complex mapping. */
export interface IommuMapRow {
  readonly rid_base: number;
  readonly iommu: string;
  readonly sid_base: number;
  readonly length: number;
}

/** One phandle with its cells in an `iommus` property. */
export interface IommuSpec {
  readonly iommu: string;
  readonly ids: readonly number[];
  /** Which bits of each id an SMMU v1 or v2 is not to look at; absent, those of the SMMU's own node. */
  readonly masks?: readonly number[];
}

/** The id registers of SMMUs v1 and v2, then those of v3. */
export const SMMU_REGISTERS = ['ID0', 'ID1', 'ID2', 'IDR0', 'IDR1', 'IDR3', 'IDR5'] as const;
export type SmmuRegister = (typeof SMMU_REGISTERS)[number];
/** What they read as: 32 bits each. */
export type SmmuRegisters = { readonly [name in SmmuRegister]?: number };

/** `struct dma_map_ops` of 32-bit Arm, by the kernel's names. */
export type DmaOps = 'arm_dma_ops' | 'arm_coherent_dma_ops' | 'iommu_ops';

/** What an SMMU has for the streams of a device as the kernel starts; `none` where it lets all pass. */
export type BootMapping = 'translate' | 'bypass' | 'none';

/** A memory range that firmware reserves for a device: in IORT, in the device tree, in DMAR, in IVRS. */
export interface ReservedRegion {
  readonly type: 'direct' | 'direct-relaxable' | 'reserved';
  readonly via: 'rmr' | 'dt' | 'rmrr' | 'ivmd';
  /** The addresses that the device uses, where they are known: below 2^53. */
  readonly start?: number;
  readonly length?: number;
}

/** Memory that DMA which runs as the kernel starts needs: what it reaches, or the tables to it. */
export interface BootMemory {
  readonly start: number;
  readonly length: number;
  /** Page tables that the IOMMU walks for it; absent, what the device reads and writes. */
  readonly tables?: boolean;
  /** Firmware's memory map keeps the kernel from it. */
  readonly reserved?: boolean;
  /** A kernel that reads these mappings back does not understand this one. */
  readonly unseen?: boolean;
}

/** A device that firmware describes, or that a PCI scan will find. */
export interface DeviceSpec {
  /** The kernel's name: `9050000.smmuv3`, `0000:01:00.0`, `virtio0`. */
  readonly name: string;
  /** The kernel's bus name: `platform`, `amba`, `pci`, `virtio`, `pci_express`. */
  readonly bus: string;
  readonly parent: string | null;
  /** What drivers match against: compatible strings, ACPI ids, a modalias of the bus. */
  readonly ids: readonly string[];
  /**
   * `status = "disabled"` in firmware: no device is created. Of a PCI function: it is not in its slot
   * at boot. Absent means okay.
   */
  readonly disabled?: boolean;
  /** Of a PCI function: its firmware node is disabled. The scan finds the function all the same. */
  readonly of_disabled?: boolean;
  /** The kind of IOMMU the device is, if it is one. */
  readonly iommu_kind?: IommuKind;
  /**
   * Wired coherent to the CPU's caches according to firmware. On a PCI function: it has a firmware
   * node of its own that says so.
   */
  readonly dma_coherent?: boolean;
  /** Wired so in truth, where firmware errs. */
  readonly snoops?: boolean;
  /** Of an SMMU: what its id registers read as; one that is not named reads as 0. */
  readonly registers?: SmmuRegisters;
  /** Of an SMMU v1 or v2: the mask of stream ids that say none of their own (`stream-match-mask`). */
  readonly stream_match_mask?: number;
  /** Of an SMMU v1 or v2: the interrupts that are left for context banks; absent, enough for all. */
  readonly context_irqs?: number;
  /** On a host bridge: false where its MSIs are not told apart by the device that sends them. */
  readonly isolated_msi?: boolean;
  /** The capability of a VT-d unit that emulated ones have: unmapped entries may be cached. */
  readonly caching_mode?: boolean;
  /** The registers of an IOMMU, where known; without them its driver does not speak of them. */
  readonly vtd?: VtdUnit;
  readonly amd_vi?: AmdUnit;
  readonly viommu?: VirtioIommuUnit;
  readonly ipmmu?: IpmmuUnit;
  /**
   * An SMMU whose own node lists its masters, the deprecated binding. Their `iommus` say here what
   * stands there; firmware's answer for each of them is that it has no IOMMU.
   */
  readonly mmu_masters?: boolean;
  /** Of an IOMMU: how many translation contexts it has; absent, enough for all. */
  readonly contexts?: number;
  /** Present on a device with `iommus` that has done DMA since before the kernel started. */
  readonly boot_mapping?: BootMapping;
  readonly reserved?: readonly ReservedRegion[];
  /** Of a device with `boot_mapping`: the memory that takes. */
  readonly boot_memory?: readonly BootMemory[];
  /** What a bus notifier of the board makes the DMA operations of the device, on 32-bit Arm. */
  readonly notifier_dma_ops?: Exclude<DmaOps, 'iommu_ops'>;
  /** IOMMU references of a firmware-described device. */
  readonly iommus?: readonly IommuSpec[];
  /** Names of devices whose drivers must be bound first (clocks, regulators: managed links). */
  readonly suppliers?: readonly string[];
  /** Devices that must be bound before the bus can read what this one is: an amba device's clock. */
  readonly match_defers_on?: readonly string[];
  /** The same, named by firmware nodes below its own that get no device of their own. */
  readonly child_suppliers?: readonly string[];
  /** Present on a PCI host bridge: how requester ids map to IOMMUs. */
  readonly iommu_map?: readonly IommuMapRow[];
  readonly iommu_map_mask?: number;
  /** Path of its node in the device tree, where that is not the device's name turned round. */
  readonly of_node?: string;
  /** Isolation context of a device on the fsl-mc bus: the id its container's root maps to streams. */
  readonly icid?: number;
  /** Firmware says that what hangs below this port may be anything: it is not trusted. */
  readonly external_facing?: boolean;
  /** Present on a PCI function. */
  readonly pci?: PciFunction;
  /** Devices that the driver's probe creates below this one (virtio, port services). */
  readonly creates?: readonly DeviceSpec[];
}

export type IommuKind =
  | 'arm-smmu'
  | 'arm-smmu-v3'
  | 'virtio-iommu'
  | 'intel'
  | 'amd'
  | 'ipmmu-vmsa';

/** The kinds that find their devices by PCI address, without firmware's ids. */
export type X86IommuKind = 'intel' | 'amd';

export function isX86Iommu(kind: string | undefined): kind is X86IommuKind {
  return kind === 'intel' || kind === 'amd';
}

/** A driver as registration hands it to the driver core. */
export interface DriverSpec {
  readonly name: string;
  readonly bus: string;
  /** The module that owns it, or null where it is built in. */
  readonly module: string | null;
  /** Ids it matches: each equals one of a device's ids, or matches it as a modalias pattern. */
  readonly ids: readonly string[];
  readonly driver_managed_dma: boolean;
  readonly suppress_bind_attrs: boolean;
  readonly probe_type: 'default' | 'async' | 'sync';
  /** Where it is built in and the machine does not order the boot: when it registers; `device`. */
  readonly initcall?: InitcallLevel;
  /** Its shutdown switches the hardware off, or is its remove; absent where it has none. */
  readonly shutdown?: 'quiesce' | 'remove';
  /** Its probe has the IOMMU use PASIDs, for which a domain of its own replaces the default one. */
  readonly pasid?: boolean;
  /** Wants to hear when all consumers of its device are bound: it has a sync_state callback. */
  readonly sync_state?: boolean;
  /** Switches off at the end of the boot what no consumer has asked its device for. */
  readonly cleans_up?: boolean;
  /** What its probe returns for a device, in order of attempts; the last answer repeats. */
  readonly outcomes?: Readonly<Record<string, readonly number[]>>;
  /** What its probe returns for devices without an entry in `outcomes`; 0 where absent. */
  readonly outcome?: number;
  /**
   * Per device: those whose driver must be bound for its probe to succeed, because it asks them for
   * a clock, a regulator or a line. Until then it returns -EPROBE_DEFER.
   */
  readonly defers_on?: Readonly<Record<string, readonly string[]>>;
  /** Per device: the reason its probe gives for deferring, without the `driver: ` before it. */
  readonly defer_reasons?: Readonly<Record<string, string>>;
  /** Its probe, where it succeeds, allocates a managed DMA buffer, and its device uses it. */
  readonly maps_dma?: boolean;
  /** It wants no default domain attached before its probe, where a kernel has such a flag. */
  readonly manages_iommu?: boolean;
}

/** The level at which a built-in driver registers. Kernel: include/linux/init.h. */
export const INITCALL_LEVELS = [
  ...['core', 'postcore', 'arch', 'subsys', 'fs', 'rootfs'],
  ...['device', 'device_sync', 'late'],
] as const;
export type InitcallLevel = (typeof INITCALL_LEVELS)[number];

/** A module: what it needs and what its init does. It registers the drivers that name it. */
export interface ModuleSpec {
  readonly name: string;
  readonly depends: readonly string[];
  /** Symbols it uses that nothing exports: it does not load. */
  readonly unresolved?: readonly string[];
  /** What its init returns before it registers anything; 0 where absent. */
  readonly init?: number;
  /** It has no exit function: it cannot be unloaded. */
  readonly no_exit?: boolean;
}

/** One step of the kernel's own boot, before user space acts. */
export type BootStep =
  | { readonly step: 'populate' }
  | { readonly step: 'device'; readonly dev: string }
  | { readonly step: 'driver'; readonly bus: string; readonly drv: string }
  /** An IOMMU comes up that no driver of the driver core drives: Intel's, AMD's. */
  | { readonly step: 'iommu'; readonly iommu: string }
  /** The IOMMU core says what DMA goes through; a part of `populate` where it has no step. */
  | { readonly step: 'iommu_subsys' }
  | { readonly step: 'late_initcall' };

/** The architectures that the model tells apart. */
export type Arch = 'arm' | 'arm64';

/** The hardware with its firmware's description, and the drivers and modules that exist for it. */
export interface Machine {
  readonly firmware: 'devicetree' | 'acpi' | 'none';
  /** Absent: one whose DMA operations the IOMMU core looks after, such as arm64. */
  readonly arch?: Arch;
  /** The DMAR table's header and what it says beside units, where known. */
  readonly dmar?: DmarTable;
  /** Devices in the order in which firmware code or a bus scan creates them. */
  readonly devices: readonly DeviceSpec[];
  readonly drivers: readonly DriverSpec[];
  readonly modules: readonly ModuleSpec[];
  /** Order of the boot; what is not listed is appended in link order. */
  readonly boot: readonly BootStep[];
  /** Where the kernel finds no memory; nowhere where absent. */
  readonly failures?: Failures;
}

/** Functions of the kernel that allocate, and what comes of that where they cannot. */
export const ALLOCATIONS = ['iommu_group_alloc', 'iommu_domain_alloc'] as const;
export type Allocation = (typeof ALLOCATIONS)[number];

/** By function and device: what it returns, 0 or an errno, attempt by attempt; the last answer stays. */
export type Failures = {
  readonly [call in Allocation]?: Readonly<Record<string, readonly number[]>>;
};

/** The kernel that runs on it. */
export interface KernelSpec {
  /** Profile: `6.1`, `6.12`. */
  readonly version: string;
  /** `uname -r`, where known. */
  readonly release: string | null;
  readonly config: Readonly<Record<string, string>>;
  readonly cmdline: string;
  /** Patches switched on (true) or off (false) against the profile. */
  readonly patches: Readonly<Record<string, boolean>>;
}
