import type { DeviceSpec } from '../../events/machine.ts';
import { type FdtNode, isAvailable, stringsOf } from './fdt.ts';
import { busId } from './of-address.ts';
import { iommuFields, isCoherent } from './of-iommu-properties.ts';
import { POPULATING } from './of-populate-table.ts';
import { supplierNodes } from './of-suppliers.ts';
import { indexTree, isCompatible, type Tree } from './tree.ts';

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

interface Population {
  readonly tree: Tree;
  readonly options: DevicetreeOptions;
  /** Nodes that have a device, or that early code has taken so that they never get one. */
  readonly taken: Set<FdtNode>;
  /** Device nodes with their parent's node, in the order of creation. */
  readonly created: Created[];
}

interface Created {
  readonly node: FdtNode;
  readonly parent: FdtNode | null;
}

/**
 * The devices that firmware code makes from a devicetree, in its order, under the kernel's names:
 * reserved memory, /firmware, the boot framebuffer, then all the rest depth first. A disabled node
 * is listed with `disabled` in its place. Where a driver's own probe populates its node, what it makes
 * is among what the device `creates`.
 *
 * Kernel: drivers/of/platform.c:of_platform_default_populate_init, of_platform_bus_create, v6.1.
 * Leaves out: auxdata, PowerPC displays, what drivers make of nodes in ways of their own.
 */
export function devicetreeDevices(root: FdtNode, options: DevicetreeOptions): DeviceSpec[] {
  return devicesOfTree(indexTree(root), options).devices;
}

/** What firmware code and drivers make of a tree. */
export interface TreeDevices {
  readonly devices: DeviceSpec[];
  /** The nodes that the devices are of, those that are disabled included, with the devices' names. */
  readonly names: ReadonlyMap<FdtNode, string>;
}

/** The same for a tree that is indexed already, with the nodes that have got a device. */
export function devicesOfTree(tree: Tree, options: DevicetreeOptions): TreeDevices {
  const taken = new Set(tree.nodes.filter(isTakenEarly));
  const population: Population = { tree, options, taken, created: [] };
  for (const node of tree.nodes) {
    if (isCompatible(node, RESERVED_MEMORY)) createDevice(population, node, null);
  }
  const { root } = tree;
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

function describe(population: Population): TreeDevices {
  const { tree, created } = population;
  const devices = new Map<FdtNode, string>();
  for (const { node } of created) {
    if (isAvailable(node)) devices.set(node, busId(tree, node));
  }
  const names = new Map(created.map(({ node }) => [node, busId(tree, node)]));
  const specs = created.map((one) => describeDevice(population, devices, names, one));
  return { devices: specs, names };
}

function describeDevice(
  population: Population,
  devices: ReadonlyMap<FdtNode, string>,
  names: Map<FdtNode, string>,
  { node, parent }: Created,
): DeviceSpec {
  const { tree, options } = population;
  const named = (of: FdtNode): readonly string[] =>
    supplierNodes(tree, of, options.strict)
      .map((supplier) => supplierDevice(population, devices, node, supplier))
      .filter((name) => name !== null);
  const suppliers = named(node);
  const below = withoutDevice(population, node).flatMap(named);
  const creates = createdByProbe(population, node).map((child) => {
    names.set(child.node, busId(tree, child.node));
    return describeDevice(population, devices, names, child);
  });
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
    ...(creates.length === 0 ? {} : { creates }),
  };
}

/** The children that a driver makes devices of when it is bound; firmware code passes them over. */
function createdByProbe({ taken }: Population, node: FdtNode): readonly Created[] {
  const compatible = stringsOf(node, 'compatible');
  const populates = compatible.some((text) => POPULATING.some((pattern) => pattern.test(text)));
  if (!populates || isCompatible(node, BUSES)) return [];
  return node.children
    .filter((child) => isAvailable(child) && child.props['compatible'] !== undefined)
    .filter((child) => !taken.has(child))
    .map((child) => ({ node: child, parent: node }));
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
