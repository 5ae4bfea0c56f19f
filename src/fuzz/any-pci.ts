/** PCI host bridges and the trees of functions below them. */
import {
  type DeviceSpec,
  type IommuMapRow,
  isX86Iommu,
  type PcieType,
  type PciFunction,
} from '../events/machine.ts';
import { pciModalias } from '../scenario/pci.ts';
import { withBootDma } from './any-clients.ts';
import { IOMMU_SLOT } from './any-iommus.ts';
import { addDriver, addKnown, type Board, plainDriver } from './board.ts';

interface Host {
  readonly board: Board;
  readonly domain: string;
  nextBus: number;
  /** How many more functions there may be. */
  left: number;
}

const hex = (value: number, digits: number): string => value.toString(16).padStart(digits, '0');

/** Puts a host bridge with some functions behind it onto the board. */
export function addHost(board: Board, nth: number, functions: number): void {
  const { dice, firmware, devices, suppliers } = board;
  const domain = hex(nth, 4);
  const isTree = firmware === 'devicetree';
  const name = isTree ? `${hex(0x4010000000 + nth * 0x10000000, 10)}.pcie` : `pci${domain}:00`;
  const map = iommuMap(board, nth)?.flatMap((row) => besides(row, domain)) ?? null;
  const isCoherent = dice.percent(60);
  devices.push({
    ...{ name, bus: isTree ? 'platform' : '', parent: null },
    ids: isTree ? ['pci-host-ecam-generic'] : [],
    ...(map !== null && { iommu_map: map }),
    ...(isTree && dice.percent(75) && { dma_coherent: isCoherent }),
    ...(dice.percent(6) && { isolated_msi: false }),
    ...(isTree &&
      suppliers.length > 0 &&
      dice.percent(20) && { suppliers: [dice.pick(suppliers)] }),
  });
  if (isTree) addKnown(board, 'pci-host-generic', { suppress_bind_attrs: dice.percent(70) });
  const iommu = board.units.find((unit) => unit.name === `${domain}:00:${IOMMU_SLOT}`);
  if (iommu !== undefined) addFunctionOf(board, iommu.name, name);
  const host: Host = { board, domain, nextBus: 1, left: functions };
  let slot = dice.percent(20) ? 0 : 1;
  for (; host.left > 0 && slot < 30; slot += 1 + dice.below(2)) addSlot(host, name, 0, slot);
}

/** All requester ids go to one unit; or two share them; or firmware forgets some. */
function iommuMap(board: Board, nth: number): readonly IommuMapRow[] | null {
  const { dice, units } = board;
  if (units.length === 0 || dice.percent(4)) return null;
  const { name: iommu } = dice.pick(units);
  const sid_base = dice.percent(15) ? dice.pick([0x1000, 0x8000]) : nth * 0x4000;
  const whole = { rid_base: 0, iommu, sid_base, length: 0x10000 };
  if (!dice.percent(12)) return [whole];
  const at = dice.pick([0x100, 0x10, 0x200]);
  const other = { ...whole, rid_base: at, iommu: dice.pick(units).name, sid_base: sid_base + at };
  return [{ ...whole, length: at }, ...dice.some([{ ...other, length: 0x10000 - at }], 80)];
}

/** The requester id of a virtio-iommu that is a function. */
const IOMMU_RID = 0x1e << 3;

/** A function does not translate for itself: the row goes round it, where it is on this host's bus. */
function besides(row: IommuMapRow, domain: string): readonly IommuMapRow[] {
  const { iommu, rid_base, sid_base, length } = row;
  const before = IOMMU_RID - rid_base;
  if (!iommu.startsWith(`${domain}:`) || before < 0 || before >= length) return [row];
  const rest = { rid_base: IOMMU_RID + 1, sid_base: sid_base + before + 1 };
  const after = { ...row, ...rest, length: length - before - 1 };
  return [{ ...row, length: before }, after].filter((part) => part.length > 0);
}

function addFunctionOf(board: Board, name: string, parent: string): void {
  const pci: PciFunction = {
    ...{ vendor: 0x1af4, device: 0x1057, class: 0x080600, header: 0, multifunction: false },
    ...{ pcie: board.dice.pick(['endpoint', 'rc-endpoint'] as const), ...acs(false, false) },
  };
  const made = { name: 'virtio%d', bus: 'virtio', ids: ['virtio:d00000017v00001AF4'] };
  board.devices.push({
    ...{ name, bus: 'pci', parent, ids: [pciModalias(pci)], pci },
    creates: [{ ...made, parent: name, iommu_kind: 'virtio-iommu' }],
  });
  addKnown(board, 'virtio-pci');
}

type Filling = (host: Host, parent: string, bus: number, slot: number) => void;

const integrated: Filling = (...at) => addCard(...at, 'rc-endpoint');
const endpoint: Filling = (...at) => addCard(...at, 'endpoint');

function addSlot(host: Host, parent: string, bus: number, slot: number): void {
  const { dice } = host.board;
  const fill = dice.weigh<Filling>([
    [45, addPort],
    [20, integrated],
    [20, endpoint],
    [host.left > 3 ? 8 : 0, addSwitch],
    [host.left > 2 ? 5 : 0, addLegacy],
  ]);
  fill(host, parent, bus, slot);
}

/** A root port, or several in one slot, each with a card. */
function addPort(host: Host, parent: string, bus: number, slot: number): void {
  const { dice } = host.board;
  const ports = dice.percent(15) && host.left > 3 ? 2 : 1;
  for (let fn = 0; fn < ports; fn += 1) {
    const port = bridge(host, parent, bus, slot, fn, 'root-port', ports > 1);
    if (host.left > 0) addCard(host, port.name, port.secondary, 0, 'endpoint');
  }
}

function addSwitch(host: Host, parent: string, bus: number, slot: number): void {
  const port = bridge(host, parent, bus, slot, 0, 'root-port');
  const up = bridge(host, port.name, port.secondary, 0, 0, 'upstream');
  for (let i = 0; i < 2 && host.left > 0; i += 1) {
    const down = bridge(host, up.name, up.secondary, i, 0, 'downstream');
    if (host.left > 0) addCard(host, down.name, down.secondary, 0, 'endpoint');
  }
}

/** Conventional PCI behind a bridge: everything speaks under the bridge's id. */
function addLegacy(host: Host, parent: string, bus: number, slot: number): void {
  const { dice } = host.board;
  const pcie = dice.pick<PcieType | null>(['pcie-to-pci', null]);
  const found = bridge(host, parent, bus, slot, 0, pcie);
  for (let i = 1; i <= 2 && host.left > 0; i += 1)
    addCard(host, found.name, found.secondary, i, null);
}

type Acs = Pick<PciFunction, 'acs_capable' | 'acs_enabled'>;
const acs = (acs_capable: boolean, acs_enabled: boolean): Acs => ({ acs_capable, acs_enabled });
/** None, off, on, and a capability that lacks some of its bits. */
const ACS: readonly (readonly [number, Acs])[] = [
  [50, acs(false, false)],
  [20, acs(true, false)],
  [25, acs(true, true)],
  [5, acs(false, true)],
];

function bridge(
  host: Host,
  parent: string,
  bus: number,
  slot: number,
  fn: number,
  pcie: PcieType | null,
  multifunction = false,
) {
  const { board, domain } = host;
  const { dice } = board;
  const name = `${domain}:${hex(bus, 2)}:${hex(slot, 2)}.${fn}`;
  const secondary = host.nextBus;
  host.nextBus += 1;
  host.left -= 1;
  const isPort = pcie === 'root-port' || pcie === 'downstream';
  const hasSlot = isPort && dice.percent(20);
  const pci: PciFunction = {
    ...{ vendor: 0x1b36, device: 0x000c, class: 0x060400, header: 1, multifunction, pcie },
    ...(isPort ? dice.weigh(ACS) : acs(false, false)),
    ...(hasSlot && { slot: secondary }),
  };
  const service = { name: `${name}:pcie004`, bus: 'pci_express', parent: name };
  board.devices.push({
    ...{ name, bus: 'pci', parent, ids: [pciModalias(pci)], pci },
    ...(hasSlot && { creates: [{ ...service, ids: ['pci_express:004:0'] }] }),
  });
  if (!dice.percent(10)) addKnown(board, 'pcieport');
  if (hasSlot) addKnown(board, 'pciehp');
  return { name, secondary };
}

/** What a card is: ids and class, and the driver for it. */
const CARDS = [
  { vendor: 0x8086, device: 0x10d3, class: 0x020000, drv: 'e1000e' },
  { vendor: 0x8086, device: 0x10c9, class: 0x020000, drv: 'igb' },
  { vendor: 0x1b36, device: 0x0010, class: 0x010802, drv: 'nvme' },
  { vendor: 0x1b36, device: 0x000d, class: 0x0c0330, drv: 'xhci_hcd' },
  { vendor: 0x1957, device: 0xe100, class: 0x020001, drv: 'fsl_enetc' },
  { vendor: 0x1af4, device: 0x1000, class: 0x020000, drv: 'virtio-pci' },
  { vendor: 0x15b3, device: 0x101d, class: 0x020000, drv: 'mlx' },
] as const;

function addCard(
  host: Host,
  parent: string,
  bus: number,
  slot: number,
  pcie: PcieType | null,
): void {
  const { board, domain } = host;
  const { dice } = board;
  const isX86 = board.units.some(({ kind }) => isX86Iommu(kind));
  const functions = host.left > 1 && dice.percent(30) ? 2 + dice.below(2) : 1;
  for (let fn = 0; fn < functions && (fn === 0 || host.left > 0); fn += 1) {
    const { drv, ...ids } = dice.pick(CARDS);
    const name = `${domain}:${hex(bus, 2)}:${hex(slot, 2)}.${fn}`;
    const isolation = dice.percent(15) ? dice.weigh(ACS) : acs(false, false);
    const pci: PciFunction = {
      ...ids,
      header: 0,
      multifunction: functions > 1,
      pcie,
      ...isolation,
    };
    host.left -= 1;
    const spec: DeviceSpec = { name, bus: 'pci', parent, ids: [pciModalias(pci)], pci };
    const isCoherent = dice.percent(70);
    board.devices.push(
      withBootDma(board, {
        ...spec,
        ...(board.firmware === 'devicetree' && dice.percent(20) && { dma_coherent: isCoherent }),
        ...(!isX86 && dice.percent(12) && { snoops: dice.percent(50) }),
        ...(dice.percent(4) && { disabled: true }),
        ...(dice.percent(3) && { of_disabled: true }),
      }),
    );
    if (drv === 'mlx') addDriver(board, plainDriver('mlx', 'pci', [pciModalias(pci)]));
    else addKnown(board, drv);
  }
}
