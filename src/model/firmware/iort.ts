import type { DeviceSpec, IommuMapRow, IommuSpec } from '../../events/machine.ts';
import { type Binary, badTable, le16, le32, text, u8 } from './binary.ts';
import { followMappings, type IdRange, type IortNode, mappingsAt } from './iort-mappings.ts';
import { type ReservedIds, reservedIds } from './iort-rmr.ts';
import { specsByName, streamsOfSpec } from './streams-of-spec.ts';

/** What the table says about one PCI segment. */
export interface RootComplex {
  readonly segment: number;
  readonly iommu_map: readonly IommuMapRow[];
  /** 0 where all requester ids become one stream. */
  readonly iommu_map_mask?: number;
  readonly dma_coherent: boolean;
}

export interface Iort {
  /** The OEM id of the table's header: six characters. */
  readonly maker: string;
  /** The platform devices made from it, in the order of creation. */
  readonly devices: readonly DeviceSpec[];
  /** Devices of the ACPI namespace that the table names, by the last part of their path. */
  readonly components: readonly DeviceSpec[];
  readonly rootComplexes: readonly RootComplex[];
  /** Memory that firmware uses by DMA, and under which ids. */
  readonly rmrs: readonly ReservedIds[];
}

/** Kernel: include/acpi/actbl2.h: enum acpi_iort_node_type. */
const NAMED_COMPONENT = 1;
const ROOT_COMPLEX = 2;
const SMMU_V1_V2 = 3;
const SMMU_V3 = 4;
const PMCG = 5;
const RMR = 6;

const NODE_HEADER = 16;
/** No real table comes near; a hostile count would otherwise cost that many steps. */
const NODES_MAX = 4096;

/** SMMU v1 and v2 by the table's number for the implementation; the driver refuses all others. */
const MODELS = ['v1', 'v2', 'mmu-400', 'mmu-500', 'mmu-401', 'thunderx'] as const;

/**
 * Reads an ACPI IORT: which SMMUs there are, which requester ids and which named devices go through
 * them, and what memory firmware keeps for itself.
 *
 * Kernel: drivers/acpi/arm64/iort.c:iort_init_platform_devices, iort_node_map_id, v6.1.
 * Leaves out: interrupt translation, proximity domains, address limits.
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
    if (device.iommu_kind !== undefined) names.set(node.at, device.name);
  }
  const byPlace = new Map(nodes.map((node) => [node.at, node]));
  const ranges = followMappings(table, byPlace, names);
  const of = (type: number) => nodes.filter((node) => node.type === type);
  return {
    maker: text(table, 10, 6),
    devices,
    components: of(NAMED_COMPONENT).map((node) => componentOf(table, node, ranges(node))),
    rootComplexes: of(ROOT_COMPLEX).map((node) => rootComplexOf(table, node, ranges(node))),
    // Revisions before 5 of the table have nodes of this type that mean something else.
    rmrs: u8(table, 8) < 5 ? [] : of(RMR).flatMap((node) => reservedIds(table, node, names)),
  };
}

function nodesOf(table: Binary): IortNode[] {
  const count = le32(table, 36);
  if (count > NODES_MAX) throw badTable(table, 36, `${count} nodes are too many`);
  const nodes: IortNode[] = [];
  let at = le32(table, 40);
  for (let i = 0; i < count; i += 1) {
    const node = { at, type: u8(table, at), length: le16(table, at + 1) };
    if (node.length < NODE_HEADER) throw badTable(table, at, 'a node shorter than its header');
    mappingsAt(table, node);
    nodes.push(node);
    at += node.length;
  }
  return nodes;
}

/** `NAME.N.auto`, where N counts the devices that were made without a number of their own. */
function deviceOf(table: Binary, node: IortNode, auto: number): DeviceSpec | null {
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
    case SMMU_V1_V2: {
      const model = MODELS[le32(table, data + 16)];
      return {
        name: `arm-smmu.${auto}.auto`,
        ...platform,
        ids: ['platform:arm-smmu', ...(model === undefined ? [] : [`iort-model:${model}`])],
        iommu_kind: 'arm-smmu',
        // The driver counts the global fault interrupt alone.
        context_irqs: le32(table, data + 28),
        dma_coherent: (le32(table, data + 20) & 2) !== 0,
      };
    }
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

function rootComplexOf(table: Binary, node: IortNode, ranges: readonly IdRange[]): RootComplex {
  const data = node.at + NODE_HEADER;
  const single = ranges.find((range) => range.single);
  const used = single === undefined ? ranges : [single];
  return {
    segment: le32(table, data + 12),
    iommu_map: used.map(({ first, iommu, out, length }) => ({
      ...{ rid_base: first, iommu, sid_base: out, length },
    })),
    ...(single === undefined ? {} : { iommu_map_mask: 0 }),
    dma_coherent: le32(table, data) === 1,
  };
}

/**
 * Kernel: iort_named_component_init, iort_nc_iommu_map, v6.1: a named component has its ids from
 * single mappings; ranges answer for ids that its bus gives, which are not known here.
 */
function componentOf(table: Binary, node: IortNode, ranges: readonly IdRange[]): DeviceSpec {
  const data = node.at + NODE_HEADER;
  const path = text(table, data + 13, Math.max(0, node.length - NODE_HEADER - 13));
  const name = path.slice(path.lastIndexOf('.') + 1).replace(/^\\/, '');
  const iommus: IommuSpec[] = ranges
    .filter(({ single, length }) => single || length === 1)
    .map(({ iommu, out }) => ({ iommu, ids: [out] }));
  return {
    name: name === '' ? `component.${node.at}` : name,
    bus: 'platform',
    parent: null,
    ids: [`acpi:${name}:`],
    ...(iommus.length === 0 ? {} : { iommus }),
    dma_coherent: le32(table, data + 4) === 1,
  };
}

/**
 * The devices, each with the reserved memory that is used under one of its ids.
 *
 * Kernel: drivers/acpi/arm64/iort.c:iort_rmr_has_dev, v6.1, which compares the ids of a device's fwspec.
 * Leaves out: the aliases of PCI functions.
 */
export function withReservedMemory(
  { rmrs }: Iort,
  devices: readonly DeviceSpec[],
): readonly DeviceSpec[] {
  if (rmrs.length === 0) return devices;
  const byName = specsByName(devices);
  return devices.map((device) => {
    const streams = streamsOfSpec(device, byName);
    const reserved = rmrs.flatMap(({ iommu, first, length, regions }) =>
      streams.some((one) => one.iommu === iommu && one.id >= first && one.id < first + length)
        ? regions
        : [],
    );
    return reserved.length === 0 ? device : { ...device, reserved };
  });
}
