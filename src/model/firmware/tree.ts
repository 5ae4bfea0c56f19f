import { cellsOf, type FdtNode, stringsOf } from './fdt.ts';

/** A devicetree with the look-ups that go against the grain: parents and phandles. */
export interface Tree {
  readonly root: FdtNode;
  /** Every node, parents before children, in the order of the blob. */
  readonly nodes: readonly FdtNode[];
  parent(node: FdtNode): FdtNode | null;
  byPhandle(phandle: number): FdtNode | null;
}

/** Indexes a tree; the first of two nodes with one phandle wins. */
export function indexTree(root: FdtNode): Tree {
  const parents = new Map<FdtNode, FdtNode>();
  const phandles = new Map<number, FdtNode>();
  const nodes: FdtNode[] = [];
  const waiting = [root];
  for (let node = waiting.pop(); node !== undefined; node = waiting.pop()) {
    nodes.push(node);
    const phandle = cellsOf(node, 'phandle')[0] ?? cellsOf(node, 'linux,phandle')[0];
    if (phandle !== undefined && !phandles.has(phandle)) phandles.set(phandle, node);
    for (const child of node.children.toReversed()) {
      parents.set(child, node);
      waiting.push(child);
    }
  }
  return {
    root,
    nodes,
    parent: (node) => parents.get(node) ?? null,
    byPhandle: (phandle) => phandles.get(phandle) ?? null,
  };
}

/** Node name without its unit address. Kernel: what printk's %pOFn prints. */
export function baseName(node: FdtNode): string {
  const at = node.name.indexOf('@');
  return at < 0 ? node.name : node.name.slice(0, at);
}

/** Does the node's `compatible` list hold one of these? */
export function isCompatible(node: FdtNode, wanted: readonly string[]): boolean {
  return stringsOf(node, 'compatible').some((compatible) => wanted.includes(compatible));
}

/** A reference to a node and the cells that stand behind it. */
export interface PhandleArgs {
  readonly node: FdtNode;
  readonly args: readonly number[];
}

/**
 * Reads a property that lists phandles, each followed by as many cells as the node it names asks
 * for in `cellsName`; with null, by none. Stops at the first reference that cannot be resolved;
 * a zero phandle is an empty entry and is passed over.
 *
 * Kernel: drivers/of/base.c:of_parse_phandle_with_args, v6.1.
 */
export function phandleList(
  tree: Tree,
  node: FdtNode,
  property: string,
  cellsName: string | null,
): PhandleArgs[] {
  const cells = cellsOf(node, property);
  const found: PhandleArgs[] = [];
  let at = 0;
  while (at < cells.length) {
    const phandle = cells[at] ?? 0;
    at += 1;
    if (phandle === 0) continue;
    const target = tree.byPhandle(phandle);
    if (target === null) break;
    const count = cellsName === null ? 0 : cellsOf(target, cellsName)[0];
    if (count === undefined || at + count > cells.length) break;
    found.push({ node: target, args: cells.slice(at, at + count) });
    at += count;
  }
  return found;
}
