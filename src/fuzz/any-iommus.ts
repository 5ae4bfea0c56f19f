/** The IOMMUs of a machine, with their drivers. */
import type { DeviceSpec, IommuKind, Machine } from '../events/machine.ts';
import { addKnown, type Board, type Unit } from './board.ts';

/** Id registers of hardware that exists. */
const V2_REGISTERS = [
  { ID0: 0x7c013e80, ID1: 0xd0000040, ID2: 0x5555 },
  { ID0: 0x7c017e02, ID1: 0x80000002, ID2: 0x5555 },
  { ID0: 0x29005e80, ID1: 0x00800080, ID2: 0x5555 },
];
const V3_REGISTERS = { IDR0: 0x0d40101a, IDR1: 0x02730010, IDR3: 0x404, IDR5: 0x74 };

const QCOM = ['qcom,sdm845-smmu-500', 'arm,mmu-500'];
const hex = (value: number): string => value.toString(16);

/** Puts some IOMMUs of one kind onto the board, mostly one. */
export function addIommus(board: Board, kind: IommuKind): void {
  const { dice, size } = board;
  const most = kind === 'ipmmu-vmsa' || kind === 'arm-smmu' ? 3 : 2;
  const isForEach = kind === 'virtio-iommu' && board.hosts === 2 && dice.percent(60);
  const several = isForEach || (size > 2 && dice.percent(25)) ? 2 + dice.below(most - 1) : 1;
  const count = isForEach ? 2 : several;
  for (let i = 0; i < count; i += 1) addIommu(board, kind, i);
}

function addIommu(board: Board, kind: IommuKind, nth: number): void {
  if (kind === 'arm-smmu' || kind === 'arm-smmu-v3') addSmmu(board, kind, nth);
  else if (kind === 'virtio-iommu') addVirtio(board, nth);
  else if (kind === 'ipmmu-vmsa') addIpmmu(board, nth);
  else if (kind === 'intel')
    add(board, { name: `dmar${nth}`, bus: '', ...vtdOf(board, nth) }, kind);
  else add(board, { name: `ivhd${nth}`, bus: '' }, kind);
}

/** Versions, capabilities and extended capabilities of VT-d units that exist. */
const VTD_REGISTERS = [
  { ver: '1:0', cap: '0xd2008c40660462', ecap: '0xf050da' },
  { ver: '1:0', cap: '0xd2078c106f0462', ecap: '0xf020fe' },
  { ver: '1:0', cap: '0xd2008c22260206', ecap: '0xf00f46' },
  { ver: '7:0', cap: '0xc9de008cee690462', ecap: '0x2ca9a00f0ef5e' },
];

/** Registers, known of most units; the first is for what no other one names. */
function vtdOf({ dice }: Board, nth: number): Pick<DeviceSpec, 'vtd'> {
  if (!dice.percent(75)) return {};
  const left_on = dice.some(['translation', 'interrupts'] as const, 15);
  const base = `0x${hex(0xfed90000 + nth * 0x1000)}`;
  const vtd = { base, include_all: nth === 0, ...dice.pick(VTD_REGISTERS), ioapics: [2 + nth] };
  return { vtd: { ...vtd, ...(left_on.length > 0 && { left_on }) } };
}

/** What the DMAR table says of memory, where it tells of units. */
export function tablesOf({ devices }: Board): Pick<Machine, 'dmar'> {
  if (!devices.some(({ vtd }) => vtd !== undefined)) return {};
  const rmrr = devices.flatMap(({ reserved = [] }) =>
    reserved.flatMap(({ start, length }) =>
      start === undefined || length === undefined
        ? []
        : [{ base: `0x${hex(start)}`, end: `0x${hex(start + length - 1)}` }],
    ),
  );
  return { dmar: { width: 46, ...(rmrr.length > 0 && { rmrr }) } };
}

function add(board: Board, spec: Partial<DeviceSpec> & { name: string }, kind: IommuKind): void {
  board.devices.push({ bus: 'platform', parent: null, ids: [], iommu_kind: kind, ...spec });
  board.units.push({ name: spec.name, kind, device: spec.name });
}

function addSmmu(board: Board, kind: 'arm-smmu' | 'arm-smmu-v3', nth: number): void {
  const { dice, firmware } = board;
  const isV3 = kind === 'arm-smmu-v3';
  const base = isV3 ? 0x9050000 : 0x2b400000;
  const ofTree = `${hex(base + nth * 0x100000)}.${isV3 ? 'smmuv3' : 'iommu'}`;
  const compatible = isV3
    ? ['arm,smmu-v3']
    : dice.weigh([
        [3, ['arm,mmu-500']],
        [1, QCOM],
      ]);
  const isCoherent = dice.percent(65);
  const { suppliers } = board;
  const named =
    firmware === 'acpi'
      ? { name: `${kind}.${nth}.auto`, ids: [`platform:${kind}`] }
      : { name: ofTree, ids: compatible };
  const registers = isV3 ? V3_REGISTERS : dice.pick(V2_REGISTERS);
  add(
    board,
    {
      ...named,
      ...((isCoherent || dice.percent(50)) && { dma_coherent: isCoherent }),
      ...(dice.percent(20) && { registers }),
      ...(dice.percent(8) && { snoops: !isCoherent }),
      ...(!isV3 && dice.percent(8) && { contexts: 1 + dice.below(3) }),
      ...(!isV3 && dice.percent(8) && { stream_match_mask: dice.pick([0x7f80, 0x7, 0x1]) }),
      ...(!isV3 && firmware === 'devicetree' && dice.percent(10) && { mmu_masters: true }),
      ...(suppliers.length > 0 && dice.percent(30) && { suppliers: [dice.pick(suppliers)] }),
    },
    kind,
  );
  addKnown(board, kind);
}

/** The slot of a virtio-iommu that is a PCI function. */
export const IOMMU_SLOT = '1e.0';

/** Behind a memory-mapped transport, or a PCI function, which comes with its host bridge. */
function addVirtio(board: Board, nth: number): void {
  const { dice } = board;
  addKnown(board, 'virtio_iommu');
  const isFunction = board.units[0]?.device === 'virtio%d';
  if (nth < board.hosts && dice.percent(isFunction ? 85 : 50)) {
    const name = `000${nth}:00:${IOMMU_SLOT}`;
    board.units.push({ name, kind: 'virtio-iommu', device: 'virtio%d' });
    return;
  }
  const name = `a00${hex(0x3e00 - nth * 0x200).slice(-4)}.virtio_mmio`;
  const device = `virtio${nth}`;
  const viommu = { ...(dice.percent(50) && { bypass: dice.percent(50) }) };
  board.devices.push({
    ...{ name, bus: 'platform', parent: null, iommu_kind: 'virtio-iommu' },
    ids: [board.firmware === 'acpi' ? 'acpi:LNRO0005:' : 'virtio,mmio'],
    ...(dice.percent(40) && { viommu }),
    creates: [{ name: device, bus: 'virtio', parent: name, ids: ['virtio:d00000017v554D4551'] }],
  });
  board.units.push({ name, kind: 'virtio-iommu', device });
  addKnown(board, 'virtio-mmio');
}

function addIpmmu(board: Board, nth: number): void {
  const { dice } = board;
  const [main] = board.units;
  const own = {
    ...(main !== undefined && dice.percent(60) && { main: main.name }),
    ...(dice.percent(20) && { reserved_context: true }),
  };
  const name = `e6${hex(0x280000 + nth * 0x100000)}.mmu`;
  const has = {
    ...(Object.keys(own).length > 0 && { ipmmu: own }),
    ...(dice.percent(40) && { contexts: 1 + dice.below(3) }),
  };
  add(board, { name, ids: ['renesas,ipmmu-vmsa'], ...has }, 'ipmmu-vmsa');
  addKnown(board, 'ipmmu-vmsa');
}

/** A stream at one of the units, new or one that somebody has already. */
export function anyStream(board: Board, unit: Unit): number {
  const { dice, firstStream } = board;
  const used = board.nextStream - firstStream;
  if (used > 0 && dice.percent(12)) return firstStream + dice.below(used);
  const id = board.nextStream;
  board.nextStream += unit.kind === 'ipmmu-vmsa' ? 1 : dice.pick([1, 1, 0x10]);
  return id;
}
