/** Machines and kernels in scenarios: from places, and back to YAML. */
import {
  ALLOCATIONS,
  type Allocation,
  type BootStep,
  type DeviceSpec,
  type DriverSpec,
  type KernelSpec,
  type Machine,
  type ModuleSpec,
} from '../events/machine.ts';
import { besideFirmware, boardMachine } from '../model/firmware/board.ts';
import type { Firmware } from '../model/firmware/firmware.ts';
import {
  beyondProfiles,
  isPatchName,
  NEWEST_PROFILE,
  OLDEST_PROFILE,
  PATCH_NAMES,
  parseRelease,
} from '../model/versions/profile.ts';
import {
  entriesOf,
  type Fields,
  fieldsOf,
  flagAt,
  integerOf,
  isQuoted,
  isText,
  itemsOf,
  nameOf,
  nameOrNull,
  namesAt,
  oneOf,
  quote,
  retOf,
  tableAt,
  textAt,
  wordOf,
} from './decode.ts';
import { readArch, readDeviceDma } from './dma.ts';
import { driverAt, type Knowledge, readDriver, readOutcomes } from './driver.ts';
import { readDmar, readUnits } from './iommu-units.ts';
import { keysOf } from './keys.ts';
import { nearest } from './nearest.ts';
import { pciModalias, readPci } from './pci.ts';
import { checkReferences, type References } from './references.ts';
import { DEVICE_WORDS, MACHINE_WORDS } from './words.ts';
import { fail, type Place } from './yaml-source.ts';

/** What an IOMMU map row covers where it does not say: all requester ids of a segment. */
export const MAP_LENGTH = 0x10000;

export function readKernel(place: Place): KernelSpec {
  const none = { release: null, config: tableAt(undefined, wordOf), cmdline: '' };
  if (isText(place)) {
    return { version: releaseAt(place), ...none, patches: tableAt(undefined, () => false) };
  }
  const fields = fieldsOf(place, keysOf('kernel'));
  return {
    version: releaseAt(fields.need('version')),
    release: nameOrNull(fields.get('release')),
    config: tableAt(fields.get('config'), wordOf),
    cmdline: textAt(fields.get('cmdline')),
    patches: readPatches(fields.get('patches')),
  };
}

/** Patches that the model knows, each on or off. */
function readPatches(place: Place | undefined) {
  for (const [name, , at] of place === undefined ? [] : entriesOf(place)) {
    if (isPatchName(name)) continue;
    const meant = nearest(name, PATCH_NAMES);
    const hint =
      meant === null ? '`reprobe list patches` prints the names' : `did you mean ${meant}?`;
    fail(at, `There is no patch ${quote(name)}.`, hint);
  }
  return tableAt(place, (patch) => flagAt(patch, false));
}

/** Any release will do: the nearest profile stands for it. */
function releaseAt(place: Place): string {
  const version = nameOf(place);
  const beyond = beyondProfiles(version);
  if (beyond !== null) {
    const end = beyond === 'older' ? `before ${OLDEST_PROFILE}` : `after ${NEWEST_PROFILE}`;
    fail(place, `Kernels ${end} are not modelled.`, '`reprobe list kernels` prints those that are');
  }
  if (parseRelease(version) !== null) return version;
  fail(place, `${quote(version)} is no release of the kernel.`, 'write one like 6.1 or 6.1.20');
}

export function readMachine(place: Place, knowledge: Knowledge): Machine {
  const fields = fieldsOf(place, keysOf('machine'));
  const kind = fields.get('firmware');
  const dmar = fields.get('dmar');
  const firmware = firmwareAt(fields, knowledge);
  const references: References = { parents: [], others: [] };
  const described = new Map(firmware?.devices.map((spec) => [spec.name, spec]));
  const written = unique(fields.get('devices'), (item) =>
    readDevice(item, null, references, described),
  );
  const drivers = unique(fields.get('drivers'), (item) => readDriver(item, knowledge, references));
  const modules = unique(fields.get('modules'), readModule);
  const devices = firmware === null ? written : besideFirmware(firmware, written);
  const boot = itemsOf(fields.get('boot')).map((item) => readBootStep(item, drivers, references));
  checkReferences(devices, references);
  const board = firmware === null ? null : boardMachine(firmware, devices, drivers);
  return {
    firmware:
      board?.firmware ?? (kind === undefined ? 'none' : oneOf(kind, MACHINE_WORDS.firmware)),
    ...readArch(fields),
    ...(dmar === undefined ? {} : { dmar: readDmar(dmar) }),
    devices,
    drivers: board?.drivers ?? drivers,
    modules,
    boot: board === null || boot.length > 0 ? boot : board.boot,
    ...readFailures(fields),
  };
}

/** What the machine comes from; null where all of it is written. */
function firmwareAt(fields: Fields, knowledge: Knowledge): Firmware | null {
  const from = fields.get('from');
  if (from === undefined) return null;
  const kind = fields.get('firmware');
  if (kind !== undefined)
    fail(kind, 'The file that the machine is from says what firmware it has.');
  const path = nameOf(from);
  if (knowledge.firmware === undefined)
    return fail(from, `${quote(path)} cannot be read here: there are no files.`);
  return knowledge.firmware(path);
}

/** A list of things with names, each of which may stand there once on its bus. */
function unique<T extends { readonly name: string; readonly bus?: string }>(
  list: Place | undefined,
  read: (item: Place) => T,
): readonly T[] {
  const seen = new Set<string>();
  return itemsOf(list).map((item) => {
    const value = read(item);
    const isDevice = 'parent' in value;
    const key = JSON.stringify([isDevice ? '' : (value.bus ?? ''), value.name]);
    if (seen.has(key)) fail(item, `${quote(value.name)} is there twice.`);
    seen.add(key);
    return value;
  });
}

/**
 * `creator` is the device whose driver creates this one. Of a device that firmware describes only what
 * differs is written.
 */
function readDevice(
  place: Place,
  creator: string | null,
  references: References,
  described: ReadonlyMap<string, DeviceSpec> = new Map(),
): DeviceSpec {
  const named = (at: Place): string => {
    references.others.push(at);
    return nameOf(at);
  };
  const fields = fieldsOf(place, keysOf('device'));
  const name = nameOf(fields.need('name'));
  const base = described.get(name);
  const parent = fields.get('parent');
  const pciPlace = fields.get('pci');
  const pci = pciPlace === undefined ? undefined : readPci(pciPlace);
  const bus = fields.get('bus');
  const ids = fields.get('ids');
  const assumedIds = pci === undefined ? [] : [pciModalias(pci)];
  if (parent !== undefined && nameOrNull(parent) !== null) {
    references.parents.push({ of: name, place: parent });
  }
  const optional = <T>(key: string, read: (value: Place) => T): Record<string, T> => {
    const value = fields.get(key);
    return value === undefined ? {} : { [key]: read(value) };
  };
  const assumedBus = base?.bus ?? (pci === undefined ? undefined : 'pci');
  return {
    ...base,
    name,
    bus: bus === undefined ? (assumedBus ?? busOf(fields.need('bus'))) : busOf(bus),
    parent: parent === undefined ? (base?.parent ?? creator) : nameOrNull(parent),
    ids: ids === undefined ? (base?.ids ?? assumedIds) : namesAt(ids),
    ...optional('disabled', (value) => flagAt(value, false)),
    ...optional('of_disabled', (value) => flagAt(value, false)),
    ...optional('iommu_kind', (value) => oneOf(value, DEVICE_WORDS.iommu_kind)),
    ...optional('dma_coherent', (value) => flagAt(value, false)),
    ...optional('snoops', (value) => flagAt(value, false)),
    ...optional('isolated_msi', (value) => flagAt(value, false)),
    ...optional('caching_mode', (value) => flagAt(value, false)),
    ...optional('mmu_masters', (value) => flagAt(value, false)),
    ...optional('iommus', (value) => itemsOf(value).map((item) => readIommuSpec(item, named))),
    ...optional('suppliers', (value) => itemsOf(value).map(named)),
    ...optional('match_defers_on', (value) => itemsOf(value).map(named)),
    ...optional('child_suppliers', (value) => itemsOf(value).map(named)),
    ...optional('iommu_map', (value) => itemsOf(value).map((item) => readMapRow(item, named))),
    ...optional('iommu_map_mask', (value) => integerOf(value)),
    ...optional('of_node', nameOf),
    ...optional('icid', (value) => integerOf(value)),
    ...optional('external_facing', (value) => flagAt(value, false)),
    ...readDeviceDma(fields),
    ...readUnits(fields),
    ...(pci === undefined ? {} : { pci }),
    ...optional('creates', (value) => unique(value, (item) => readDevice(item, name, references))),
  };
}

/** A PCI root of ACPI and an IOMMU of x86 are on no bus, which is said as `''`, not by leaving out. */
function busOf(place: Place): string {
  return isQuoted(place) ? wordOf(place) : nameOf(place);
}

type ReadName = (place: Place) => string;

function readIommuSpec(place: Place, named: ReadName) {
  const fields = fieldsOf(place, ['iommu', 'ids', 'masks']);
  const numbers = (list: Place) => itemsOf(list).map((id) => integerOf(id));
  const masks = fields.get('masks');
  return {
    iommu: named(fields.need('iommu')),
    ids: numbers(fields.need('ids')),
    ...(masks === undefined ? {} : { masks: numbers(masks) }),
  };
}

function readMapRow(place: Place, named: ReadName) {
  const fields = fieldsOf(place, ['rid_base', 'iommu', 'sid_base', 'length']);
  return {
    rid_base: integerAt(fields, 'rid_base', 0),
    iommu: named(fields.need('iommu')),
    sid_base: integerAt(fields, 'sid_base', 0),
    length: integerAt(fields, 'length', MAP_LENGTH),
  };
}

function integerAt(fields: Fields, key: string, assumed: number): number {
  const place = fields.get(key);
  return place === undefined ? assumed : integerOf(place);
}

/** What allocations return; names of devices need not be those of the boot. */
function readFailures(fields: Fields): Pick<Machine, 'failures'> {
  const place = fields.get('failures');
  if (place === undefined) return {};
  const tables = fieldsOf(place, ALLOCATIONS);
  const read = (call: Allocation) => {
    const table = tables.get(call);
    return table === undefined ? {} : { [call]: tableAt(table, readOutcomes) };
  };
  return { failures: { ...read('iommu_group_alloc'), ...read('iommu_domain_alloc') } };
}

function readModule(place: Place): ModuleSpec {
  if (isText(place)) return { name: nameOf(place), depends: [] };
  const fields = fieldsOf(place, keysOf('module'));
  const unresolved = fields.get('unresolved');
  const init = fields.get('init');
  const noExit = fields.get('no_exit');
  return {
    name: nameOf(fields.need('name')),
    depends: namesAt(fields.get('depends')),
    ...(unresolved === undefined ? {} : { unresolved: namesAt(unresolved) }),
    ...(init === undefined ? {} : { init: retOf(init) }),
    ...(noExit === undefined ? {} : { no_exit: flagAt(noExit, false) }),
  };
}

/** `populate`, `iommu_subsys`, `late_initcall`, `device: NAME`, `iommu: NAME`, `driver: NAME` or `driver: { drv, bus }`. */
function readBootStep(
  place: Place,
  drivers: readonly DriverSpec[],
  references: References,
): BootStep {
  if (isText(place)) return { step: oneOf(place, MACHINE_WORDS.boot) };
  const fields = fieldsOf(place, ['device', 'iommu', 'driver']);
  const [entry] = entriesOf(place);
  if (entry === undefined || entriesOf(place).length > 1) {
    return fail(
      place,
      `${place.what} must be one of populate, iommu_subsys, late_initcall, device, iommu, driver.`,
    );
  }
  const device = fields.get('device');
  const iommu = fields.get('iommu');
  const named = device ?? iommu;
  if (named !== undefined) references.others.push(named);
  if (device !== undefined) return { step: 'device', dev: nameOf(device) };
  if (iommu !== undefined) return { step: 'iommu', iommu: nameOf(iommu) };
  return { step: 'driver', ...driverAt(fields.need('driver'), drivers) };
}
