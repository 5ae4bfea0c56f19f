import type { DeviceSpec, IommuKind, IommuMapRow, IommuSpec } from '../../events/machine.ts';
import { cellsOf, type FdtNode, isAvailable, stringsOf } from './fdt.ts';
import { busId } from './of-address.ts';
import { supplierNodes } from './of-suppliers.ts';
import { indexTree, isCompatible, phandleList, type Tree } from './tree.ts';

export interface DevicetreeOptions {
  /** fw_devlink.strict=1: DMA engines count as suppliers. */
  readonly strict: boolean;
  /** CONFIG_ARM_AMBA: without it no primecell gets a device. */
  readonly amba: boolean;
}

/** Buses whose children get devices too. Kernel: of_default_bus_match_table, v6.1. */
const BUSES = ['simple-bus', 'simple-mfd', 'isa', 'arm,amba-bus'];
/** Kernel: reserved_mem_matches, v6.1. */
const RESERVED_MEMORY = [
  'phram',
  'qcom,rmtfs-mem',
  'qcom,cmd-db',
  'qcom,smem',
  'ramoops',
  'nvmem-rmem',
  'google,open-dice',
];
/** Interrupt controllers and clocks that the kernel sets up early: they never become devices. */
const IRQCHIPS = [
  'arm,gic-v3',
  'arm,gic-400',
  'arm,gic-v1',
  'arm,cortex-a15-gic',
  'arm,cortex-a9-gic',
  'arm,cortex-a7-gic',
  'arm,arm11mp-gic',
  'arm,eb11mp-gic',
  'arm,pl390',
  'qcom,msm-8660-qgic',
  'qcom,msm-qgic2',
  'apple,aic',
  'apple,aic2',
  'brcm,bcm2836-l1-intc',
];
const EARLY_CLOCKS = ['fixed-clock', 'fixed-factor-clock'];

const IOMMU_KINDS: readonly (readonly [IommuKind, RegExp])[] = [
  ['arm-smmu-v3', /^arm,smmu-v3$/],
  ['arm-smmu', /^(arm,smmu-v[12]|arm,mmu-(400|401|500|501)|(cavium|qcom)[\w,-]*,smmu-v2)$/],
  ['arm-smmu', /^(nvidia,smmu-500|qcom,smmu-500|qcom,adreno-smmu)$/],
  ['virtio-iommu', /^(virtio,pci-iommu|pci1af4,1057)$/],
  ['ipmmu-vmsa', /^renesas,(ipmmu-|rcar-gen4-ipmmu)/],
];

interface Population {
  readonly tree: Tree;
  readonly options: DevicetreeOptions;
  /** Nodes that have a device, or that early code has taken so that they never get one. */
  readonly taken: Set<FdtNode>;
  /** Device nodes with their parent's node, in the order of creation. */
  readonly created: { readonly node: FdtNode; readonly parent: FdtNode | null }[];
}

/**
 * The devices that firmware code makes from a devicetree, in its order, under the kernel's names:
 * reserved memory, /firmware, the boot framebuffer, then all the rest depth first. A disabled node
 * is listed with `disabled` in its place.
 *
 * Kernel: drivers/of/platform.c:of_platform_default_populate_init, of_platform_bus_create, v6.1.
 * Leaves out: nodes that a driver's own probe populates, auxdata, PowerPC displays.
 */
export function devicetreeDevices(root: FdtNode, options: DevicetreeOptions): DeviceSpec[] {
  const tree = indexTree(root);
  const taken = new Set(tree.nodes.filter(isTakenEarly));
  const population: Population = { tree, options, taken, created: [] };
  for (const node of tree.nodes) {
    if (isCompatible(node, RESERVED_MEMORY)) createDevice(population, node, null);
  }
  const named = (name: string) => root.children.find((child) => child.name === name);
  for (const child of named('firmware')?.children ?? []) createBus(population, child, null);
  const screens = named('chosen')?.children ?? [];
  const screen = screens.find((child) => isCompatible(child, ['simple-framebuffer']));
  if (screen !== undefined) createDevice(population, screen, null);
  for (const child of root.children) createBus(population, child, null);
  return describe(population);
}

function isTakenEarly(node: FdtNode): boolean {
  if (isCompatible(node, EARLY_CLOCKS)) return true;
  return node.props['interrupt-controller'] !== undefined && isCompatible(node, IRQCHIPS);
}

/** Kernel: of_platform_bus_create; a primecell or a plain device ends the descent. */
function createBus(population: Population, node: FdtNode, parent: FdtNode | null): void {
  if (node.props['compatible'] === undefined) return;
  if (isCompatible(node, ['operating-points-v2'])) return;
  if (isPrimecell(node)) {
    if (population.options.amba) createDevice(population, node, parent);
    return;
  }
  if (!createDevice(population, node, parent) || !isCompatible(node, BUSES)) return;
  for (const child of node.children) createBus(population, child, node);
}

/** Gives the node a device unless it has one; false when it has none to descend from. */
function createDevice(population: Population, node: FdtNode, parent: FdtNode | null): boolean {
  if (population.taken.has(node)) return false;
  population.taken.add(node);
  population.created.push({ node, parent });
  return isAvailable(node);
}

function isPrimecell(node: FdtNode): boolean {
  return isCompatible(node, ['arm,primecell']);
}

function describe(population: Population): DeviceSpec[] {
  const { tree, created, options } = population;
  const devices = new Map<FdtNode, string>();
  for (const { node } of created) {
    if (isAvailable(node)) devices.set(node, busId(tree, node));
  }
  return created.map(({ node, parent }) => {
    const named = (of: FdtNode): readonly string[] =>
      supplierNodes(tree, of, options.strict)
        .map((supplier) => supplierDevice(population, devices, node, supplier))
        .filter((name) => name !== null);
    const suppliers = named(node);
    const below = withoutDevice(population, node).flatMap(named);
    return {
      name: busId(tree, node),
      bus: isPrimecell(node) ? 'amba' : 'platform',
      parent: parent === null ? null : busId(tree, parent),
      ids: stringsOf(node, 'compatible'),
      ...(isAvailable(node) ? {} : { disabled: true }),
      ...iommuFields(tree, node),
      dma_coherent: isCoherent(tree, node),
      ...(suppliers.length === 0 ? {} : { suppliers: [...new Set(suppliers)] }),
      ...(below.length === 0 ? {} : { child_suppliers: [...new Set(below)] }),
    };
  });
}

/** The available nodes below that get no device from firmware code, as far as none is between. */
function withoutDevice(population: Population, node: FdtNode): readonly FdtNode[] {
  const below = node.children.filter((child) => isAvailable(child) && !population.taken.has(child));
  return below.flatMap((child) => [child, ...withoutDevice(population, child)]);
}

/**
 * The device that a supplier node stands for: its own, or for a node that never gets one, such as a
 * regulator inside a chip, the nearest ancestor's. null where there is none to wait for.
 *
 * Kernel: drivers/base/core.c:fw_devlink_create_devlink, v6.1.
 */
function supplierDevice(
  population: Population,
  devices: ReadonlyMap<FdtNode, string>,
  consumer: FdtNode,
  supplier: FdtNode,
): string | null {
  const { tree, taken } = population;
  if (isBelow(tree, supplier, consumer)) return null;
  if (taken.has(supplier) && !devices.has(supplier)) return null;
  for (let at: FdtNode | null = supplier; at !== null; at = tree.parent(at)) {
    const name = devices.get(at);
    if (name !== undefined) return at === consumer ? null : name;
  }
  return null;
}

function isBelow(tree: Tree, node: FdtNode, above: FdtNode): boolean {
  for (let at: FdtNode | null = node; at !== null; at = tree.parent(at)) {
    if (at === above) return true;
  }
  return false;
}

function iommuFields(tree: Tree, node: FdtNode): Partial<DeviceSpec> {
  const compatible = stringsOf(node, 'compatible');
  const kind = iommuKindOf(compatible);
  const iommus: IommuSpec[] = phandleList(tree, node, 'iommus', '#iommu-cells').map((ref) => ({
    iommu: nameOf(tree, ref.node),
    ids: ref.args,
  }));
  const mask = cellsOf(node, 'iommu-map-mask')[0];
  return {
    ...(kind === null ? {} : { iommu_kind: kind }),
    ...(iommus.length === 0 ? {} : { iommus }),
    ...(node.props['iommu-map'] === undefined
      ? {}
      : { iommu_map: iommuMap(tree, node), of_node: node.path }),
    ...(mask === undefined ? {} : { iommu_map_mask: mask }),
  };
}

/** What kind of IOMMU a node with these compatible strings is; null for none that is known. */
export function iommuKindOf(compatible: readonly string[]): IommuKind | null {
  for (const [kind, pattern] of IOMMU_KINDS) {
    if (compatible.some((text) => pattern.test(text))) return kind;
  }
  return null;
}

function iommuMap(tree: Tree, node: FdtNode): IommuMapRow[] {
  const cells = cellsOf(node, 'iommu-map');
  const rows: IommuMapRow[] = [];
  for (let at = 0; at + 4 <= cells.length; at += 4) {
    const [rid_base = 0, phandle = 0, sid_base = 0, length = 0] = cells.slice(at, at + 4);
    const target = tree.byPhandle(phandle);
    if (target !== null) rows.push({ rid_base, iommu: nameOf(tree, target), sid_base, length });
  }
  return rows;
}

/** A node below a PCI host bridge is a PCI function; any other goes by its own name. */
function nameOf(tree: Tree, node: FdtNode): string {
  const parent = tree.parent(node);
  const onPci = parent !== null && stringsOf(parent, 'device_type')[0] === 'pci';
  const address = cellsOf(node, 'reg')[0];
  if (!onPci || address === undefined) return busId(tree, node);
  const domain = cellsOf(parent, 'linux,pci-domain')[0] ?? 0;
  return pciName(domain, (address >>> 16) & 0xff, (address >>> 8) & 0xff);
}

/** A PCI function's name in the kernel: `0000:00:08.0`. */
function pciName(domain: number, bus: number, devfn: number): string {
  const hex = (value: number, width: number) => value.toString(16).padStart(width, '0');
  return `${hex(domain, 4)}:${hex(bus, 2)}:${hex(devfn >> 3, 2)}.${devfn & 7}`;
}

/** Kernel: drivers/of/address.c:of_dma_is_coherent, v6.1: the nearest statement upwards counts. */
function isCoherent(tree: Tree, node: FdtNode): boolean {
  for (let at: FdtNode | null = node; at !== null; at = tree.parent(at)) {
    if (at.props['dma-coherent'] !== undefined) return true;
    if (at.props['dma-noncoherent'] !== undefined) return false;
  }
  return false;
}
