/** What happens in the IOMMU core, in IOMMUs, and to DMA. The payloads of events, by type. */

import type { DmaOps } from './machine.ts';
import type { DomainType, StreamType } from './terms.ts';

/** One entry of an SMMU as it is written. */
export type SmmuEntry = {
  /** The number of the mapping group; in a stream table the stream id. */
  readonly index: number;
  readonly id: number;
  /** Bits of a stream id that do not count. */
  readonly mask: number;
  readonly does: StreamType;
  readonly context: number | null;
  /** Devices, and ranges that firmware reserves, for which it is there. */
  readonly count: number;
};

export interface IommuEvents {
  // IOMMU core.
  'fwspec.set': { readonly dev: string; readonly iommu: string; readonly ids: readonly number[] };
  'dev_iommu.allocated': { readonly dev: string };
  'dev_iommu.freed': { readonly dev: string };
  /** `at` is the place of the module that holds the ops; null where they are built in. */
  'iommu.registered': {
    readonly iommu: string;
    readonly ops: string;
    readonly fwnode: boolean;
    readonly at: number | null;
  };
  /** Its registration has searched all buses: who binds may count on it. */
  'iommu.ready': { readonly iommu: string };
  'iommu.unregistered': { readonly iommu: string };
  'iommu.disabled': { readonly iommu: string };
  /** Its driver is done with it: the structure that stands for it is freed. */
  'iommu.freed': { readonly iommu: string };
  /** Its device of the class `iommu` was removed. */
  'iommu.sysfs_removed': { readonly iommu: string };
  /** `at` as in `iommu.registered`. */
  'bus.iommu_ops': {
    readonly bus: string;
    readonly ops: string | null;
    readonly at: number | null;
  };
  /** The IOMMU core hears of devices of the bus while `refs` is not 0. */
  'bus.iommu_notifier': { readonly bus: string; readonly refs: number };
  /** DMA domains are strict from here on, whatever was configured. */
  'iommu.dma_strict': Record<never, never>;
  'iommu.device_probed': { readonly dev: string; readonly iommu: string };
  'iommu.device_released': { readonly dev: string };
  'group.allocated': { readonly group: number };
  'group.joined': { readonly dev: string; readonly group: number };
  'group.left': { readonly dev: string; readonly group: number };
  'group.freed': { readonly group: number };
  'group.default_domain': { readonly group: number; readonly domain: DomainType | null };
  'group.attached': { readonly group: number; readonly domain: DomainType | null };

  /** The default domain of the group maps the reserved regions of the device 1:1. */
  'group.direct_mapped': { readonly dev: string; readonly group: number };

  // DMA operations and mappings of 32-bit Arm (arch/arm/mm/dma-mapping.c).
  'dma_ops.set': { readonly dev: string; readonly ops: DmaOps | null };
  /** They are arch_setup_dma_ops' own from here on (archdata.dma_ops_setup). */
  'dma_ops.set_up': { readonly dev: string };
  'dma_ops.torn_down': { readonly dev: string };
  /** `shared` is the one that the IOMMU's driver made for all its devices. */
  'mapping.created': {
    readonly mapping: number;
    readonly iommu: string;
    readonly shared: boolean;
  };
  'mapping.attached': { readonly dev: string; readonly mapping: number; readonly context: number };
  'mapping.detached': { readonly dev: string; readonly mapping: number };
  'mapping.put': { readonly mapping: number };
  'dma.allocated': { readonly dev: string };

  // Streams of an SMMU, and DMA that runs since before the kernel.
  /** What the driver read in the id registers; see hardware/smmu-registers.ts of the model. */
  'smmu.features': {
    readonly iommu: string;
    readonly features: number;
    readonly streamid_mask: number;
    readonly groups: number;
    readonly contexts: number;
    readonly s2_contexts: number;
  };
  'smmu.reset': {
    readonly iommu: string;
    /** The stream mapping entries that the reset writes. */
    readonly entries: readonly SmmuEntry[];
    /** What becomes of streams without an entry. */
    readonly unmatched: 'bypass' | 'fault';
  };
  'smmu.entry_written': { readonly iommu: string } & SmmuEntry;
  /** The entry was made invalid. */
  'smmu.entry_freed': { readonly iommu: string; readonly index: number };
  /** A context bank translates for the group's domain of that type from here on. */
  'smmu.context_bank': {
    readonly iommu: string;
    readonly context: number;
    readonly group: number;
    readonly domain: DomainType;
  };
  /** GBPA of an SMMU v3: what becomes of all streams while it is off. */
  'smmu.gbpa_written': { readonly iommu: string; readonly abort: boolean };
  /** It looks at no stream: sCR0.CLIENTPD set, or CR0.SMMUEN clear. */
  'smmu.disabled': { readonly iommu: string };
  /** A function of a VT-d or AMD-Vi unit was switched on or off. */
  'x86_unit.written': {
    readonly iommu: string;
    readonly what: 'queue' | 'interrupts' | 'translation';
    readonly on: boolean;
  };
  /** A fault was written down; `next` is the record for the one after it. */
  'x86_unit.fault_recorded': { readonly iommu: string; readonly next: number };
  /** A virtio-iommu was reset, or its driver is ready; in both cases nothing is attached to anything. */
  'viommu.reset': { readonly iommu: string; readonly driver_ok: boolean };
  /** What an endpoint is attached to; null for nothing. */
  'viommu.endpoint_written': {
    readonly iommu: string;
    readonly id: number;
    readonly does: 'translate' | 'bypass' | null;
  };
  /** A micro-TLB of an IPMMU goes through a context; null where it is switched off. */
  'ipmmu.utlb_written': {
    readonly iommu: string;
    readonly id: number;
    readonly context: number | null;
  };
  /** A context of an IPMMU belongs to a domain of a group; null where it is free again. */
  'ipmmu.context_written': {
    readonly iommu: string;
    readonly context: number;
    readonly user: { readonly group: number; readonly domain: DomainType } | null;
  };
  'dma.faulted': { readonly dev: string; readonly iommu: string; readonly id: number };
  'dma.handed_over': { readonly dev: string };

  // DMA ownership.
  'owner.used': { readonly dev: string; readonly group: number; readonly ret: number };
  'owner.unused': { readonly dev: string; readonly group: number };
  'owner.claimed': { readonly group: number; readonly owner: string; readonly ret: number };
  'owner.released': { readonly group: number };
  /** A claim for one device; the group counts those of its owner. */
  'owner.device_claimed': {
    readonly dev: string;
    readonly group: number;
    readonly owner: string;
    readonly ret: number;
  };
  'owner.device_released': { readonly dev: string; readonly group: number };
}
