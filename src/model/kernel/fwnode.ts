/**
 * The tree of firmware nodes as the driver core sees it. A node goes by the name of the device that
 * it describes, whether that exists or not.
 *
 * Kernel: drivers/base/property.c, drivers/of/property.c, v6.1.
 */
import type { DeviceSpec, Machine } from '../../events/machine.ts';
import type { Kernel } from '../context.ts';
import { pciAddress } from './requester-ids.ts';

interface Tree {
  readonly specs: ReadonlyMap<string, DeviceSpec>;
  readonly children: ReadonlyMap<string, readonly string[]>;
}

const trees = new WeakMap<Machine, Tree>();

function treeOf(machine: Machine): Tree {
  let tree = trees.get(machine);
  if (tree === undefined) {
    tree = plant(machine);
    trees.set(machine, tree);
  }
  return tree;
}

/** Marks the nodes below a device that get no device of their own; one node stands for them all. */
const BELOW = '/*';

function plant({ devices }: Machine): Tree {
  const specs = new Map(devices.map((spec) => [spec.name, spec]));
  const children = new Map<string, string[]>();
  const add = (parent: string, child: string) => {
    const below = children.get(parent) ?? [];
    below.push(child);
    children.set(parent, below);
  };
  for (const { name, parent, child_suppliers } of devices) {
    if (parent !== null) add(parent, name);
    if (child_suppliers !== undefined) add(name, `${name}${BELOW}`);
  }
  return { specs, children };
}

/** The device below which the node has no name of its own; undefined for one that has. */
export function deviceAbove(fwnode: string): string | undefined {
  return fwnode.endsWith(BELOW) ? fwnode.slice(0, -BELOW.length) : undefined;
}

/** The node above; null at the top, and for a node of which nothing is known. */
function parentOf(k: Kernel, fwnode: string): string | null {
  const above = deviceAbove(fwnode) ?? k.state.devices[fwnode]?.parent;
  return above === undefined ? (treeOf(k.machine).specs.get(fwnode)?.parent ?? null) : above;
}

/** The nodes directly below that firmware does not disable. */
export function childNodes(k: Kernel, fwnode: string): readonly string[] {
  const below = treeOf(k.machine).children.get(fwnode) ?? [];
  return below.filter((name) => isAvailable(k, name));
}

/** Is neither the node disabled nor one above it? */
export function isAvailable(k: Kernel, fwnode: string): boolean {
  for (let at: string | null = fwnode; at !== null; at = parentOf(k, at))
    if (treeOf(k.machine).specs.get(at)?.disabled === true) return false;
  return true;
}

/**
 * The device of the nearest node above that has one; null for none.
 *
 * Kernel: drivers/base/property.c:fwnode_get_next_parent_dev, v6.1.
 * Leaves out: nothing.
 */
export function fwnode_get_next_parent_dev(k: Kernel, fwnode: string): string | null {
  for (let at = parentOf(k, fwnode); at !== null; at = parentOf(k, at))
    if (k.state.devices[at] !== undefined) return at;
  return null;
}

/**
 * Is the one node above the other, or the same?
 *
 * Kernel: drivers/base/property.c:fwnode_is_ancestor_of, v6.1.
 * Leaves out: nothing.
 */
export function fwnode_is_ancestor_of(k: Kernel, above: string, fwnode: string): boolean {
  for (let at: string | null = fwnode; at !== null; at = parentOf(k, at))
    if (at === above) return true;
  return false;
}

/** What the properties of a node name as suppliers, IOMMUs among them where `iommus` says so. */
export function suppliersNamed(k: Kernel, fwnode: string, iommus: boolean): readonly string[] {
  const { specs } = treeOf(k.machine);
  const above = deviceAbove(fwnode);
  if (above !== undefined) return specs.get(above)?.child_suppliers ?? [];
  const spec = k.state.devices[fwnode]?.spec ?? specs.get(fwnode);
  const rows = iommus ? [...(spec?.iommus ?? []), ...(spec?.iommu_map ?? [])] : [];
  return [...new Set([...(spec?.suppliers ?? []), ...rows.map(({ iommu }) => iommu)])];
}

/**
 * The node's own name, without those above it: `smmuv3@9050000` for the device `9050000.smmuv3`.
 *
 * Kernel: %pfwP of lib/vsprintf.c; the device's name is made of it in of_device_make_bus_id.
 * Leaves out: the names of PCI functions' nodes, which go by their addresses here.
 */
export function nodeName(k: Kernel, fwnode: string): string {
  const device = deviceAbove(fwnode);
  if (device !== undefined) return 'child';
  if (!treeOf(k.machine).specs.has(fwnode)) return fwnode;
  const [, address, name] = /^([0-9a-f]+)\.([^.]*[^.\d].*)$/.exec(fwnode) ?? [];
  if (address !== undefined) return `${name}@${address}`;
  return pciAddress(fwnode) === null ? (fwnode.split(':').at(-1) ?? fwnode) : fwnode;
}

/** The node with all those above it: `/soc/smmuv3@9050000`. Kernel: %pfwf of lib/vsprintf.c. */
export function nodePath(k: Kernel, fwnode: string): string {
  const name = nodeName(k, fwnode);
  if (!treeOf(k.machine).specs.has(fwnode) && deviceAbove(fwnode) === undefined) return name;
  const parent = parentOf(k, fwnode);
  return `${parent === null ? '' : nodePath(k, parent)}/${name}`;
}
