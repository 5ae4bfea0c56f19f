import type { DeviceSpec, DriverSpec, KernelSpec, ModuleSpec } from '../events/machine.ts';
import { type Table, tableOf } from '../events/table.ts';
import type { SysfsSnapshot } from '../import/sysfs-file.ts';
import { driverIds, KNOWN_DRIVERS, knownDriver } from '../model/firmware/driver-table.ts';
import type { FdtNode } from '../model/firmware/fdt.ts';
import { LINK_ORDER } from '../model/firmware/link-order.ts';
import { modulesOf } from '../model/firmware/module-table.ts';
import { compareReleases } from '../model/versions/profile.ts';
import { registrations } from './boot-order.ts';
import { type Firmware, isVirtioSlot } from './firmware-devices.ts';
import { asksOf } from './lab-devices.ts';
import type { DriverRow } from './machine-files.ts';
import type { Session } from './session.ts';

const ENODEV = 19;
/** Buses that the model has. Drivers of others have no device here and are left out. */
const BUSES = ['platform', 'amba', 'pci', 'virtio', 'pci_express'];
/** Express port types that pcieport binds to. */
const PORTS = ['root-port', 'upstream', 'downstream', 'rc-event-collector'];

export interface Drivers {
  /** Registered as the kernel boots, in no particular order. */
  readonly builtIn: readonly DriverSpec[];
  /** Owned by a module that can be loaded. */
  readonly modular: readonly DriverSpec[];
  readonly modules: readonly ModuleSpec[];
}

/**
 * The drivers registered before the first action: of the session's own list, else of its twin's,
 * else of the first snapshot's `[drivers]`, else of the log. Where it is not the session's own, whether the host
 * bridge can be bound by hand is taken from the name of the kernel's variant.
 */
export function driverRowsOf(
  session: Session,
  twin: Session | null,
  first: SysfsSnapshot | null,
): DriverRow[] {
  if (session.machine.drivers !== null) return [...session.machine.drivers];
  const rows = twin?.machine.drivers ?? (first === null ? loggedRows(session) : listedRows(first));
  const bind = !keepsHostBridge(session.name);
  return rows.map((row) => (row.name === 'pci-host-generic' ? { ...row, bind } : row));
}

/** The `s` of the variants `as`, `bs`, `asa`, `bsa`: pci-host-generic has suppress_bind_attrs. */
function keepsHostBridge(name: string): boolean {
  return /^\w+-[ab]sa?(?:\d+)?-/.test(name);
}

/** The drivers that a kernel has, those of its modules included; `loaded` were before the first action. */
export function driversOf(
  rows: readonly DriverRow[],
  firmware: Firmware,
  kernel: KernelSpec,
  loaded: ReadonlySet<string> = new Set(),
): Drivers {
  const { version, config } = kernel;
  const isLoaded = ({ bus, name, module }: DriverRow) =>
    module !== null && loaded.has(module) && knownDriver(bus, name)?.module === module;
  const registered = rows.filter((row) => BUSES.includes(row.bus) && !isLoaded(row));
  const outcomes = outcomesOf(firmware, version);
  const make = (bus: string, name: string, module: string | null, bind: boolean): DriverSpec => {
    const known = knownDriver(bus, name);
    const asynchronous =
      known?.asyncFrom !== undefined && compareReleases(version, known.asyncFrom) >= 0;
    return {
      name,
      bus,
      module,
      ids: driverIds(bus, name),
      driver_managed_dma: known?.driver_managed_dma ?? false,
      suppress_bind_attrs: !bind,
      probe_type: asynchronous ? 'async' : 'default',
      ...outcomes[`${bus}:${name}`],
    };
  };
  const builtIn = registered.map(({ bus, name, bind }) => make(bus, name, null, bind));
  const has = (bus: string, name: string) =>
    registered.some((row) => row.bus === bus && row.name === name);
  const owns = (module: string) =>
    KNOWN_DRIVERS.filter((driver) => driver.module === module && !has(driver.bus, driver.name));
  const modules = modulesOf(version, ({ name, option }) => {
    if (option !== null && config[option] !== 'm' && !loaded.has(name)) return false;
    const drivers = KNOWN_DRIVERS.filter((driver) => driver.module === name);
    return drivers.length === 0 || owns(name).length > 0;
  });
  const modular = modules.flatMap(({ name }) =>
    owns(name).map((driver) =>
      make(driver.bus, driver.name, name, canBind(driver.bus, driver.name)),
    ),
  );
  return { builtIn, modular, modules };
}

/** Has the driver bind files, where nothing was recorded? */
const canBind = (bus: string, name: string): boolean =>
  knownDriver(bus, name)?.suppress_bind_attrs !== true;

/** What a verbose log reports; of a kernel that left nothing behind, the drivers the model knows. */
function loggedRows(session: Session): DriverRow[] {
  const logged = registrations(session.dmesg ?? '').filter((key) => !/^[@+]/.test(key));
  const known = new Set(KNOWN_DRIVERS.map(({ bus, name }) => `${bus}:${name}`));
  const keys = logged.length > 0 ? logged : LINK_ORDER.filter((key) => known.has(key));
  return keys.map((key) => {
    const colon = key.indexOf(':');
    const name = key.slice(colon + 1);
    const bus = key.slice(0, colon);
    return { bus, name, module: null, bind: canBind(bus, name) };
  });
}

/** A snapshot lists the drivers of four buses; those of port services come with pcieport. */
function listedRows(first: SysfsSnapshot): DriverRow[] {
  const drivers = Object.entries(first.drivers);
  const services = KNOWN_DRIVERS.filter(({ bus }) => bus === 'pci_express').map(({ name }) => name);
  const hasPorts = drivers.some(([bus, names]) => bus === 'pci' && names.includes('pcieport'));
  if (hasPorts) drivers.push(['pci_express', services]);
  return drivers.flatMap(([bus, names]) =>
    names.map((name) => ({ bus, name, module: null, bind: canBind(bus, name) })),
  );
}

type Outcomes = Pick<DriverSpec, 'outcomes' | 'outcome' | 'defers_on' | 'defer_reasons'>;

/** What probes return on this machine, as far as the hardware's description settles it. */
function outcomesOf(firmware: Firmware, version: string): Table<Outcomes> {
  const devices = [...firmware.devices, ...firmware.software];
  const refuses = (wanted: (device: DeviceSpec) => boolean) =>
    tableOf(devices.filter(wanted).map((device): [string, number[]] => [device.name, [-ENODEV]]));
  const services = devices.flatMap((device) => device.creates ?? []);
  const aer = services.filter(({ ids }) => ids.some((id) => /^pci_express:002:[^0]/.test(id)));
  return tableOf<Outcomes>([
    ['platform:virtio-mmio', { outcomes: refuses((d) => isVirtioSlot(d) && !d.creates) }],
    ['platform:simple-pm-bus', { outcomes: refuses(isForeignBus) }],
    ['platform:psci-cpuidle', hasIdleStates(firmware.tree) ? {} : { outcome: -ENODEV }],
    ['pci:agpgart-intel', { outcome: -ENODEV }],
    ['pci:pcieport', { outcomes: refuses(isNoPort) }],
    ['pci_express:aer', { outcomes: tableOf(aer.map(({ name }) => [name, [-ENODEV]])) }],
    ...asksOf(firmware, version),
  ]);
}

/** Kernel: drivers/cpuidle/cpuidle-psci.c: without idle states of the CPUs there is nothing to do. */
function hasIdleStates(node: FdtNode | null): boolean {
  if (node === null) return false;
  return node.props['cpu-idle-states'] !== undefined || node.children.some(hasIdleStates);
}

/** Kernel: drivers/bus/simple-pm-bus.c: a transparent bus is taken only as its first compatible. */
function isForeignBus(device: DeviceSpec): boolean {
  const plain = ['simple-bus', 'simple-mfd', 'isa', 'arm,amba-bus'];
  if (device.ids.includes('simple-pm-bus')) return false;
  return device.ids.some((id) => plain.includes(id)) && !plain.includes(device.ids[0] ?? '');
}

function isNoPort(device: DeviceSpec): boolean {
  return device.pci?.header === 1 && !PORTS.includes(device.pci.pcie ?? '');
}
