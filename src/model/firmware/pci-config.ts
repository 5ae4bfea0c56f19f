import { ReprobeError } from '../../error.ts';
import type { DeviceSpec, PcieType, PciFunction } from '../../events/machine.ts';
import { emptyTable, type Table } from '../../events/table.ts';
import { type Binary, le16, le32, u8 } from './binary.ts';

/** A function's configuration space and what can be read from it. */
export interface ConfigSpace {
  readonly name: string;
  /** 256 or 4096 bytes. */
  readonly bytes: Uint8Array;
}

/** A function found by the scan, with what only its configuration space tells. */
export interface ScannedFunction {
  readonly spec: DeviceSpec;
  readonly config: ConfigSpace;
}

const NAME = /^([0-9a-f]{4,5}):([0-9a-f]{2}):([01][0-9a-f])\.([0-7])$/;
/** No configuration space has more 32-bit words. */
const WORDS_MAX = 1024;
const ACS_FLAGS = 0x01 | 0x04 | 0x08 | 0x10;

const PCIE_TYPES: Readonly<Record<number, PcieType>> = {
  0: 'endpoint',
  1: 'legacy-endpoint',
  4: 'root-port',
  5: 'upstream',
  6: 'downstream',
  7: 'pcie-to-pci',
  8: 'pci-to-pcie',
  9: 'rc-endpoint',
  10: 'rc-event-collector',
};

/**
 * Reads `# BDF` headings, each followed by 32-bit little-endian words in hexadecimal.
 *
 * @throws ReprobeError BAD_MACHINE with the line.
 */
export function parsePciConfig(text: string, file = 'machine-pci-config.txt'): ConfigSpace[] {
  const found: { name: string; words: number[] }[] = [];
  for (const [index, raw] of text.split('\n').entries()) {
    const line = raw.trim();
    if (line === '') continue;
    const heading = /^# (\S+)$/.exec(line);
    const current = found.at(-1);
    const isWord = /^[0-9a-f]{8}$/.test(line);
    if (heading !== null && NAME.test(heading[1] ?? '')) {
      found.push({ name: heading[1] ?? '', words: [] });
    } else if (isWord && current !== undefined && current.words.length < WORDS_MAX) {
      current.words.push(Number.parseInt(line, 16));
    } else {
      throw new ReprobeError('BAD_MACHINE', 'neither a PCI address nor a configuration word', {
        file,
        line: index + 1,
        sourceLine: line,
        hint: 'Expected "# 0000:00:00.0", then eight hexadecimal digits a line.',
      });
    }
  }
  return found.map(({ name, words }) => ({ name, bytes: littleEndian(words) }));
}

function littleEndian(words: readonly number[]): Uint8Array {
  const bytes = new Uint8Array(words.length * 4);
  const view = new DataView(bytes.buffer);
  for (const [i, word] of words.entries()) view.setUint32(i * 4, word, true);
  return bytes;
}

/**
 * The functions in the order in which the kernel finds them: all of a bus, then what lies behind its
 * first bridge, and so on. `hostBridge` is the parent of those on a root bus. A function whose bridge
 * is not there is left out, as the kernel would not have found it.
 *
 * Kernel: drivers/pci/probe.c:pci_scan_child_bus_extend, v6.1. Leaves out: bus renumbering: the
 * numbers are those that the configuration space holds.
 */
export function scanPci(configs: readonly ConfigSpace[], hostBridge: string): ScannedFunction[] {
  const byBus = emptyTable<ConfigSpace[]>();
  for (const config of configs) {
    const bus = config.name.slice(0, config.name.indexOf(':', 5));
    byBus[bus] ??= [];
    byBus[bus]?.push(config);
  }
  const behind = new Set(configs.map(secondaryBus));
  const found: ScannedFunction[] = [];
  for (const bus of Object.keys(byBus).sort()) {
    if (!behind.has(bus)) scanBus(byBus, bus, hostBridge, new Set(), found);
  }
  return found;
}

function scanBus(
  byBus: Table<ConfigSpace[]>,
  bus: string,
  parent: string,
  seen: Set<string>,
  found: ScannedFunction[],
): void {
  if (seen.has(bus)) return;
  seen.add(bus);
  const here = (byBus[bus] ?? []).toSorted((a, b) => (a.name < b.name ? -1 : 1));
  for (const config of here) found.push({ config, spec: specOf(config, here, parent) });
  for (const config of here) {
    const below = secondaryBus(config);
    if (below !== null) scanBus(byBus, below, config.name, seen, found);
  }
}

/** The bus behind a bridge as `domain:bus`; null for what is no bridge or was never configured. */
function secondaryBus(config: ConfigSpace): string | null {
  const table = binaryOf(config);
  if (headerOf(table) !== 1) return null;
  const bus = byteAt(table, 0x19);
  if (bus === 0) return null;
  const domain = config.name.slice(0, config.name.indexOf(':'));
  return `${domain}:${bus.toString(16).padStart(2, '0')}`;
}

function specOf(config: ConfigSpace, onBus: readonly ConfigSpace[], parent: string): DeviceSpec {
  const first = config.name.replace(/[0-7]$/, '0');
  const function0 = onBus.find((candidate) => candidate.name === first) ?? config;
  const pci = functionOf(binaryOf(config), binaryOf(function0));
  return { name: config.name, bus: 'pci', parent, ids: [modaliasOf(config)], pci };
}

/**
 * Kernel: drivers/pci/probe.c:pci_setup_device; pci.c:pci_acs_flags_enabled, v6.1. A function is
 * multi-function when it says so or stands beside one with its number 0 that does.
 */
function functionOf(table: Binary, function0: Binary): PciFunction {
  const express = capability(table, 0x10);
  const acs = extendedCapability(table, 0x0d);
  const implemented = acs === null ? 0 : wordAt(table, acs + 4);
  const control = acs === null ? 0 : wordAt(table, acs + 6);
  const slot = express === null ? null : hotplugSlot(table, express);
  return {
    ...(slot === null ? {} : { slot }),
    vendor: wordAt(table, 0),
    device: wordAt(table, 2),
    class: wordAt(table, 0x0a) * 256 + byteAt(table, 0x09),
    header: headerOf(table),
    ...barsOf(table),
    multifunction: [table, function0].some((t) => (byteAt(t, 0x0e) & 0x80) !== 0),
    pcie: express === null ? null : (PCIE_TYPES[(wordAt(table, express + 2) >> 4) & 0xf] ?? null),
    acs_capable: (implemented & ACS_FLAGS) === ACS_FLAGS,
    acs_enabled: acs !== null && (control & implemented & ACS_FLAGS) === (implemented & ACS_FLAGS),
  };
}

/** The number of a slot that can be hot-plugged: the port implements it and has the control. */
function hotplugSlot(table: Binary, express: number): number | null {
  const implemented = (wordAt(table, express + 2) & 0x100) !== 0;
  const [low, high] = [wordAt(table, express + 0x14), wordAt(table, express + 0x16)];
  return implemented && (low & 0x40) !== 0 ? high >> 3 : null;
}

/**
 * The resources in base address registers that were given an address: a bridge has two registers, and
 * a 64-bit address takes two. A function without any has no field.
 */
function barsOf(table: Binary): Pick<PciFunction, 'bars'> {
  const registers = headerOf(table) === 1 ? 2 : 6;
  const bars: number[] = [];
  for (let i = 0; i < registers; i += 1) {
    const low = wordAt(table, 0x10 + 4 * i);
    if (low === 0 && wordAt(table, 0x12 + 4 * i) === 0) continue;
    bars.push(i);
    if ((low & 0x7) === 0x4) i += 1;
  }
  return bars.length === 0 ? {} : { bars };
}

/** The alias that a function's driver module is found by. */
function modaliasOf(config: ConfigSpace): string {
  const table = binaryOf(config);
  const [sv, sd] = subsystemOf(table);
  const hex = (value: number, width: number) =>
    value.toString(16).toUpperCase().padStart(width, '0');
  const ids = `v${hex(wordAt(table, 0), 8)}d${hex(wordAt(table, 2), 8)}sv${hex(sv, 8)}sd${hex(sd, 8)}`;
  const base = hex(byteAt(table, 0x0b), 2);
  return `pci:${ids}bc${base}sc${hex(byteAt(table, 0x0a), 2)}i${hex(byteAt(table, 0x09), 2)}`;
}

/** Subsystem vendor and device: of a bridge from its capability, of others from the header. */
export function subsystemOf(table: Binary): [number, number] {
  if (headerOf(table) !== 1) return [wordAt(table, 0x2c), wordAt(table, 0x2e)];
  const at = capability(table, 0x0d);
  return at === null ? [0, 0] : [wordAt(table, at + 4), wordAt(table, at + 6)];
}

/** The configuration space as a table whose unrecorded rest reads as zero. */
export function binaryOf(config: ConfigSpace): Binary {
  return { bytes: config.bytes, file: config.name };
}

function headerOf(table: Binary): number {
  return byteAt(table, 0x0e) & 0x7f;
}

/** Offset of a capability in the classic list, or null. */
export function capability(table: Binary, id: number): number | null {
  if ((wordAt(table, 0x06) & 0x10) === 0) return null;
  let at = byteAt(table, 0x34) & 0xfc;
  for (let hops = 0; at >= 0x40 && hops < 48; hops += 1) {
    if (byteAt(table, at) === id) return at;
    at = byteAt(table, at + 1) & 0xfc;
  }
  return null;
}

/** Offset of a capability in the extended list, or null. */
export function extendedCapability(table: Binary, id: number): number | null {
  let at = 0x100;
  for (let hops = 0; at >= 0x100 && hops < 480; hops += 1) {
    if (at + 4 > table.bytes.length) return null;
    const header = le32(table, at);
    if (header === 0 || header === 0xffffffff) return null;
    if ((header & 0xffff) === id) return at;
    at = (header >>> 20) & 0xffc;
  }
  return null;
}

/** A byte; zero where the recording stops short. */
export function byteAt(table: Binary, offset: number): number {
  return offset < table.bytes.length ? u8(table, offset) : 0;
}

/** 16 bits; zero where the recording stops short. */
export function wordAt(table: Binary, offset: number): number {
  return offset + 2 <= table.bytes.length ? le16(table, offset) : 0;
}
