import type { DeviceSpec, IommuMapRow } from '../../events/machine.ts';
import { type Binary, badTable, le16, text, u8 } from './binary.ts';
import { busesBehind } from './pci-children.ts';
import type { ConfigSpace } from './pci-config.ts';

export interface Dmar {
  /** The units as devices of the class `iommu`, without a bus: `dmar0`, `dmar1`, …. */
  readonly devices: readonly DeviceSpec[];
  /** Which requester ids each unit translates. A row that stands earlier wins. */
  readonly iommu_map: readonly IommuMapRow[];
}

const DRHD = 0;
const HEADER = 48;
const INCLUDE_PCI_ALL = 1;
const SCOPE_ENDPOINT = 1;
const SCOPE_BRIDGE = 2;

/**
 * Reads an ACPI DMAR: which VT-d units there are and which functions go through them. The PCI
 * configuration tells what lies behind the bridges that the table names.
 *
 * Kernel: drivers/iommu/intel/dmar.c:dmar_parse_one_drhd, dmar_insert_dev_scope, v6.1.
 * Leaves out: segments other than 0, reserved memory, ATS and hotplug structures.
 *
 * @throws ReprobeError BAD_MACHINE with the byte offset, whatever the bytes are.
 */
export function parseDmar(
  bytes: Uint8Array,
  configs: readonly ConfigSpace[],
  file = 'machine-DMAR.bin',
): Dmar {
  const table: Binary = { bytes, file };
  if (text(table, 0, 4) !== 'DMAR') throw badTable(table, 0, 'no DMAR begins here');
  const devices: DeviceSpec[] = [];
  const named: IommuMapRow[] = [];
  const rest: IommuMapRow[] = [];
  for (let at = HEADER; at < bytes.length; at += le16(table, at + 2)) {
    const length = le16(table, at + 2);
    if (length < 4) throw badTable(table, at, 'a structure shorter than its header');
    if (le16(table, at) !== DRHD) continue;
    const iommu = `dmar${devices.length}`;
    devices.push({ name: iommu, bus: '', parent: null, ids: [], iommu_kind: 'intel' });
    const all = (u8(table, at + 4) & INCLUDE_PCI_ALL) !== 0;
    if (all) rest.push({ rid_base: 0, iommu, sid_base: 0, length: 0x10000 });
    named.push(...scopeRows(table, at, length, iommu, configs));
  }
  return { devices, iommu_map: [...named, ...rest] };
}

function scopeRows(
  table: Binary,
  start: number,
  length: number,
  iommu: string,
  configs: readonly ConfigSpace[],
): IommuMapRow[] {
  const rows: IommuMapRow[] = [];
  const row = (rid: number, count: number) =>
    rows.push({ rid_base: rid, iommu, sid_base: rid, length: count });
  for (let at = start + 16; at < start + length; at += u8(table, at + 1)) {
    const size = u8(table, at + 1);
    if (size < 6) throw badTable(table, at, 'a device scope shorter than its header');
    const type = u8(table, at);
    if (type !== SCOPE_ENDPOINT && type !== SCOPE_BRIDGE) continue;
    const rid = ridOfPath(table, at, size, configs);
    row(rid, 1);
    const behind = type === SCOPE_BRIDGE ? behindRid(rid, configs) : null;
    if (behind !== null) row(behind[0] << 8, (behind[1] - behind[0] + 1) << 8);
  }
  return rows;
}

/** Follows a scope's path of (device, function) pairs from bridge to bridge. */
function ridOfPath(
  table: Binary,
  at: number,
  size: number,
  configs: readonly ConfigSpace[],
): number {
  let bus = u8(table, at + 5);
  let rid = bus << 8;
  for (let step = at + 6; step + 1 < at + size; step += 2) {
    rid = (bus << 8) | ((u8(table, step) & 0x1f) << 3) | (u8(table, step + 1) & 7);
    bus = behindRid(rid, configs)?.[0] ?? bus;
  }
  return rid;
}

function behindRid(rid: number, configs: readonly ConfigSpace[]): readonly [number, number] | null {
  const bridge = configs.find((config) => ridOf(config.name) === rid);
  const buses = bridge === undefined ? null : busesBehind(bridge);
  return buses === null || buses[0] === 0 || buses[1] < buses[0] ? null : buses;
}

/** Requester id of a function of segment 0; -1 for another segment's. */
export function ridOf(name: string): number {
  const match = /^0000:([0-9a-f]{2}):([01][0-9a-f])\.([0-7])$/.exec(name);
  if (match === null) return -1;
  const [bus = 0, device = 0] = [match[1], match[2]].map((part) => Number.parseInt(part ?? '', 16));
  return (bus << 8) | (device << 3) | Number(match[3]);
}
