/** PCI functions that have a node of their own below a host bridge. */
import type { DeviceSpec, PciFunction } from '../../events/machine.ts';
import { cellsOf, type FdtNode, isAvailable, stringsOf } from './fdt.ts';
import { knownFunction } from './known-functions.ts';
import { virtioSpec } from './pci-children.ts';
import { baseName, isCompatible, type Tree } from './tree.ts';

/** Host bridges whose driver registers before those of other host bridges. */
const FIRST_HOSTS = ['pci-host-ecam-generic', 'pci-host-cam-generic'];
/** A virtio-iommu's function: its driver makes the device that is the IOMMU. */
const VIRTIO_IOMMU = ['virtio,pci-iommu', 'pci1af4,1057'];
const VIRTIO_VENDOR = 0x1af4;
const VIRTIO_ID_IOMMU = 0x17;
const BRIDGE_CLASS = 0x060400;
/** Deeper chains of bridges are not followed. */
const DEPTH_MAX = 16;

/** Is the node that of a PCI host bridge or of a bridge below one? */
const isPciBus = (node: FdtNode): boolean => stringsOf(node, 'device_type')[0] === 'pci';

/** The host bridges of a tree that are not disabled, in the order of nodes. */
export function pciHosts(tree: Tree): readonly FdtNode[] {
  return tree.nodes.filter((node) => {
    const parent = tree.parent(node);
    return isPciBus(node) && parent !== null && !isPciBus(parent) && isAvailable(node);
  });
}

/**
 * The domain of each host bridge: the one it names, or the next that is free, in the order in which
 * their drivers register: the generic one first.
 *
 * Kernel: drivers/pci/pci.c:of_pci_bus_find_domain_nr, v6.1. Leaves out: bridges that fail to probe.
 */
function pciDomains(tree: Tree): ReadonlyMap<FdtNode, number> {
  const known = DOMAINS.get(tree);
  if (known !== undefined) return known;
  const hosts = pciHosts(tree);
  const given = (node: FdtNode) => cellsOf(node, 'linux,pci-domain')[0];
  const taken = new Set(hosts.flatMap((node) => given(node) ?? []));
  const domains = new Map<FdtNode, number>();
  const isFirst = (node: FdtNode) => isCompatible(node, FIRST_HOSTS);
  let next = 0;
  for (const node of [...hosts.filter(isFirst), ...hosts.filter((one) => !isFirst(one))]) {
    const own = given(node);
    while (own === undefined && taken.has(next)) next += 1;
    domains.set(node, own ?? next);
    taken.add(own ?? next);
  }
  DOMAINS.set(tree, domains);
  return domains;
}

const DOMAINS = new WeakMap<Tree, ReadonlyMap<FdtNode, number>>();

const hex = (value: number, width: number): string => value.toString(16).padStart(width, '0');

/** A PCI function's name in the kernel: `0000:00:08.0`. */
function pciName(domain: number, bus: number, devfn: number): string {
  return `${hex(domain, 4)}:${hex(bus, 2)}:${hex(devfn >> 3, 2)}.${devfn & 7}`;
}

/** The name of a function by its node's `reg`; null for a node that is no PCI function's. */
export function pciNodeName(tree: Tree, node: FdtNode): string | null {
  const parent = tree.parent(node);
  const address = cellsOf(node, 'reg')[0];
  if (parent === null || !isPciBus(parent) || address === undefined) return null;
  let host = parent;
  for (let up = tree.parent(host); up !== null && isPciBus(up); up = tree.parent(host)) host = up;
  const domain = pciDomains(tree).get(host) ?? 0;
  return pciName(domain, (address >>> 16) & 0xff, (address >>> 8) & 0xff);
}

/** A function with the node it was read from. */
export interface NodeFunction {
  readonly node: FdtNode;
  readonly spec: DeviceSpec;
}

/**
 * The functions below a host bridge that have nodes, bridges before what is behind them. What neither
 * a node nor known-functions.ts says is taken to be 0, and that nothing isolates functions of one slot
 * from each other.
 *
 * Kernel: drivers/pci/of.c:of_pci_find_child_device, pci_set_of_node, v6.1. Leaves out: functions
 * without a node.
 */
export function pciFunctions(
  tree: Tree,
  host: FdtNode,
  hostName: string,
  coherent: (node: FdtNode) => boolean,
): readonly NodeFunction[] {
  const domain = pciDomains(tree).get(host) ?? 0;
  const board = stringsOf(tree.root, 'compatible');
  const found: NodeFunction[] = [];
  let last = cellsOf(host, 'bus-range')[0] ?? 0;
  const visit = (bus: FdtNode, number: number, parent: string, depth: number): void => {
    const nodes = bus.children.filter((node) => cellsOf(node, 'reg').length > 0);
    const slots = nodes.map((node) => devfnOf(node) >> 3);
    for (const node of nodes) {
      const devfn = devfnOf(node);
      const name = pciName(domain, number, devfn);
      const slot = devfn >> 3;
      const multifunction = slots.indexOf(slot) !== slots.lastIndexOf(slot);
      const isOnRoot = parent === hostName;
      const known = isOnRoot ? knownFunction(board, host.name, devfn) : undefined;
      const pci = { ...functionOf(node, isOnRoot, multifunction), ...known };
      const compatible = stringsOf(node, 'compatible');
      const ids = [...modaliases(pci), ...(compatible.length > 0 ? compatible : [nodeAlias(node)])];
      const spec: DeviceSpec = {
        ...{ name, bus: 'pci', parent, ids, dma_coherent: coherent(node), pci },
        ...(isCompatible(node, VIRTIO_IOMMU)
          ? { creates: [virtioSpec(name, VIRTIO_ID_IOMMU, VIRTIO_VENDOR)] }
          : {}),
        ...(isAvailable(node) ? {} : { of_disabled: true }),
        ...(node.props['external-facing'] === undefined ? {} : { external_facing: true }),
      };
      found.push({ node, spec });
      if (pci.header !== 1 || depth >= DEPTH_MAX) continue;
      last += 1;
      visit(node, last, name, depth + 1);
    }
  };
  visit(host, last, hostName, 0);
  return found;
}

/** The slot and function number in the first cell of `reg`. */
const devfnOf = (node: FdtNode): number => ((cellsOf(node, 'reg')[0] ?? 0) >>> 8) & 0xff;

function functionOf(node: FdtNode, isOnRoot: boolean, multifunction: boolean): PciFunction {
  const isBridge = isPciBus(node);
  const isVirtio = isCompatible(node, VIRTIO_IOMMU);
  let [vendor, device] = isVirtio ? [VIRTIO_VENDOR, 0x1040 + VIRTIO_ID_IOMMU] : [0, 0];
  let cls = isBridge ? BRIDGE_CLASS : 0;
  for (const text of stringsOf(node, 'compatible')) {
    const ids = /^pci([0-9a-f]{1,4}),([0-9a-f]{1,4})$/i.exec(text);
    const named = /^pciclass,([0-9a-f]{4})([0-9a-f]{2})?$/i.exec(text);
    if (ids !== null && vendor === 0)
      [vendor, device] = [Number.parseInt(ids[1] ?? '', 16), Number.parseInt(ids[2] ?? '', 16)];
    if (named !== null) cls = Number.parseInt(`${named[1]}${named[2] ?? '00'}`, 16);
  }
  const endpoint = isOnRoot ? 'rc-endpoint' : 'endpoint';
  const port = isOnRoot ? 'root-port' : 'downstream';
  return {
    ...{ vendor, device, class: cls, header: isBridge ? 1 : 0, multifunction },
    pcie: isBridge ? port : endpoint,
    ...{ acs_capable: false, acs_enabled: false },
  };
}

/** The alias of a node without compatible strings. Kernel: drivers/of/device.c:of_modalias. */
const nodeAlias = (node: FdtNode): string => `of:N${baseName(node)}T(null)`;

/** The alias of a function whose vendor is known. */
function modaliases({ vendor, device, class: cls }: PciFunction): readonly string[] {
  if (vendor === 0 && cls === 0) return [];
  const big = (value: number, width: number) => hex(value, width).toUpperCase();
  const ids = `v${big(vendor, 8)}d${big(device, 8)}sv00000000sd00000000`;
  const parts = `bc${big(cls >> 16, 2)}sc${big((cls >> 8) & 0xff, 2)}i${big(cls & 0xff, 2)}`;
  return [`pci:${ids}${parts}`];
}
