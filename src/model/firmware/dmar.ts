import type { DmarTable, VtdUnit } from '../../events/iommu-units.ts';
import type { DeviceSpec, IommuMapRow } from '../../events/machine.ts';
import { type Binary, badTable, le16, le32, text, u8 } from './binary.ts';
import { busesBehind } from './pci-children.ts';
import type { ConfigSpace } from './pci-config.ts';

/** What the table says of a unit; its registers it does not have. */
export type DmarUnit = Omit<VtdUnit, 'ver' | 'cap' | 'ecap'>;

export interface Dmar {
  /** Who made it: `BOCHS ` is QEMU. */
  readonly maker: string;
  /** Its header, and the structures that are no units. */
  readonly table: DmarTable;
  /** Firmware lets the kernel remap interrupts. */
  readonly intr_remap: boolean;
  /** In the order of the table, as are `devices`. */
  readonly units: readonly DmarUnit[];
  /** The units as devices of the class `iommu`, without a bus: `dmar0`, `dmar1`, …. */
  readonly devices: readonly DeviceSpec[];
  /** Which requester ids each unit translates. A row that stands earlier wins. */
  readonly iommu_map: readonly IommuMapRow[];
}

const DRHD = 0;
const RMRR = 1;
const ATSR = 2;
const RHSA = 3;
const SATC = 5;
const HEADER = 48;
/** Flags of the header. */
const INTR_REMAP = 1;
const X2APIC_OPT_OUT = 2;
const INCLUDE_PCI_ALL = 1;
const SCOPE_ENDPOINT = 1;
const SCOPE_BRIDGE = 2;
const SCOPE_IOAPIC = 3;
const SCOPE_HPET = 4;

/**
 * Reads an ACPI DMAR: which VT-d units there are, which functions and interrupt controllers go through
 * them, and what else the kernel prints of the table. The PCI configuration tells what lies behind the
 * bridges that the table names.
 *
 * Kernel: drivers/iommu/intel/dmar.c:dmar_parse_one_drhd, dmar_insert_dev_scope, v6.1.
 * Leaves out: segments other than 0, devices in the scopes of reserved memory and of ATS, ANDD and
 * hotplug structures.
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
  const units: DmarUnit[] = [];
  const named: IommuMapRow[] = [];
  const rest: IommuMapRow[] = [];
  for (const { at, kind, length } of structures(table)) {
    if (kind !== DRHD) continue;
    const iommu = `dmar${devices.length}`;
    devices.push({ name: iommu, bus: '', parent: null, ids: [], iommu_kind: 'intel' });
    const all = (u8(table, at + 4) & INCLUDE_PCI_ALL) !== 0;
    const scopes = scopesOf(table, at + 16, at + length);
    const idsOf = (type: number): readonly number[] =>
      scopes.filter((scope) => u8(table, scope) === type).map((scope) => u8(table, scope + 4));
    const [ioapics, hpets] = [idsOf(SCOPE_IOAPIC), idsOf(SCOPE_HPET)];
    units.push({
      base: wide(table, at + 8),
      include_all: all,
      ...(ioapics.length === 0 ? {} : { ioapics }),
      ...(hpets.length === 0 ? {} : { hpets }),
    });
    if (all) rest.push({ rid_base: 0, iommu, sid_base: 0, length: 0x10000 });
    named.push(...scopeRows(table, at, length, iommu, configs));
  }
  const flags = u8(table, 37);
  return {
    maker: text(table, 10, 6),
    table: dmarTable(table, flags),
    intr_remap: (flags & INTR_REMAP) !== 0,
    units,
    devices,
    iommu_map: [...named, ...rest],
  };
}

/** A register or an address of 64 bits. */
const wide = (table: Binary, at: number): string =>
  `0x${((BigInt(le32(table, at + 4)) << 32n) | BigInt(le32(table, at))).toString(16)}`;

/** The header and the structures that are no units, each kind in the order of the table. */
function dmarTable(table: Binary, flags: number): DmarTable {
  const each = <T>(type: number, read: (at: number) => T): readonly T[] =>
    structures(table).flatMap(({ at, kind }) => (kind === type ? [read(at)] : []));
  const rmrr = each(RMRR, (at) => ({ base: wide(table, at + 8), end: wide(table, at + 16) }));
  const atsr = each(ATSR, (at) => u8(table, at + 4));
  const rhsa = each(RHSA, (at) => ({ base: wide(table, at + 8), node: le32(table, at + 16) }));
  const satc = each(SATC, (at) => u8(table, at + 4));
  return {
    width: u8(table, 36) + 1,
    ...((flags & X2APIC_OPT_OUT) === 0 ? {} : { x2apic_opt_out: true }),
    ...(rmrr.length === 0 ? {} : { rmrr }),
    ...(atsr.length === 0 ? {} : { atsr }),
    ...(rhsa.length === 0 ? {} : { rhsa }),
    ...(satc.length === 0 ? {} : { satc }),
  };
}

/** Where each structure of the table begins and of which type it is. */
function structures(table: Binary): readonly { at: number; kind: number; length: number }[] {
  const found: { at: number; kind: number; length: number }[] = [];
  for (let at = HEADER; at < table.bytes.length; ) {
    const length = le16(table, at + 2);
    if (length < 4) throw badTable(table, at, 'a structure shorter than its header');
    found.push({ at, kind: le16(table, at), length });
    at += length;
  }
  return found;
}

/** Where each device scope between the two places begins. */
function scopesOf(table: Binary, from: number, to: number): readonly number[] {
  const found: number[] = [];
  for (let at = from; at < to; at += u8(table, at + 1)) {
    if (u8(table, at + 1) < 6) throw badTable(table, at, 'a device scope shorter than its header');
    found.push(at);
  }
  return found;
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
  for (const at of scopesOf(table, start + 16, start + length)) {
    const type = u8(table, at);
    if (type !== SCOPE_ENDPOINT && type !== SCOPE_BRIDGE) continue;
    const rid = ridOfPath(table, at, u8(table, at + 1), configs);
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
