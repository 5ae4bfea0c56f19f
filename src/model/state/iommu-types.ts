/** The state of IOMMUs, their groups and their hardware. Written by reducers only. */

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

/** Hardware: the stream mapping entries or stream table of an SMMU. */
export interface Smmu {
  /** By stream id. */
  streams: Table<StreamType>;
  unmatched: 'bypass' | 'fault';
}
