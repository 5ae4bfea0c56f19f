/** The machine that firmware describes, with drivers for what is on it. */
import type {
  BootStep,
  DeviceSpec,
  DriverSpec,
  InitcallLevel,
  Machine,
} from '../../events/machine.ts';
import { driverIds, KNOWN_DRIVERS, type KnownDriver } from './driver-table.ts';
import type { Firmware } from './firmware.ts';
import { withReservedMemory } from './iort.ts';
import { ACPI_MARK, DEVICETREE_MARK, LATE_MARK, LINK_ORDER } from './link-order.ts';
import { matchesAny } from './modalias.ts';

/** Stands for the drivers that the table does not know. */
const UNNAMED_DRIVER = 'unnamed-driver';
/** The same for devices behind IOMMUs: it registers after the drivers of IOMMUs. */
const UNNAMED_CLIENT = 'unnamed-client';

/** A driver of the table, built in; its probes succeed. */
export function builtIn({ bus, name, ...known }: KnownDriver): DriverSpec {
  return {
    ...{ name, bus, module: null, ids: driverIds(bus, name) },
    driver_managed_dma: known.driver_managed_dma ?? false,
    suppress_bind_attrs: known.suppress_bind_attrs ?? false,
    probe_type: 'default',
  };
}

/**
 * The machine: firmware's devices, the drivers that `written` gives, those of the table that match
 * something here, and unnamed ones for the rest, so that suppliers are there for who waits for them. An
 * IOMMU of a kind that the model has no driver for stays without.
 */
export function boardMachine(
  firmware: Firmware,
  devices: readonly DeviceSpec[],
  written: readonly DriverSpec[] = [],
): Machine {
  const drivers = boardDrivers(devices, written);
  return {
    firmware: firmware.kind,
    devices,
    drivers,
    modules: [],
    boot: boardBoot(firmware.kind, drivers),
  };
}

/** Firmware's devices, each as `others` have it where they do, then the rest of the others. */
export function besideFirmware(
  { devices, iort }: Firmware,
  others: readonly DeviceSpec[],
): readonly DeviceSpec[] {
  const byName = new Map(others.map((device) => [device.name, device]));
  const known = new Set(devices.map(({ name }) => name));
  const all = [
    ...devices.map((device) => byName.get(device.name) ?? device),
    ...others.filter(({ name }) => !known.has(name)),
  ];
  return iort === null ? all : withReservedMemory(iort, all);
}

function boardDrivers(
  devices: readonly DeviceSpec[],
  written: readonly DriverSpec[],
): readonly DriverSpec[] {
  const all = devices.flatMap(withCreated).filter(({ disabled }) => disabled !== true);
  const taken = new Set(written.map(({ bus, name }) => `${bus}:${name}`));
  const known = KNOWN_DRIVERS.filter(({ bus, name }) => !taken.has(`${bus}:${name}`))
    .map(builtIn)
    .filter((driver) => all.some((device) => isFor(driver, device)));
  const named = [...written, ...known];
  const iommus = iommusOf(all);
  const rest = all.filter(
    (device) => !iommus.has(device.name) && !named.some((driver) => isFor(driver, device)),
  );
  const isClient = (device: DeviceSpec) => device.iommus !== undefined || device.pci !== undefined;
  const clients = unnamed(UNNAMED_CLIENT, rest.filter(isClient), new Set());
  const ofClients = new Set(clients.flatMap(({ ids }) => ids));
  const others = rest.filter((device) => !isClient(device));
  return [...unnamed(UNNAMED_DRIVER, others, ofClients), ...named, ...clients];
}

/** The device and all that drivers make below it. */
export function withCreated(device: DeviceSpec): readonly DeviceSpec[] {
  return [device, ...(device.creates ?? []).flatMap(withCreated)];
}

/** The devices that others name as their IOMMU. */
export function iommusOf(devices: readonly DeviceSpec[]): ReadonlySet<string> {
  return new Set(
    devices.flatMap(({ iommus = [], iommu_map = [] }) =>
      [...iommus, ...iommu_map].map(({ iommu }) => iommu),
    ),
  );
}

function isFor(driver: DriverSpec, { bus, name, ids }: DeviceSpec): boolean {
  return driver.bus === bus && (matchesAny(driver.ids, ids) || driver.name === name);
}

/** One driver a bus. It matches the first id of each device, which says most about what it is. */
function unnamed(
  name: string,
  devices: readonly DeviceSpec[],
  without: ReadonlySet<string>,
): readonly DriverSpec[] {
  const buses = [...new Set(devices.map(({ bus }) => bus))].filter((bus) => bus !== '');
  return buses.map((bus) => {
    const first = devices.flatMap(({ bus: own, ids }) => (own === bus ? ids.slice(0, 1) : []));
    const ids = [...new Set(first)].filter((id) => !without.has(id));
    return { ...builtIn({ bus, name, module: '', ids: [] }), ids };
  });
}

const BEFORE_DEVICES: readonly (InitcallLevel | undefined)[] = ['core', 'postcore', 'arch'];
const AFTER_DEVICES: readonly (InitcallLevel | undefined)[] = ['subsys', 'fs', 'rootfs'];

/**
 * Known drivers register in link order and unnamed ones as soon as there are devices, but for those of
 * clients, which come last. A driver that says when it registers does so then.
 */
function boardBoot(kind: Firmware['kind'], drivers: readonly DriverSpec[]): readonly BootStep[] {
  const mark = kind === 'acpi' ? ACPI_MARK : DEVICETREE_MARK;
  const places = new Map(LINK_ORDER.map((key, i) => [key, i]));
  const populate = places.get(mark) ?? 0;
  const late = places.get(LATE_MARK) ?? LINK_ORDER.length;
  const placeOf = ({ bus, name, initcall, module }: DriverSpec): number | null => {
    if (module !== null) return null;
    if (BEFORE_DEVICES.includes(initcall)) return -1;
    if (AFTER_DEVICES.includes(initcall) || name === UNNAMED_DRIVER) return populate;
    const known = initcall === undefined ? places.get(`${bus}:${name}`) : undefined;
    return known ?? (name === UNNAMED_CLIENT ? late : late - 0.5);
  };
  const steps = drivers
    .flatMap((driver) => {
      const at = placeOf(driver);
      const step = { step: 'driver', bus: driver.bus, drv: driver.name } as const;
      return at === null ? [] : [{ at, step }];
    })
    .sort((a, b) => a.at - b.at);
  const before = steps.filter(({ at }) => at < populate);
  const between = steps.filter(({ at }) => at >= populate && at <= late);
  const after = steps.filter(({ at }) => at > late);
  return [
    ...before.map(({ step }) => step),
    { step: 'populate' },
    ...between.map(({ step }) => step),
    { step: 'late_initcall' },
    ...after.map(({ step }) => step),
  ];
}
