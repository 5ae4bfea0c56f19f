import { cellsOf, type FdtNode, isAvailable } from './fdt.ts';
import { phandleList, type Tree } from './tree.ts';

/** How a property names suppliers: a name or the end of one, and what counts the cells. */
interface Binding {
  readonly name?: string;
  readonly suffix?: string;
  readonly cells: string | null;
}

/** Kernel: drivers/of/property.c:of_supplier_bindings, v6.1, in its order; the mandatory ones. */
const MANDATORY: readonly Binding[] = [
  { name: 'clocks', cells: '#clock-cells' },
  { name: 'interconnects', cells: '#interconnect-cells' },
  { name: 'mboxes', cells: '#mbox-cells' },
  { name: 'io-channels', cells: '#io-channel-cells' },
  { name: 'interrupt-parent', cells: null },
  { name: 'power-domains', cells: '#power-domain-cells' },
  { name: 'hwlocks', cells: '#hwlock-cells' },
  { name: 'extcon', cells: null },
  { name: 'nvmem-cells', cells: null },
  { name: 'phys', cells: '#phy-cells' },
  { name: 'wakeup-parent', cells: null },
  ...Array.from({ length: 9 }, (_, i) => ({ name: `pinctrl-${i}`, cells: null })),
  { name: 'pwms', cells: '#pwm-cells' },
  { name: 'resets', cells: '#reset-cells' },
  { name: 'leds', cells: null },
  { name: 'backlight', cells: null },
  { name: 'panel', cells: null },
  { name: 'gpio', cells: '#gpio-cells' },
  { name: 'gpios', cells: '#gpio-cells' },
  { suffix: '-supply', cells: null },
  { suffix: '-gpio', cells: '#gpio-cells' },
  { suffix: '-gpios', cells: '#gpio-cells' },
];

/**
 * Followed only with fw_devlink.strict=1. So are `iommus` and `iommu-map`, which depend on the kernel
 * beside: model/kernel/fw-devlink.ts sees to them.
 */
const OPTIONAL: readonly Binding[] = [{ name: 'dmas', cells: '#dma-cells' }];

/**
 * The nodes that a node's own properties name as suppliers, each once, in property order. Nodes that
 * are disabled, or lie below a disabled one, do not count.
 *
 * Kernel: drivers/of/property.c:of_link_property, v6.1. Leaves out: remote-endpoint graphs,
 * interrupt-map nexuses, properties of child nodes (they make sync-state-only links of the parent).
 */
export function supplierNodes(tree: Tree, node: FdtNode, strict: boolean): FdtNode[] {
  const found = new Set<FdtNode>();
  for (const property of Object.keys(node.props)) {
    for (const supplier of suppliersIn(tree, node, property, strict)) {
      if (isReachable(tree, supplier)) found.add(supplier);
    }
  }
  return [...found];
}

function suppliersIn(tree: Tree, node: FdtNode, property: string, strict: boolean): FdtNode[] {
  if (property === 'interrupts') return interruptParent(tree, node);
  if (property === 'interrupts-extended') {
    return phandleList(tree, node, property, '#interrupt-cells').map((ref) => ref.node);
  }
  const isGpio = property === 'gpio' || property === 'gpios';
  if (property.endsWith(',nr-gpios')) return [];
  if (isGpio && node.props['gpio-hog'] !== undefined) return [];
  const bindings = strict ? [...MANDATORY, ...OPTIONAL] : MANDATORY;
  const binding = bindings.find((candidate) => isNamed(property, candidate));
  if (binding === undefined) return [];
  return phandleList(tree, node, property, binding.cells).map((ref) => ref.node);
}

function isNamed(property: string, binding: Binding): boolean {
  if (binding.suffix === undefined) return property === binding.name;
  return property.length > binding.suffix.length && property.endsWith(binding.suffix);
}

function interruptParent(tree: Tree, node: FdtNode): FdtNode[] {
  for (let at: FdtNode | null = node; at !== null; at = tree.parent(at)) {
    const phandle = cellsOf(at, 'interrupt-parent')[0];
    if (phandle === undefined) continue;
    const controller = tree.byPhandle(phandle);
    return controller === null ? [] : [controller];
  }
  return [];
}

function isReachable(tree: Tree, node: FdtNode): boolean {
  for (let at: FdtNode | null = node; at !== null; at = tree.parent(at)) {
    if (!isAvailable(at)) return false;
  }
  return true;
}

/**
 * How many interrupts a node has.
 *
 * Kernel: drivers/of/irq.c:of_irq_count, v6.1.
 */
export function interruptCount(tree: Tree, node: FdtNode): number {
  if (node.props['interrupts-extended'] !== undefined)
    return phandleList(tree, node, 'interrupts-extended', '#interrupt-cells').length;
  const [controller] = interruptParent(tree, node);
  const cells = controller === undefined ? undefined : cellsOf(controller, '#interrupt-cells')[0];
  if (cells === undefined || cells === 0) return 0;
  return Math.floor(cellsOf(node, 'interrupts').length / cells);
}
