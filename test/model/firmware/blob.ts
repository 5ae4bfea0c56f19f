/** A node as tests write it: properties, and nodes for the values that are neither. */
export interface Source {
  readonly [name: string]: number | string | readonly number[] | readonly string[] | null | Source;
}

/** Makes a devicetree blob: numbers are cells, strings are strings, null is an empty property. */
export function blobOf(root: Source): Uint8Array {
  const strings: string[] = [];
  const structure = [...nodeBytes('', root, strings), ...cell(9)];
  const stringBytes = [...new TextEncoder().encode(strings.map((text) => `${text}\0`).join(''))];
  const stringsAt = 40 + structure.length;
  const total = stringsAt + stringBytes.length;
  const header = [0xd00dfeed, total, 40, stringsAt, 0, 17, 16, 0, stringBytes.length];
  const head = [...header.flatMap(cell), ...cell(structure.length)];
  return Uint8Array.from([...head, ...structure, ...stringBytes]);
}

function nodeBytes(name: string, node: Source, strings: string[]): number[] {
  const entries = Object.entries(node);
  const props = entries.flatMap(([key, value]) =>
    isNode(value) ? [] : propBytes(key, valueBytes(value), strings),
  );
  const children = entries.flatMap(([key, value]) =>
    isNode(value) ? nodeBytes(key, value, strings) : [],
  );
  return [...cell(1), ...padded(terminated(name)), ...props, ...children, ...cell(2)];
}

function isNode(value: Source[string] | undefined): value is Source {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function propBytes(name: string, value: readonly number[], strings: string[]): number[] {
  if (!strings.includes(name)) strings.push(name);
  const before = strings.slice(0, strings.indexOf(name));
  const offset = before.reduce((sum, text) => sum + text.length + 1, 0);
  return [...cell(3), ...cell(value.length), ...cell(offset), ...padded(value)];
}

function valueBytes(value: Exclude<Source[string], Source>): number[] {
  if (value === null) return [];
  const list = typeof value === 'object' ? value : [value];
  return list.flatMap((item) => (typeof item === 'number' ? cell(item) : terminated(item)));
}

function terminated(text: string): number[] {
  return [...new TextEncoder().encode(`${text}\0`)];
}

function padded(bytes: readonly number[]): number[] {
  return [...bytes, ...Array.from({ length: -bytes.length & 3 }, () => 0)];
}

function cell(value: number): number[] {
  return [24, 16, 8, 0].map((shift) => (value >>> shift) & 0xff);
}
