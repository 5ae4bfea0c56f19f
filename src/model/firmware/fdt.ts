import { emptyTable, type Table } from '../../events/table.ts';
import { type Binary, badTable, be32, text, u8 } from './binary.ts';

/** A node of a devicetree with its properties as bytes. */
export interface FdtNode {
  /** With its unit address: `pcie@10000000`; empty for the root. */
  readonly name: string;
  /** `/` for the root. */
  readonly path: string;
  readonly props: Table<Uint8Array>;
  /** In the order of the blob. */
  readonly children: readonly FdtNode[];
}

const MAGIC = 0xd00dfeed;
const BEGIN_NODE = 1;
const END_NODE = 2;
const PROP = 3;
const NOP = 4;
const END = 9;
/** No real tree is deeper than a dozen; a limit keeps a hostile one from growing paths without end. */
const DEPTH_MAX = 64;
/** Longest node or property name taken; the specification says 31 characters. */
const NAME_MAX = 256;

type Draft = { -readonly [K in keyof FdtNode]: FdtNode[K] } & { children: Draft[] };

/**
 * Parses a flattened devicetree (versions 16 and 17) in one pass.
 *
 * Leaves out: the memory reservation block, overlays, the boot CPU.
 *
 * @throws ReprobeError BAD_MACHINE with the byte offset, whatever the bytes are.
 */
export function parseFdt(bytes: Uint8Array, file = 'machine-fdt.dtb'): FdtNode {
  const blob: Binary = { bytes, file };
  if (be32(blob, 0) !== MAGIC) throw badTable(blob, 0, 'no devicetree blob begins here');
  const size = be32(blob, 4);
  if (size > bytes.length)
    throw badTable(blob, bytes.length, `the blob is cut off: it should have ${size} bytes`);
  const version = be32(blob, 20);
  if (version < 16) throw badTable(blob, 20, `devicetree version ${version} is too old`);
  const strings = be32(blob, 12);
  let at = be32(blob, 8);
  let root: Draft | null = null;
  const open: Draft[] = [];
  for (;;) {
    const token = be32(blob, at);
    const start = at;
    at += 4;
    if (token === BEGIN_NODE) {
      const node = newNode(blob, at, open);
      at += aligned(nameLength(blob, at) + 1);
      const parent = open.at(-1);
      if (parent === undefined && root !== null) throw badTable(blob, start, 'a second root');
      parent?.children.push(node);
      root ??= node;
      open.push(node);
    } else if (token === END_NODE) {
      if (open.pop() === undefined) throw badTable(blob, start, 'a node ends that never began');
    } else if (token === PROP) {
      const length = be32(blob, at);
      readProp(blob, open.at(-1), at, strings);
      at += 8 + aligned(length);
    } else if (token === END) {
      break;
    } else if (token !== NOP) {
      throw badTable(blob, start, `unknown token 0x${token.toString(16)}`);
    }
  }
  if (root === null || open.length > 0) throw badTable(blob, at, 'the tree is not closed');
  return root;
}

function newNode(blob: Binary, at: number, open: readonly Draft[]): Draft {
  if (open.length >= DEPTH_MAX) throw badTable(blob, at, `deeper than ${DEPTH_MAX} nodes`);
  const name = text(blob, at, nameLength(blob, at));
  const above = open.at(-1)?.path ?? '';
  const path = open.length === 0 ? '/' : `${above === '/' ? '' : above}/${name}`;
  return { name: open.length === 0 ? '' : name, path, props: emptyTable(), children: [] };
}

function readProp(blob: Binary, node: Draft | undefined, at: number, strings: number): void {
  if (node === undefined) throw badTable(blob, at, 'a property outside any node');
  const length = be32(blob, at);
  const nameAt = strings + be32(blob, at + 4);
  const name = text(blob, nameAt, nameLength(blob, nameAt));
  const start = at + 8;
  if (start + length > blob.bytes.length) throw badTable(blob, at, 'a property runs past the end');
  node.props[name] = blob.bytes.slice(start, start + length);
}

function nameLength(blob: Binary, at: number): number {
  for (let length = 0; length <= NAME_MAX; length += 1) {
    if (u8(blob, at + length) === 0) return length;
  }
  throw badTable(blob, at, `a name longer than ${NAME_MAX} characters`);
}

function aligned(length: number): number {
  return Math.ceil(length / 4) * 4;
}

/** The property as 32-bit cells; a trailing part of a cell is dropped, a missing property is empty. */
export function cellsOf(node: FdtNode, name: string): number[] {
  const bytes = node.props[name];
  if (bytes === undefined) return [];
  const table: Binary = { bytes, file: '' };
  return Array.from({ length: bytes.length >> 2 }, (_, i) => be32(table, i * 4));
}

/** The property as a list of zero-terminated strings; empty when missing. */
export function stringsOf(node: FdtNode, name: string): string[] {
  const bytes = node.props[name];
  if (bytes === undefined || bytes.length === 0) return [];
  const all = text(
    { bytes: bytes.map((byte) => (byte === 0 ? 10 : byte)), file: '' },
    0,
    bytes.length,
  );
  return all.replace(/\n$/, '').split('\n');
}

/** The node is to be used: it has no `status`, or it is `okay` or `ok`. */
export function isAvailable(node: FdtNode): boolean {
  const status = stringsOf(node, 'status')[0];
  return status === undefined || status === 'okay' || status === 'ok';
}
