/** Reserved memory of an IORT: what firmware does DMA to, and under which ids. */
import type { ReservedRegion } from '../../events/machine.ts';
import { type Binary, badTable, le32 } from './binary.ts';
import { type IortNode, mappingsAt } from './iort-mappings.ts';

/** Ids at an SMMU, and the memory that is used under each of them. */
export interface ReservedIds {
  readonly iommu: string;
  readonly first: number;
  readonly length: number;
  readonly regions: readonly ReservedRegion[];
}

const NODE_HEADER = 16;
const DESCRIPTOR_LENGTH = 20;
const REMAP_PERMITTED = 1;

/**
 * The reserved memory of one RMR node, by the ids that it names.
 *
 * Kernel: drivers/acpi/arm64/iort.c:iort_node_get_rmr_info, iort_get_rmrs, v6.1.
 * Leaves out: what is not aligned to 64K or overlaps, which the kernel widens or only warns of.
 *
 * @throws ReprobeError BAD_MACHINE where the descriptors do not fit into the node.
 */
export function reservedIds(
  table: Binary,
  node: IortNode,
  smmus: ReadonlyMap<number, string>,
): readonly ReservedIds[] {
  const data = node.at + NODE_HEADER;
  const flags = le32(table, data);
  const count = le32(table, data + 4);
  const offset = le32(table, data + 8);
  if (count > 0 && offset + count * DESCRIPTOR_LENGTH > node.length)
    throw badTable(table, data + 4, `${count} memory ranges do not fit into the node`);
  const type = (flags & REMAP_PERMITTED) !== 0 ? 'direct-relaxable' : 'direct';
  const regions = Array.from({ length: count }, (_, i): ReservedRegion => {
    const at = node.at + offset + i * DESCRIPTOR_LENGTH;
    const [start, length] = [le64(table, at), le64(table, at + 8)];
    const safe = start + length <= Number.MAX_SAFE_INTEGER;
    return { type, via: 'rmr', ...(safe ? { start, length } : {}) };
  });
  return mappingsAt(table, node).flatMap(({ target, out, last }) => {
    const iommu = smmus.get(target);
    return iommu === undefined ? [] : [{ iommu, first: out, length: last + 1, regions }];
  });
}

/** 64 bits, little endian; inexact above 2^53. */
function le64(table: Binary, offset: number): number {
  return le32(table, offset + 4) * 2 ** 32 + le32(table, offset);
}
