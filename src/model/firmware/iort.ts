import type { DeviceSpec, IommuMapRow } from '../../events/machine.ts';
import { type Binary, badTable, le16, le32, text, u8 } from './binary.ts';

/** What the table says about one PCI segment. */
export interface RootComplex {
  readonly segment: number;
  readonly iommu_map: readonly IommuMapRow[];
  readonly dma_coherent: boolean;
}

export interface Iort {
  /** The OEM id of the table's header: six characters. */
  readonly maker: string | null;
  /** The platform devices made from it, in the order of creation. */
  readonly devices: readonly DeviceSpec[];
  readonly rootComplexes: readonly RootComplex[];
}

/** Kernel: include/acpi/actbl2.h: enum acpi_iort_node_type. */
const ROOT_COMPLEX = 2;
const SMMU_V1_V2 = 3;
const SMMU_V3 = 4;
const PMCG = 5;

const NODE_HEADER = 16;
const MAPPING_LENGTH = 20;
/** No real table comes near; a hostile count would otherwise cost that many steps. */
const NODES_MAX = 4096;

interface Node {
  readonly at: number;
  readonly type: number;
  readonly length: number;
}

/**
 * Reads an ACPI IORT: which SMMUs there are and which requester ids go through them.
 *
 * Kernel: drivers/acpi/arm64/iort.c:iort_init_platform_devices, iort_node_map_id, v6.1.
 * Leaves out: named components, RMR nodes, mappings through more than one node.
 *
 * @throws ReprobeError BAD_MACHINE with the byte offset, whatever the bytes are.
 */
export function parseIort(bytes: Uint8Array, file = 'machine-IORT.bin'): Iort {
  const table: Binary = { bytes, file };
  if (text(table, 0, 4) !== 'IORT') throw badTable(table, 0, 'no IORT begins here');
  const nodes = nodesOf(table);
  const devices: DeviceSpec[] = [];
  const names = new Map<number, string>();
  for (const node of nodes) {
    const device = deviceOf(table, node, devices.length);
    if (device === null) continue;
    devices.push(device);
    names.set(node.at, device.name);
  }
  const rootComplexes = nodes
    .filter((node) => node.type === ROOT_COMPLEX)
    .map((node) => rootComplexOf(table, node, names));
  return { maker: text(table, 10, 6), devices, rootComplexes };
}

function nodesOf(table: Binary): Node[] {
  const count = le32(table, 36);
  if (count > NODES_MAX) throw badTable(table, 36, `${count} nodes are too many`);
  const nodes: Node[] = [];
  let at = le32(table, 40);
  for (let i = 0; i < count; i += 1) {
    const node = { at, type: u8(table, at), length: le16(table, at + 1) };
    if (node.length < NODE_HEADER) throw badTable(table, at, 'a node shorter than its header');
    nodes.push(node);
    at += node.length;
  }
  return nodes;
}

/** `NAME.N.auto`, where N counts the devices that were made without a number of their own. */
function deviceOf(table: Binary, node: Node, auto: number): DeviceSpec | null {
  const data = node.at + NODE_HEADER;
  const platform = { bus: 'platform', parent: null };
  switch (node.type) {
    case SMMU_V3:
      return {
        name: `arm-smmu-v3.${auto}.auto`,
        ...platform,
        ids: ['platform:arm-smmu-v3'],
        iommu_kind: 'arm-smmu-v3',
        dma_coherent: (le32(table, data + 8) & 1) !== 0,
      };
    case SMMU_V1_V2:
      return {
        name: `arm-smmu.${auto}.auto`,
        ...platform,
        ids: ['platform:arm-smmu'],
        iommu_kind: 'arm-smmu',
        dma_coherent: (le32(table, data + 20) & 2) !== 0,
      };
    case PMCG:
      return {
        name: `arm-smmu-v3-pmcg.${auto}.auto`,
        ...platform,
        ids: ['platform:arm-smmu-v3-pmcg'],
      };
    default:
      return null;
  }
}

function rootComplexOf(table: Binary, node: Node, names: ReadonlyMap<number, string>): RootComplex {
  const data = node.at + NODE_HEADER;
  return {
    segment: le32(table, data + 12),
    iommu_map: mappingsOf(table, node, names),
    dma_coherent: le32(table, data) === 1,
  };
}

/** Rows that lead to an SMMU; one that leads straight to an interrupt controller bypasses them. */
function mappingsOf(table: Binary, node: Node, names: ReadonlyMap<number, string>): IommuMapRow[] {
  const count = le32(table, node.at + 8);
  const start = node.at + le32(table, node.at + 12);
  if (count * MAPPING_LENGTH > node.length) {
    throw badTable(table, node.at + 8, `${count} mappings do not fit into the node`);
  }
  const places = Array.from({ length: count }, (_, i) => start + i * MAPPING_LENGTH);
  const bases = new Set(places.map((at) => le32(table, at)));
  const rows: IommuMapRow[] = [];
  for (const at of places) {
    const iommu = names.get(le32(table, at + 12));
    if (iommu === undefined) continue;
    const rid_base = le32(table, at);
    const last = le32(table, at + 4);
    // The field is the count less one, but firmware has put the count there. An id that one mapping
    // ends with and another begins with is the other's: iort_id_map returns -EAGAIN for it.
    const length = last > 0 && bases.has(rid_base + last) ? last : last + 1;
    rows.push({ rid_base, iommu, sid_base: le32(table, at + 8), length });
  }
  return rows;
}
