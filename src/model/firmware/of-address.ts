import { cellsOf, type FdtNode } from './fdt.ts';
import { baseName, type Tree } from './tree.ts';

/** Kernel: drivers/of/address.c: OF_MAX_ADDR_CELLS. */
const CELLS_MAX = 4;
/** Rows of `ranges` that are read; no real bus has a tenth of it. */
const RANGES_MAX = 1024;

/**
 * The CPU's physical address of a node's first register window, or null where there is none or a
 * bus on the way up does not translate it.
 *
 * Kernel: drivers/of/address.c:of_translate_address, v6.1. Leaves out: PCI and ISA address spaces,
 * indirect buses.
 */
function translateAddress(tree: Tree, node: FdtNode): bigint | null {
  const reg = cellsOf(node, 'reg');
  let bus = tree.parent(node);
  if (reg.length === 0 || bus === null) return null;
  let na = addressCells(tree, bus);
  if (!countsAreSane(na, sizeCells(tree, bus)) || reg.length < na) return null;
  let address = number64(reg.slice(0, na));
  for (;;) {
    const parent = tree.parent(bus);
    if (parent === null) return address;
    const pna = addressCells(tree, parent);
    const ns = sizeCells(tree, bus);
    if (!countsAreSane(pna, sizeCells(tree, parent))) return null;
    const moved = throughRanges(bus, address, na, pna, ns);
    if (moved === null) return null;
    address = moved;
    na = pna;
    bus = parent;
  }
}

/** The CPU's address and the size of a node's first register window; null where there is none. */
export function regOf(tree: Tree, node: FdtNode): [bigint, bigint] | null {
  const parent = tree.parent(node);
  const start = translateAddress(tree, node);
  if (start === null || parent === null) return null;
  const na = addressCells(tree, parent);
  const cells = cellsOf(node, 'reg').slice(na, na + sizeCells(tree, parent));
  return [start, number64(cells)];
}

/** One step up: an absent `ranges` blocks, an empty one is 1:1, else the row that holds the address. */
function throughRanges(
  bus: FdtNode,
  address: bigint,
  na: number,
  pna: number,
  ns: number,
): bigint | null {
  if (bus.props['ranges'] === undefined) return null;
  const cells = cellsOf(bus, 'ranges');
  if (cells.length === 0) return address;
  const row = na + pna + ns;
  const end = Math.min(cells.length, row * RANGES_MAX);
  for (let at = 0; at + row <= end; at += row) {
    const child = number64(cells.slice(at, at + na));
    const parent = number64(cells.slice(at + na, at + na + pna));
    const size = number64(cells.slice(at + na + pna, at + row));
    if (address >= child && address < child + size) return parent + (address - child);
  }
  return null;
}

/** `#address-cells` of the nearest node at or above that has it. */
export function addressCells(tree: Tree, node: FdtNode): number {
  return nearestCell(tree, node, '#address-cells') ?? 1;
}

/** `#size-cells` of the nearest node at or above that has it. */
export function sizeCells(tree: Tree, node: FdtNode): number {
  return nearestCell(tree, node, '#size-cells') ?? 1;
}

function nearestCell(tree: Tree, node: FdtNode, property: string): number | undefined {
  for (let at: FdtNode | null = node; at !== null; at = tree.parent(at)) {
    const value = cellsOf(at, property)[0];
    if (value !== undefined) return value;
  }
  return undefined;
}

function countsAreSane(na: number, ns: number): boolean {
  return na > 0 && na <= CELLS_MAX && ns > 0 && ns <= CELLS_MAX;
}

/** Cells as one number, most significant first; only the last 64 bits count. */
export function number64(cells: readonly number[]): bigint {
  return BigInt.asUintN(
    64,
    cells.reduce((sum, cell) => (sum << 32n) | BigInt(cell), 0n),
  );
}

/**
 * The kernel's name for a node's device: `9050000.smmuv3`; a node without a translatable address is
 * named by its path from the nearest ancestor that has one: `soc:timer`.
 *
 * Kernel: drivers/of/platform.c:of_device_make_bus_id, v6.1.
 */
export function busId(tree: Tree, node: FdtNode): string {
  let name = '';
  let at = node;
  for (;;) {
    const parent = tree.parent(at);
    if (parent === null) return name;
    const address = translateAddress(tree, at);
    const suffix = name === '' ? '' : `:${name}`;
    if (address !== null) {
      const mask = cellsOf(at, 'mask')[0];
      const bit = mask === undefined ? '' : `.${firstSet(mask).toString(16)}`;
      return `${address.toString(16)}${bit}.${baseName(at)}${suffix}`;
    }
    name = `${at.name}${suffix}`;
    at = parent;
  }
}

/** Index of the lowest bit that is set; -1 for none, as the kernel prints it. */
function firstSet(mask: number): number {
  return mask === 0 ? 0xffffffff : 31 - Math.clz32(mask & -mask);
}
