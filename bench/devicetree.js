// A devicetree blob of any size, and what reading it costs: each node has a register, an IOMMU and a
// clock, so that parents and phandles are looked up as in a real one.
import { parseFdt } from '../dist/model/firmware/fdt.js';
import { indexTree, phandleList } from '../dist/model/firmware/tree.js';

const NAMES = ['reg', 'compatible', 'iommus', 'clocks', 'phandle', '#iommu-cells', '#clock-cells'];
const STRINGS = Buffer.from(`${NAMES.join('\0')}\0`);
const offsetOf = (name) => STRINGS.indexOf(`${name}\0`);

function cells(...values) {
  const bytes = Buffer.alloc(4 * values.length);
  values.forEach((value, i) => {
    bytes.writeUInt32BE(value, 4 * i);
  });
  return bytes;
}

function text(value) {
  const bytes = Buffer.from(`${value}\0`);
  return Buffer.concat([bytes, Buffer.alloc(-bytes.length & 3)]);
}

const prop = (name, ...values) => [cells(3, 4 * values.length, offsetOf(name)), cells(...values)];

/** A blob with `count` nodes below one bus. */
export function benchBlob(count) {
  const nodes = Array.from({ length: count }, (_, i) => [
    cells(1),
    text(`dev@${i.toString(16)}`),
    ...prop('reg', i, 1),
    ...[cells(3, 8, offsetOf('compatible')), text('x,bench')],
    ...prop('iommus', 1, i),
    ...prop('clocks', Math.max(1, i)),
    ...prop('phandle', i + 1),
    ...[...prop('#iommu-cells', 1), ...prop('#clock-cells', 0)],
    cells(2),
  ]);
  const structure = Buffer.concat([cells(1), text(''), ...nodes.flat(), cells(2, 9)]);
  const stringsAt = 40 + structure.length;
  const total = stringsAt + STRINGS.length;
  const header = cells(0xd00dfeed, total, 40, stringsAt, 0, 17, 16, 0, STRINGS.length);
  return Buffer.concat([header, cells(structure.length), structure, STRINGS]);
}

/** Parses and indexes a blob, and resolves what its nodes refer to. */
export function readBlob(blob) {
  const tree = indexTree(parseFdt(blob, 'bench.dtb'));
  let found = 0;
  for (const node of tree.nodes) {
    found += phandleList(tree, node, 'iommus', '#iommu-cells').length;
    found += phandleList(tree, node, 'clocks', '#clock-cells').length;
  }
  return found;
}
