/** Devices that are on no PCI bus, those that they need, and what firmware left running. */
import type { DeviceSpec, IommuSpec } from '../events/machine.ts';
import { anyStream } from './any-iommus.ts';
import { addDriver, addKnown, type Board, plainDriver } from './board.ts';

/** Kinds of devices, each with the driver that takes it. */
const KINDS = [
  { word: 'display', id: 'vendor,display' },
  { word: 'dma', id: 'vendor,dmac' },
  { word: 'usb', id: 'generic-ehci' },
  { word: 'mdss', id: 'qcom,sdm845-mdss' },
  { word: 'gpu', id: 'qcom,adreno' },
  { word: 'codec', id: 'vendor,codec' },
] as const;

/** Those of Qualcomm, whose boot loader has most of them running. */
const QCOM_KINDS = KINDS.filter(({ id }) => id.startsWith('qcom,'));

const hex = (value: number): string => value.toString(16);

/** Clocks and regulators that others wait for, which may wait for each other. */
export function addSuppliers(board: Board, count: number): void {
  const { dice, suppliers, devices } = board;
  for (let i = 0; i < count; i += 1) {
    const name = `clk${i}`;
    const above = suppliers.length > 0 && dice.percent(25) ? [dice.pick(suppliers)] : [];
    devices.push({
      ...{ name, bus: 'platform', parent: null, ids: ['vendor,clk'] },
      ...(above.length > 0 && { suppliers: above }),
    });
    suppliers.push(name);
  }
  if (count === 0) return;
  addDriver(board, {
    ...plainDriver('clk', 'platform', ['vendor,clk']),
    ...(dice.percent(40) && { sync_state: true }),
    ...(dice.percent(30) && { cleans_up: true }),
  });
}

/** Platform and amba devices, most of them behind an IOMMU. */
export function addClients(board: Board, count: number): void {
  for (let i = 0; i < count; i += 1) addClient(board, i);
  if (count > 1 && board.dice.percent(12)) closeCircle(board);
}

/** Two devices whose nodes name each other, such as the ends of a graph: one by a node below its own. */
function closeCircle({ dice, devices }: Board): void {
  const clients = devices.filter(({ bus, iommus }) => bus === 'platform' && iommus !== undefined);
  const [one, other] = dice.shuffle(clients);
  if (one === undefined || other === undefined) return;
  const { suppliers = [] } = one;
  const needs = [...suppliers.filter((name) => name !== other.name), other.name];
  devices[devices.indexOf(one)] = { ...one, suppliers: needs };
  devices[devices.indexOf(other)] = { ...other, child_suppliers: [one.name] };
}

function addClient(board: Board, nth: number): void {
  const { dice, suppliers } = board;
  const isQcom = board.devices.some(({ ids }) => ids.includes('qcom,sdm845-smmu-500'));
  const { word, id } = dice.pick(isQcom ? QCOM_KINDS : KINDS);
  const isAmba = dice.percent(10);
  const name = `${hex(0xfe900000 + nth * 0x10000)}.${word}`;
  const needs = suppliers.length > 0 && dice.percent(30) ? [dice.pick(suppliers)] : [];
  const iommus = streamsOf(board);
  const named = iommus.flatMap(({ iommu }) => (dice.percent(25) ? [iommu] : []));
  board.devices.push(
    withBootDma(board, {
      ...{ name, bus: isAmba ? 'amba' : 'platform', parent: null },
      ids: [isAmba ? 'arm,pl330' : id],
      ...(dice.percent(50) && { dma_coherent: true }),
      ...(dice.percent(12) && { snoops: dice.percent(50) }),
      ...(iommus.length > 0 && { iommus }),
      ...(needs.length + named.length > 0 && { suppliers: [...needs, ...named] }),
      ...(isAmba && suppliers.length > 0 && { match_defers_on: [dice.pick(suppliers)] }),
      ...(board.arch === 'arm' && dice.percent(10) && { notifier_dma_ops: aDmaOps(board) }),
      ...(dice.percent(3) && { disabled: true }),
    }),
  );
  if (isAmba) addKnown(board, 'dma-pl330');
  else addDriver(board, plainDriver(word, 'platform', [id]));
}

const aDmaOps = ({ dice }: Board) => dice.pick(['arm_coherent_dma_ops', 'arm_dma_ops'] as const);

/** What a device's `iommus` say: one unit, rarely none or two of them, with ids of its own or shared. */
function streamsOf(board: Board): readonly IommuSpec[] {
  const { dice, units } = board;
  const described = units.filter(({ kind }) => kind !== 'intel' && kind !== 'amd');
  if (described.length === 0 || dice.percent(8)) return [];
  const unit = dice.pick(described);
  const ids = Array.from({ length: dice.percent(15) ? 2 : 1 }, () => anyStream(board, unit));
  const masks = unit.kind === 'arm-smmu' && dice.percent(8) ? { masks: ids.map(() => 0x3) } : {};
  return [{ iommu: unit.name, ids, ...masks }];
}

/** What a boot loader or firmware may have left: DMA that runs, ranges that must stay mapped. */
export function withBootDma(board: Board, spec: DeviceSpec): DeviceSpec {
  const { dice, units } = board;
  const isOfIntel = units[0]?.kind === 'intel'; // RMRRs are common there.
  const isLive = isOfIntel || spec.ids.some((id) => id.startsWith('qcom,'));
  if (!dice.percent(isLive ? 35 : 12)) return spec;
  const start = dice.pick([0x9d400000, 0x8000000, 0x6f760000]);
  const length = dice.pick([0x10000, 0x1000, 0x800000]);
  const via = viaOf(board, units[0]?.kind);
  const type = dice.weigh([
    [5, 'direct'],
    [4, 'direct-relaxable'],
    [1, 'reserved'],
  ] as const);
  const isPlaced = dice.percent(60);
  const memory = { start, length, ...(dice.percent(50) && { reserved: true }) };
  const tables = { start: 0x9e000000, length: 0x4000, tables: true };
  const needs = [memory, ...dice.some([tables], 30)];
  const hasNeeds = dice.percent(40);
  return {
    ...spec,
    ...(dice.percent(75) && { boot_mapping: dice.pick(['translate', 'bypass', 'none'] as const) }),
    ...(dice.percent(70) && { reserved: [{ type, via, ...(isPlaced && { start, length }) }] }),
    ...(hasNeeds && { boot_memory: needs }),
  };
}

function viaOf({ firmware }: Board, kind: string | undefined) {
  if (firmware === 'devicetree') return 'dt' as const;
  if (kind === 'intel') return 'rmrr' as const;
  return kind === 'amd' ? ('ivmd' as const) : ('rmr' as const);
}
