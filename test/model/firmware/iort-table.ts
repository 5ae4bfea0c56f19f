/** Writes an IORT as tests need it: nodes in order, which mappings name by their place in the list. */
export interface IortNodeSource {
  readonly type: number;
  readonly data: readonly number[];
  readonly mappings?: readonly MappingSource[];
}

export interface MappingSource {
  readonly first?: number;
  /** How many ids. */
  readonly count?: number;
  readonly out: number;
  /** Index of the node that the ids go to. */
  readonly to: number;
  readonly single?: boolean;
}

const HEADER = 48;
const NODE_HEADER = 16;

export function iortOf(nodes: readonly IortNodeSource[], revision = 5): Uint8Array {
  const places: number[] = [];
  let at = HEADER;
  for (const node of nodes) {
    places.push(at);
    at += lengthOf(node);
  }
  const body = nodes.flatMap((node) => nodeBytes(node, places));
  const head = [...ascii('IORT'), ...le32(at), revision, ...Array.from({ length: 27 }, () => 0)];
  return Uint8Array.from([...head, ...le32(nodes.length), ...le32(HEADER), ...le32(0), ...body]);
}

const lengthOf = ({ data, mappings = [] }: IortNodeSource): number =>
  NODE_HEADER + data.length + mappings.length * 20;

function nodeBytes(node: IortNodeSource, places: readonly number[]): number[] {
  const { type, data, mappings = [] } = node;
  const length = lengthOf(node);
  const offset = NODE_HEADER + data.length;
  const head = [type, length & 0xff, length >> 8, 0, ...le32(0)];
  const rows = mappings.flatMap(({ first = 0, count = 1, out, to, single = false }) => [
    ...[...le32(first), ...le32(count - 1), ...le32(out)],
    ...[...le32(places[to] ?? 0), ...le32(single ? 1 : 0)],
  ]);
  return [...head, ...le32(mappings.length), ...le32(offset), ...data, ...rows];
}

function le32(value: number): number[] {
  return [0, 8, 16, 24].map((shift) => (value >>> shift) & 0xff);
}

function ascii(text: string): number[] {
  return [...new TextEncoder().encode(text)];
}

/** An interrupt controller. */
export const its: IortNodeSource = { type: 0, data: [...le32(1), ...le32(0)] };

/** An SMMU v1 or v2 with so many context interrupts. */
export function smmu(model: number, flags: number, contexts: number): IortNodeSource {
  const base = [0, 0, 0, 0, model, flags, 0, contexts, 0];
  return { type: 3, data: base.flatMap(le32) };
}

export function smmuV3(flags: number, mappings: readonly MappingSource[] = []): IortNodeSource {
  return { type: 4, data: [0, 0, flags, 0, 0, 0, 0, 0, 0, 0, 0].flatMap(le32), mappings };
}

export function rootComplex(segment: number, mappings: readonly MappingSource[]): IortNodeSource {
  return { type: 2, data: [1, 0, 0, segment, 0].flatMap(le32), mappings };
}

export function component(path: string, mappings: readonly MappingSource[]): IortNodeSource {
  const name = ascii(`${path}\0`);
  const padding = Array.from({ length: -(13 + name.length) & 3 }, () => 0);
  return { type: 1, data: [...[0, 1, 0].flatMap(le32), 0, ...name, ...padding], mappings };
}

/** Reserved memory of one range. */
export function rmr(
  flags: number,
  start: number,
  length: number,
  mappings: readonly MappingSource[],
): IortNodeSource {
  const head = [flags, 1, NODE_HEADER + 12].flatMap(le32);
  return { type: 6, data: [...head, ...[start, 0, length, 0, 0].flatMap(le32)], mappings };
}
