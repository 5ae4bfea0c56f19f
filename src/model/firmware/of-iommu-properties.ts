/** What a node says of DMA: its IOMMUs, coherency, reserved memory, and of an IOMMU what it is. */
import type {
  DeviceSpec,
  IommuKind,
  IommuMapRow,
  IommuSpec,
  ReservedRegion,
} from '../../events/machine.ts';
import { cellsOf, type FdtNode, stringsOf } from './fdt.ts';
import { addressCells, busId, number64, regOf, sizeCells } from './of-address.ts';
import { pciNodeName } from './of-pci.ts';
import { interruptCount } from './of-suppliers.ts';
import { phandleList, type Tree } from './tree.ts';

const IOMMU_KINDS: readonly (readonly [IommuKind, RegExp])[] = [
  ['arm-smmu-v3', /^arm,smmu-v3$/],
  ['arm-smmu', /^(arm,smmu-v[12]|arm,mmu-(400|401|500|501)|(cavium|qcom)[\w,-]*,smmu-v2)$/],
  ['arm-smmu', /^(nvidia,smmu-500|qcom,smmu-500|qcom,adreno-smmu)$/],
  ['virtio-iommu', /^(virtio,pci-iommu|pci1af4,1057)$/],
  ['ipmmu-vmsa', /^renesas,(ipmmu-|rcar-gen4-ipmmu)/],
];

/** What kind of IOMMU a node with these compatible strings is; null for none that is known. */
export function iommuKindOf(compatible: readonly string[]): IommuKind | null {
  for (const [kind, pattern] of IOMMU_KINDS) {
    if (compatible.some((text) => pattern.test(text))) return kind;
  }
  return null;
}

/** Everything in a device's spec that has to do with IOMMUs. */
export function iommuFields(tree: Tree, node: FdtNode): Partial<DeviceSpec> {
  const kind = iommuKindOf(stringsOf(node, 'compatible'));
  const iommus = [...iommuSpecs(tree, node), ...mastersOf(tree, node)];
  const mask = cellsOf(node, 'iommu-map-mask')[0];
  const reserved = reservedRegions(tree, node);
  return {
    ...(kind === null ? {} : { iommu_kind: kind }),
    ...(kind === 'arm-smmu' ? smmuFields(tree, node) : {}),
    ...(kind === 'ipmmu-vmsa' ? ipmmuFields(tree, node) : {}),
    ...(iommus.length === 0 ? {} : { iommus }),
    ...(node.props['iommu-map'] === undefined
      ? {}
      : { iommu_map: iommuMap(tree, node), of_node: node.path }),
    ...(mask === undefined ? {} : { iommu_map_mask: mask }),
    ...(reserved.length === 0 ? {} : { reserved }),
  };
}

const IPMMU_GEN3 =
  /^renesas,ipmmu-r8a(774[abe]1|774c0|7795|7796|77961|77965|77970|77980|77990|77995)$/;
const IPMMU_GEN4 = /^renesas,(ipmmu-r8a779a0|rcar-gen4-ipmmu-vmsa)$/;

/**
 * How many contexts the driver uses of an IPMMU, and which other one has them for it.
 *
 * Kernel: drivers/iommu/ipmmu-vmsa.c:ipmmu_of_ids, ipmmu_probe, v6.1. What a chip is called in its soc
 * device is not in the node, so that all devices count as allowed.
 */
function ipmmuFields(tree: Tree, node: FdtNode): Pick<DeviceSpec, 'contexts' | 'ipmmu'> {
  const compatible = stringsOf(node, 'compatible');
  const isGen4 = compatible.some((text) => IPMMU_GEN4.test(text));
  if (!isGen4 && !compatible.some((text) => IPMMU_GEN3.test(text))) return { contexts: 1 };
  const [root] = phandleList(tree, node, 'renesas,ipmmu-main', null);
  if (root !== undefined) return { ipmmu: { main: nodeDevice(tree, root.node) } };
  return { contexts: isGen4 ? 16 : 8, ipmmu: { reserved_context: true } };
}

/**
 * The list `iommus`. Of two cells the first is the id and the second, for an SMMU, its mask; without
 * cells the IOMMU has one master and its id is 0.
 *
 * Kernel: drivers/iommu/of_iommu.c:of_iommu_configure_dev; arm-smmu.c:arm_smmu_of_xlate, v6.1.
 */
function iommuSpecs(tree: Tree, node: FdtNode): IommuSpec[] {
  return phandleList(tree, node, 'iommus', '#iommu-cells').map(({ node: iommu, args }) => {
    const [id = 0, mask] = args;
    const isSmmu = iommuKindOf(stringsOf(iommu, 'compatible')) === 'arm-smmu';
    return {
      iommu: nodeDevice(tree, iommu),
      ids: isSmmu ? [id] : args.length === 0 ? [0] : args,
      ...(isSmmu && mask !== undefined ? { masks: [mask] } : {}),
    };
  });
}

/** SMMUs that list the node in `mmu-masters`. Kernel: arm_smmu_register_legacy_master, v6.1. */
function mastersOf(tree: Tree, node: FdtNode): readonly IommuSpec[] {
  if (node.props['#stream-id-cells'] === undefined) return [];
  return mastersByNode(tree).get(node) ?? [];
}

const MASTERS = new WeakMap<Tree, ReadonlyMap<FdtNode, readonly IommuSpec[]>>();

function mastersByNode(tree: Tree): ReadonlyMap<FdtNode, readonly IommuSpec[]> {
  const known = MASTERS.get(tree);
  if (known !== undefined) return known;
  const masters = new Map<FdtNode, IommuSpec[]>();
  for (const smmu of tree.nodes.filter((node) => node.props['mmu-masters'] !== undefined)) {
    const iommu = nodeDevice(tree, smmu);
    for (const { node, args } of phandleList(tree, smmu, 'mmu-masters', '#stream-id-cells'))
      masters.set(node, [...(masters.get(node) ?? []), { iommu, ids: args }]);
  }
  MASTERS.set(tree, masters);
  return masters;
}

/** Kernel: arm-smmu.c:arm_smmu_device_dt_probe and arm_smmu_device_probe, v6.1. */
function smmuFields(tree: Tree, node: FdtNode): Partial<DeviceSpec> {
  const [mask] = cellsOf(node, 'stream-match-mask');
  const [global] = cellsOf(node, '#global-interrupts');
  const all = interruptCount(tree, node);
  return {
    ...(node.props['mmu-masters'] === undefined ? {} : { mmu_masters: true }),
    ...(mask === undefined ? {} : { stream_match_mask: mask }),
    ...(global === undefined ? {} : { context_irqs: Math.max(0, all - global) }),
  };
}

function iommuMap(tree: Tree, node: FdtNode): IommuMapRow[] {
  const cells = cellsOf(node, 'iommu-map');
  const rows: IommuMapRow[] = [];
  for (let at = 0; at + 4 <= cells.length; at += 4) {
    const [rid_base = 0, phandle = 0, sid_base = 0, length = 0] = cells.slice(at, at + 4);
    const target = tree.byPhandle(phandle);
    if (target !== null) rows.push({ rid_base, iommu: nodeDevice(tree, target), sid_base, length });
  }
  return rows;
}

/** A node below a PCI host bridge is a PCI function; any other goes by its own name. */
function nodeDevice(tree: Tree, node: FdtNode): string {
  return pciNodeName(tree, node) ?? busId(tree, node);
}

/** Kernel: drivers/of/address.c:of_dma_is_coherent, v6.1: the nearest statement upwards counts. */
export function isCoherent(tree: Tree, node: FdtNode): boolean {
  for (let at: FdtNode | null = node; at !== null; at = tree.parent(at)) {
    if (at.props['dma-coherent'] !== undefined) return true;
    if (at.props['dma-noncoherent'] !== undefined) return false;
  }
  return false;
}

/**
 * Reserved memory that the node refers to and that says at which addresses this device uses it: 1:1
 * where they are those of the memory itself.
 *
 * Kernel: drivers/iommu/of_iommu.c:of_iommu_get_resv_regions, iommu_resv_region_get_type, v6.3.
 * Leaves out: dma-ranges on the way to the memory.
 */
function reservedRegions(tree: Tree, node: FdtNode): ReservedRegion[] {
  const parent = tree.parent(node);
  if (parent === null || node.props['memory-region'] === undefined) return [];
  const na = addressCells(tree, parent);
  const ns = sizeCells(tree, parent);
  return phandleList(tree, node, 'memory-region', null).flatMap(({ node: memory }) => {
    const phys = regOf(tree, memory);
    return iommuAddresses(tree, memory, node, na, ns).map(([start, length]): ReservedRegion => {
      const isSame = phys !== null && phys[0] === start && phys[1] === length;
      const safe = start + length <= BigInt(Number.MAX_SAFE_INTEGER);
      return {
        type: isSame ? 'direct' : 'reserved',
        via: 'dt',
        ...(safe ? { start: Number(start), length: Number(length) } : {}),
      };
    });
  });
}

/** As many cells of `iommu-addresses` are read. */
const CELLS_MAX = 1024;

/** The rows of `iommu-addresses` that are about the device: address and size. */
function iommuAddresses(
  tree: Tree,
  memory: FdtNode,
  device: FdtNode,
  na: number,
  ns: number,
): [bigint, bigint][] {
  const cells = cellsOf(memory, 'iommu-addresses').slice(0, CELLS_MAX);
  const rows: [bigint, bigint][] = [];
  for (let at = 0; at < cells.length; ) {
    const owner = tree.byPhandle(cells[at] ?? 0);
    at += 1;
    // The kernel steps on cell by cell where the phandle is another device's.
    if (owner !== device || at + na + ns > cells.length) continue;
    const size = number64(cells.slice(at + na, at + na + ns));
    if (size > 0n) rows.push([number64(cells.slice(at, at + na)), size]);
    at += na + ns;
  }
  return rows;
}
