/** What IOMMUs map, what devices do with it, and which memory the kernel uses. Payloads by type. */

import type { DomainType } from './terms.ts';

/** Why an IOMMU does not let a transaction through; see DmaFault in the model. */
export type FaultReason = 'stream' | 'entry' | 'translation' | 'permission';

/** What became of a transaction; one without an IOMMU in its way is bypassed too. */
export type DmaResult = 'bypassed' | 'translated' | 'faulted';

/** A range of addresses that a domain maps for devices. */
export type IoRange = {
  /** `group 0` for the default domain of a group, else the container or mapping that has the domain. */
  readonly domain: string;
  /** From this address on, below 2^53. */
  readonly start: number;
  readonly length: number;
};

export interface DmaEvents {
  /** The page tables of a domain were written: `cache` is IOMMU_CACHE. */
  'iommu.mapped': IoRange & {
    /** Whose buffer or reserved region it is; null for memory of a user's. */
    readonly dev: string | null;
    readonly cache: boolean;
    readonly read: boolean;
    readonly write: boolean;
  };
  'iommu.unmapped': IoRange;
  /** The entry lies in the CPU's caches, where the table walks of the IOMMU do not look. */
  'iommu.map_unseen': IoRange & { readonly iommu: string };

  /** A device read or wrote. */
  'dma.issued': {
    readonly dev: string;
    /** The IOMMU that saw it, under which id; null where there is none on the way. */
    readonly iommu: string | null;
    readonly id: number | null;
    /** The group whose domain decided, and the domain; null where the device has no IOMMU or is in no group. */
    readonly group: number | null;
    readonly domain: DomainType | null;
    readonly addr: number;
    readonly write: boolean;
    readonly result: DmaResult;
    readonly why: FaultReason | null;
    /** Did it look into the CPU's caches? null for what faulted, and where nobody knows. */
    readonly snooped: boolean | null;
    /** The mapping that translated it has IOMMU_CACHE; null where none did. */
    readonly cache: boolean | null;
  };

  /** The kernel took memory for itself. */
  'memory.allocated': { readonly start: number; readonly length: number };
}
