import { ReprobeError } from '../error.ts';
import { emptyTable, type Table } from '../events/table.ts';
import { SPACED_NAMES } from '../model/firmware/driver-table.ts';

/** A directory below /sys/devices with what its attribute files said. */
export interface SysfsDevice {
  /** Below /sys/devices, without a leading slash. */
  readonly path: string;
  /** Line of the file, from 1. */
  readonly line: number;
  /** Last part of the path: the kernel's name of the device. */
  readonly name: string;
  /** Nearest directory above it that is itself listed with a bus, by name; null for none. */
  readonly parent: string | null;
  /** The bus or, where it has none, the class. */
  readonly bus: string | null;
  readonly driver: string | null;
  readonly iommu_group: number | null;
  readonly driver_override: string | null;
  readonly waiting_for_supplier: boolean | null;
  readonly rpm: string | null;
  /** `vendor:device` as printed: `0x8086:0x10d3`. */
  readonly id: string | null;
}

export interface SysfsGroup {
  readonly id: number;
  /** Line of the file, from 1. */
  readonly line: number;
  /** The file `name`: `vfio-noiommu` for a group that VFIO made up, null for real ones. */
  readonly name: string | null;
  /** The file `type`: `DMA`, `DMA-FQ`, `identity`, `blocked`, `unknown`; null where unreadable. */
  readonly type: string | null;
  readonly devices: readonly string[];
  readonly reserved_regions: string;
}

export interface SysfsLink {
  /** Without the bus: `9050000.smmuv3`. */
  readonly supplier: string;
  readonly consumer: string;
  /** `platform:9050000.smmuv3--platform:dev-smmu`. */
  readonly name: string;
  readonly status: string;
  readonly auto_remove_on: string;
  readonly runtime_pm: boolean;
  readonly sync_state_only: boolean;
}

export interface SysfsModule {
  readonly name: string;
  readonly refs: number;
  readonly usedBy: readonly string[];
  /** `Live`, `Loading` or `Unloading`. */
  readonly state: string;
  /** Line of the file, from 1. */
  readonly line: number;
}

/** A device of the deferred list. */
export interface DeferredEntry {
  readonly dev: string;
  readonly reason: string | null;
  /** Line of the file, from 1. */
  readonly line: number;
}

export interface SysfsSnapshot {
  readonly uptimeUs: number | null;
  readonly devices: readonly SysfsDevice[];
  readonly groups: readonly SysfsGroup[];
  /** Instances in /sys/class/iommu with their devices. */
  readonly class_iommu: readonly { readonly name: string; readonly devices: readonly string[] }[];
  readonly devices_deferred: readonly DeferredEntry[];
  readonly devlinks: readonly SysfsLink[];
  readonly modules: readonly SysfsModule[];
  /** Bus to its drivers; of the buses that the recording looks at. */
  readonly drivers: Table<readonly string[]>;
  /** Names in /dev/vfio. */
  readonly devVfio: readonly string[];
}

type Draft = { -readonly [K in keyof SysfsSnapshot]: Mutable<SysfsSnapshot[K]> };
type Mutable<T> = T extends readonly (infer E)[] ? E[] : T;

type SectionReader = (draft: Draft, line: string, number: number) => boolean;

const SECTIONS: Readonly<Record<string, SectionReader>> = {
  '[devices]': readDevice,
  '[iommu_groups]': readGroup,
  '[class_iommu]': readClassIommu,
  '[devices_deferred]': readDeferred,
  '[devlink]': readLink,
  '[modules]': readModule,
  '[drivers]': readDrivers,
  '[/dev/vfio]': readDevVfio,
};

/**
 * Reads a snapshot of sysfs. Sections it does not know are passed over; a torn last line too.
 *
 * @throws ReprobeError BAD_SESSION with the line that is not of its section's format.
 */
export function parseSysfs(text: string, file = 'sysfs.txt'): SysfsSnapshot {
  const draft: Draft = {
    uptimeUs: null,
    devices: [],
    groups: [],
    class_iommu: [],
    devices_deferred: [],
    devlinks: [],
    modules: [],
    drivers: emptyTable(),
    devVfio: [],
  };
  let read: SectionReader | null = null;
  const lines = text.split('\n');
  for (const [index, raw] of lines.entries()) {
    const line = raw.replace(/\r$/, '');
    if (line === '') continue;
    if (line.startsWith('[') && line.endsWith(']')) {
      read = Object.hasOwn(SECTIONS, line) ? (SECTIONS[line] ?? null) : null;
    } else if (line.startsWith('#')) {
      draft.uptimeUs ??= readUptime(line);
    } else if (read !== null && !read(draft, line, index + 1) && index < lines.length - 1) {
      throw new ReprobeError('BAD_SESSION', 'not a line of a sysfs snapshot', {
        file,
        line: index + 1,
        column: 1,
        sourceLine: line,
        hint: 'Each section has a format of its own; this line is not of it.',
      });
    }
  }
  return { ...draft, devices: withParents(draft.devices) };
}

function readUptime(line: string): number | null {
  const match = /^# uptime (\d{1,9})\.(\d\d)/.exec(line);
  return match === null ? null : (Number(match[1]) * 100 + Number(match[2])) * 10_000;
}

const FIELD = / (bus|driver|iommu_group|driver_override|waiting_for_supplier|rpm|id|state_synced)=/;

function readDevice(draft: Draft, line: string, number: number): boolean {
  const [path = '', ...rest] = line.split(FIELD);
  const fields = emptyTable<string>();
  for (let i = 0; i + 1 < rest.length; i += 2) fields[rest[i] ?? ''] = rest[i + 1] ?? '';
  if (fields['driver'] === undefined) return false;
  const group = fields['iommu_group'];
  const waiting = fields['waiting_for_supplier'];
  draft.devices.push({
    path,
    line: number,
    name: path.slice(path.lastIndexOf('/') + 1),
    parent: null,
    bus: dash(fields['bus']),
    driver: dash(fields['driver']),
    iommu_group: group === undefined ? null : wholeNumber(group),
    driver_override: dash(fields['driver_override']),
    waiting_for_supplier: waiting === undefined ? null : waiting !== '0',
    rpm: dash(fields['rpm']),
    id: dash(fields['id']),
  });
  return true;
}

function withParents(devices: readonly SysfsDevice[]): SysfsDevice[] {
  const onBus = new Map<string, string>();
  for (const device of devices) if (device.bus !== null) onBus.set(device.path, device.name);
  return devices.map((device) => ({ ...device, parent: parentOf(device.path, onBus) }));
}

function parentOf(path: string, onBus: ReadonlyMap<string, string>): string | null {
  for (let end = path.lastIndexOf('/'); end > 0; end = path.lastIndexOf('/', end - 1)) {
    const parent = onBus.get(path.slice(0, end));
    if (parent !== undefined) return parent;
  }
  return null;
}

const GROUP = /^group (\d{1,9}) type=(\S*)(?: name=(\S*))? devices=(\S*) reserved_regions="(.*)"$/;

function readGroup(draft: Draft, line: string, number: number): boolean {
  const match = GROUP.exec(line);
  if (match === null) return false;
  const [, id, type, name, devices = '', reserved_regions = ''] = match;
  draft.groups.push({
    id: Number(id),
    line: number,
    name: dash(name),
    type: dash(type),
    devices: list(devices),
    reserved_regions,
  });
  return true;
}

function readClassIommu(draft: Draft, line: string): boolean {
  const match = /^(\S+) devices=(\S*)$/.exec(line);
  if (match === null) return false;
  draft.class_iommu.push({ name: match[1] ?? '', devices: list(match[2] ?? '') });
  return true;
}

function readDeferred(draft: Draft, line: string, number: number): boolean {
  draft.devices_deferred.push(deferredEntry(line, number));
  return true;
}

/** A line of /sys/kernel/debug/devices_deferred: a device, a tab and the reason, which may be empty. */
export function deferredEntry(text: string, line: number): DeferredEntry {
  const [dev = '', reason = ''] = text.split('\t', 2);
  return { dev, reason: reason.trim() === '' ? null : reason.trim(), line };
}

function readLink(draft: Draft, line: string): boolean {
  const match = /^(\S+) (status=.*)$/.exec(line);
  if (match === null) return false;
  const [, name = '', attributes = ''] = match;
  const [supplier = '', consumer = ''] = name.split('--');
  const field = (key: string) => new RegExp(`\\b${key}="([^"]*)"`).exec(attributes)?.[1] ?? '';
  draft.devlinks.push({
    supplier: supplier.slice(supplier.indexOf(':') + 1),
    consumer: consumer.slice(consumer.indexOf(':') + 1),
    name,
    status: field('status'),
    auto_remove_on: field('auto_remove_on'),
    runtime_pm: field('runtime_pm') === '1',
    sync_state_only: field('sync_state_only') === '1',
  });
  return true;
}

/** A line of /proc/modules. */
function readModule(draft: Draft, line: string, number: number): boolean {
  const match = /^(\S+) \d+ (-?\d{1,9}) (\S+) (\S+)/.exec(line);
  if (match === null) return false;
  const [, name = '', refs, users = '', state = ''] = match;
  draft.modules.push({ name, refs: Number(refs), usedBy: list(users), state, line: number });
  return true;
}

function readDrivers(draft: Draft, line: string): boolean {
  const colon = line.indexOf(':');
  if (colon < 1) return false;
  draft.drivers[line.slice(0, colon)] = driverNames(line.slice(colon + 1));
  return true;
}

/** Names parted by blanks; the few that hold a blank themselves are known by name. */
function driverNames(text: string): string[] {
  const names: string[] = [];
  for (const word of text.split(' ')) {
    if (word === '') continue;
    const longer = SPACED_NAMES.find((name) => `${names.at(-1)} ${word}` === name);
    if (longer === undefined) names.push(word);
    else names[names.length - 1] = longer;
  }
  return names;
}

function readDevVfio(draft: Draft, line: string): boolean {
  draft.devVfio.push(...line.split(/\s+/).filter((name) => name !== ''));
  return true;
}

function list(text: string): string[] {
  return text.split(',').filter((part) => part !== '' && part !== '-');
}

function dash(text: string | undefined): string | null {
  return text === undefined || text === '-' || text === '' ? null : text;
}

function wholeNumber(text: string): number | null {
  return /^\d{1,9}$/.test(text) ? Number(text) : null;
}
