/** Where ids go in an IORT, from node to node. */
import { type Binary, badTable, le32 } from './binary.ts';

/** A node: its place, what it is, and how long. */
export interface IortNode {
  readonly at: number;
  readonly type: number;
  readonly length: number;
}

/** Ids of a node that reach an SMMU, and the first id they have there. */
export interface IdRange {
  readonly first: number;
  readonly length: number;
  readonly iommu: string;
  readonly out: number;
  /** It does not matter which id comes in. */
  readonly single: boolean;
}

/** One row of a node's mappings, as it stands in the table. */
export interface Mapping {
  readonly first: number;
  /** The number of ids less one; firmware has put the number there. */
  readonly last: number;
  readonly out: number;
  readonly target: number;
  readonly single: boolean;
}

const MAPPING_LENGTH = 20;
const SINGLE_MAPPING = 1;
/** The requester ids of a segment. */
const ALL_IDS = 0x10000;
/** Chains have two links in real tables: a device, an SMMU, an interrupt controller. */
const CHAIN_MAX = 8;
/** Ranges of one node; more are a hostile table's, whose nodes fan out at each link. */
const RANGES_MAX = 4096;

/**
 * The mappings of a node.
 *
 * @throws ReprobeError BAD_MACHINE where they do not fit into the node.
 */
export function mappingsAt(table: Binary, node: IortNode): readonly Mapping[] {
  const count = le32(table, node.at + 8);
  const offset = le32(table, node.at + 12);
  if (count > 0 && offset + count * MAPPING_LENGTH > node.length)
    throw badTable(table, node.at + 8, `${count} mappings do not fit into the node`);
  return Array.from({ length: count }, (_, i) => {
    const at = node.at + offset + i * MAPPING_LENGTH;
    return {
      first: le32(table, at),
      last: le32(table, at + 4),
      out: le32(table, at + 8),
      target: le32(table, at + 12),
      single: (le32(table, at + 16) & SINGLE_MAPPING) !== 0,
    };
  });
}

/** Finds the ids of a node that reach an SMMU. */
export type RangesOf = (node: IortNode) => readonly IdRange[];

/**
 * The ids of a node that reach an SMMU, through other nodes where there are some between; one that
 * leads straight to an interrupt controller bypasses them all. Each node is followed once, and nodes
 * in a circle lead nowhere.
 *
 * Kernel: drivers/acpi/arm64/iort.c:iort_node_map_id, v6.1.
 */
export function followMappings(
  table: Binary,
  nodes: ReadonlyMap<number, IortNode>,
  smmus: ReadonlyMap<number, string>,
): RangesOf {
  const known = new Map<IortNode, readonly IdRange[]>();
  const rangesOf = (node: IortNode, depth: number): readonly IdRange[] => {
    const found = known.get(node);
    if (found !== undefined || depth > CHAIN_MAX) return found ?? [];
    known.set(node, []);
    const ranges = ownRanges(table, node, (target) => {
      const iommu = smmus.get(target);
      if (iommu !== undefined) return iommu;
      const next = nodes.get(target);
      return next === undefined ? [] : rangesOf(next, depth + 1);
    });
    known.set(node, ranges);
    return ranges;
  };
  return (node) => rangesOf(node, 0);
}

/** `beyond` gives the SMMU that a mapping leads to, or where ids go from the node it leads to. */
function ownRanges(
  table: Binary,
  node: IortNode,
  beyond: (target: number) => string | readonly IdRange[],
): readonly IdRange[] {
  const mappings = mappingsAt(table, node);
  const firsts = new Set(mappings.map(({ first }) => first));
  const ranges: IdRange[] = [];
  for (const { first, last, out, target, single } of mappings) {
    // The field is the count less one, but firmware has put the count there. An id that one mapping
    // ends with and another begins with is the other's: iort_id_map returns -EAGAIN for it.
    const own = last > 0 && firsts.has(first + last) ? last : last + 1;
    const length = single ? ALL_IDS : own;
    const there = beyond(target);
    const start = single ? 0 : first;
    if (typeof there === 'string') ranges.push({ first: start, length, iommu: there, out, single });
    else ranges.push(...there.flatMap((range) => joined(first, length, out, single, range)));
    if (ranges.length > RANGES_MAX)
      throw badTable(table, node.at, 'ids fan out without end from this node');
  }
  return ranges;
}

/** The part of a range that ids of a mapping before it reach. */
function joined(first: number, length: number, out: number, single: boolean, range: IdRange) {
  const span = single ? 1 : length;
  const from = Math.max(out, range.first);
  const to = Math.min(out + span, range.first + range.length);
  if (from >= to) return [];
  const at = range.single ? range.out : range.out + (from - range.first);
  const start = single ? 0 : first + (from - out);
  return [
    { first: start, length: single ? length : to - from, iommu: range.iommu, out: at, single },
  ];
}
