/** A machine as firmware describes it: a devicetree blob or an ACPI IORT, told apart by content. */
import type { DeviceSpec, Machine } from '../../events/machine.ts';
import { badTable, be32 } from './binary.ts';
import { devicesOfTree } from './devicetree.ts';
import { type FdtNode, isAvailable, parseFdt, stringsOf } from './fdt.ts';
import { type Iort, parseIort, withReservedMemory } from './iort.ts';
import { withKnownRegisters } from './known-registers.ts';
import { isCoherent } from './of-iommu-properties.ts';
import { type NodeFunction, pciFunctions, pciHosts } from './of-pci.ts';
import { indexTree, phandleList, type Tree } from './tree.ts';

/** A node with an IOMMU of which no device is made. */
export interface Unmade {
  /** Its path in the devicetree. */
  readonly node: string;
  /** The device of the IOMMU that it names first, if there is one. */
  readonly iommu: string | null;
  readonly why: string;
}

export interface Firmware {
  readonly kind: Exclude<Machine['firmware'], 'none'>;
  /** The board, as the devicetree's root names it. */
  readonly model: string | null;
  /** In the order of creation; PCI functions that have a node come last. */
  readonly devices: readonly DeviceSpec[];
  readonly unmade: readonly Unmade[];
  /** Of an IORT: what it says beside its devices. */
  readonly iort: Iort | null;
}

/** No blob is longer. Kernel: arch/arm64/include/asm/boot.h: MAX_FDT_SIZE. */
export const FIRMWARE_BYTES_MAX = 2 * 1024 * 1024;
/** The devicetrees of Linux 6.1 make up to 160; each is booted. */
const DEVICES_MAX = 2048;
const FDT_MAGIC = 0xd00dfeed;
/** The host bridge of ACPI's segment 0. */
const ACPI_ROOT = 'pci0000:00';

/** Do these bytes begin like a devicetree blob or an IORT? */
export function isFirmware(bytes: Uint8Array): boolean {
  return bytes.length >= 4 && (be32({ bytes, file: '' }, 0) === FDT_MAGIC || isIort(bytes));
}

const isIort = (bytes: Uint8Array): boolean =>
  String.fromCharCode(...bytes.subarray(0, 4)) === 'IORT';

/**
 * Reads a devicetree blob or an IORT.
 *
 * Leaves out: fw_devlink.strict, kernels without CONFIG_ARM_AMBA, all other ACPI tables.
 *
 * @throws ReprobeError BAD_MACHINE with the byte offset, whatever the bytes are.
 */
export function readFirmware(bytes: Uint8Array, file: string): Firmware {
  if (bytes.length > FIRMWARE_BYTES_MAX)
    throw badTable({ bytes, file }, FIRMWARE_BYTES_MAX, 'no kernel takes a longer blob');
  if (!isFirmware(bytes))
    throw badTable({ bytes, file }, 0, 'neither a devicetree blob nor an IORT begins here');
  const firmware = isIort(bytes)
    ? acpiFirmware(parseIort(bytes, file))
    : treeFirmware(parseFdt(bytes, file));
  const count = firmware.devices.length;
  if (count > DEVICES_MAX)
    throw badTable(
      { bytes, file },
      0,
      `${count} devices, more than the ${DEVICES_MAX} of any board`,
    );
  return firmware;
}

function treeFirmware(root: FdtNode): Firmware {
  const tree = indexTree(root);
  const { devices, names } = devicesOfTree(tree, { strict: false, amba: true });
  const functions = pciHosts(tree).flatMap((host): readonly NodeFunction[] => {
    const name = names.get(host);
    return name === undefined
      ? []
      : pciFunctions(tree, host, name, (node) => isCoherent(tree, node));
  });
  const all = new Map([
    ...names,
    ...functions.map(({ node, spec }): [FdtNode, string] => [node, spec.name]),
  ]);
  return {
    kind: 'devicetree',
    model: stringsOf(root, 'model')[0] ?? null,
    devices: withKnownRegisters(
      onceEach([...devices, ...functions.map(({ spec }) => spec)]),
      stringsOf(root, 'compatible'),
    ),
    unmade: unmadeNodes(tree, all),
    iort: null,
  };
}

/** Two nodes of one name would be one device; the kernel refuses the second. */
function onceEach(devices: readonly DeviceSpec[]): readonly DeviceSpec[] {
  const seen = new Set<string>();
  return devices.filter(({ name }) => {
    const isNew = !seen.has(name);
    seen.add(name);
    return isNew;
  });
}

function unmadeNodes(tree: Tree, names: ReadonlyMap<FdtNode, string>): readonly Unmade[] {
  return tree.nodes
    .filter((node) => node.props['iommus'] !== undefined || node.props['iommu-map'] !== undefined)
    .filter((node) => !names.has(node))
    .map((node) => {
      const iommu = phandleList(tree, node, 'iommus', '#iommu-cells')[0]?.node;
      const why = whyUnmade(tree, names, node);
      return { node: node.path, iommu: (iommu && names.get(iommu)) ?? null, why };
    });
}

function whyUnmade(tree: Tree, names: ReadonlyMap<FdtNode, string>, node: FdtNode): string {
  for (let at: FdtNode | null = node; at !== null; at = tree.parent(at)) {
    const status = stringsOf(at, 'status')[0] ?? '';
    if (!isAvailable(at)) return `${at === node ? 'its' : `${at.path}: its`} status is '${status}'`;
  }
  const between: string[] = [];
  let above = tree.parent(node);
  while (above !== null && !names.has(above)) {
    const [compatible] = stringsOf(above, 'compatible');
    if (compatible !== undefined && above !== tree.root) between.unshift(`then ${compatible}`);
    above = tree.parent(above);
  }
  if (above === null) return 'no bus leads to it: neither firmware code nor a driver looks there';
  const [compatible = 'no compatible string'] = stringsOf(above, 'compatible');
  const drivers = [`${names.get(above)} (${compatible})`, ...between];
  return `drivers make its device, and the model has none: ${drivers.join(', ')}`;
}

/** The SMMUs and components that the table names, then the host bridge of each segment. */
function acpiFirmware(iort: Iort): Firmware {
  const bridges = iort.rootComplexes.map(
    ({ segment, iommu_map, iommu_map_mask, dma_coherent }): DeviceSpec => ({
      name: segment === 0 ? ACPI_ROOT : `pci${segment.toString(16).padStart(4, '0')}:00`,
      bus: '',
      parent: null,
      ids: [],
      ...(iommu_map.length === 0 ? {} : { iommu_map }),
      ...(iommu_map_mask === undefined ? {} : { iommu_map_mask }),
      dma_coherent,
    }),
  );
  const devices = onceEach([...iort.devices, ...iort.components, ...bridges]);
  return {
    kind: 'acpi',
    model: null,
    devices: withKnownRegisters(withReservedMemory(iort, devices), [iort.maker]),
    unmade: [],
    iort,
  };
}
