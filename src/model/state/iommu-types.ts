/** The state of IOMMUs, their groups and their hardware. Written by reducers only. */

import type { DmaResult, FaultReason } from '../../events/dma-events.ts';
import type { Table } from '../../events/table.ts';
import type { DomainType, StreamType } from '../../events/terms.ts';

/** struct iommu_device, while it is on the core's list. */
export interface IommuInstance {
  name: string;
  ops: string;
  /** The place of the module that holds the ops; null where they are built in. */
  at: number | null;
  /** It is on the list although its driver freed it. */
  freed: boolean;
  fwnode: boolean;
  /** Its device of the class `iommu` exists, to which those it translates for are linked. */
  in_sysfs: boolean;
  /** Its hardware was switched off by a shutdown. */
  disabled: boolean;
  /** Its registration has searched all buses; never true before iommu_ready_flag. */
  ready: boolean;
}

/** struct iommu_group. */
export interface Group {
  id: number;
  /** Members in the order they joined. */
  devices: string[];
  default_domain: DomainType | null;
  domain: DomainType | null;
  owner: string | null;
  owner_cnt: number;
  /** Members whose reserved regions the default domain maps 1:1. */
  direct_mapped: string[];
}

/** struct dma_iommu_mapping of 32-bit Arm. */
export interface Mapping {
  id: number;
  iommu: string;
  /** The IOMMU's driver keeps a pointer to it: the number stays known when the last reference goes. */
  shared: boolean;
  kref: number;
  /** The translation context of its domain, chosen at the first attach. */
  context: number | null;
}

/** Hardware: a stream mapping register group with its S2CR, or a stream table entry. */
export interface StreamEntry {
  id: number;
  /** Bits of a stream id that do not count; 0 in a stream table. */
  mask: number;
  does: StreamType;
  /** The context bank that translates. */
  context: number | null;
  /** Devices, and ranges that firmware reserves, for which it is there. */
  count: number;
}

/** Hardware: the stream mapping entries or the stream table of an SMMU, and its context banks. */
export interface Smmu {
  /** What its driver read in the id registers; null where the machine does not tell them. */
  features: SmmuFeatures | null;
  enabled: boolean;
  /** GBPA.ABORT of a v3: while it is off all streams fault, and nobody hears of it. */
  gbpa_abort: boolean;
  /** By the number of the mapping group; in a stream table by stream id. */
  entries: Table<StreamEntry>;
  unmatched: 'bypass' | 'fault';
  /** The domain that each context bank in use translates for. */
  context_banks: Table<{ group: number; domain: DomainType }>;
}

/** What an SMMU can do, as its driver keeps it: see hardware/smmu-registers.ts. */
export interface SmmuFeatures {
  features: number;
  streamid_mask: number;
  groups: number;
  contexts: number;
  s2_contexts: number;
}

/** Hardware: what of a VT-d or AMD-Vi unit is on. */
export interface X86Unit {
  /** Queued invalidation. */
  queue: boolean;
  translation: boolean;
  /** The record that takes the next fault. */
  fault_index: number;
}

/** Hardware: a virtio-iommu. */
export interface Viommu {
  /** By endpoint id, those that were attached to a domain since the last reset; null: detached again. */
  endpoints: Table<'translate' | 'bypass' | null>;
}

/** Hardware: an IPMMU. */
export interface Ipmmu {
  /** By number, the contexts in use, each with the group and the domain it translates for. */
  contexts: Table<{ group: number; domain: DomainType }>;
  /** By number, the micro-TLBs that are switched on, each with its context. */
  utlbs: Table<number>;
}

/** A range that the page tables of a domain map. */
export interface IoMapping {
  /** The name of the domain: see defaultDomain, ownDomain and armDomain; or that of a container. */
  domain: string;
  start: number;
  length: number;
  /** Whose buffer or reserved region it is; null for memory of a user's. */
  dev: string | null;
  /** IOMMU_CACHE. */
  cache: boolean;
  read: boolean;
  write: boolean;
  /** The IOMMU whose table walks do not see it; null where they do. */
  unseen_by: string | null;
}

/** The last transaction of a device. */
export interface LastDma {
  addr: number;
  write: boolean;
  result: DmaResult;
  why: FaultReason | null;
  snooped: boolean | null;
  /** It went through a mapping with IOMMU_CACHE; null where it was not translated. */
  cache: boolean | null;
}
