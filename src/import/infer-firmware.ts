/** A log's machine where its firmware is known: firmware says what is there, the log what it did. */
import type { BootStep, DeviceSpec, DriverSpec, Machine } from '../events/machine.ts';
import { besideFirmware, iommusOf, withCreated } from '../model/firmware/board.ts';
import type { Firmware } from '../model/firmware/firmware.ts';
import { matchesAny } from '../model/firmware/modalias.ts';
import { type Evidence, isPciName } from './evidence.ts';
import { seenId } from './infer-drivers.ts';
import { UNNAMED_DRIVER } from './infer-pending.ts';
import { UNNAMED_IOMMU } from './infer-waits.ts';

/** A line often names the driver of a device and not its bus, which firmware's devices have. */
export function learnBuses(evidence: Evidence, { devices }: Firmware): void {
  for (const { name, bus, pci } of devices.flatMap(withCreated))
    if (bus !== '' && pci === undefined) evidence.buses[name] ??= bus;
}

/**
 * Puts what a log implies on top of what firmware says. Firmware's word counts for IOMMUs, suppliers
 * and coherency; the log's for what PCI functions are and where they hang, for drivers, and for what it
 * shows beside firmware's devices.
 *
 * A device of which the log says nothing is bound to a silent driver, for others may need it; but not
 * one behind an IOMMU: the log would show how it joined its group.
 */
export function withFirmware(shown: Machine, firmware: Firmware, evidence: Evidence): Machine {
  const seen = new Map(shown.devices.map((device) => [device.name, device]));
  const described = new Set(firmware.devices.flatMap(withCreated).map(({ name }) => name));
  const present = firmware.devices.filter((device) => isPresent(device, shown));
  const transports = virtioTransports(present, shown);
  const known = present.map((device) => {
    const both = bothSay(device, seen, evidence);
    const made = transports.get(device.name);
    return made === undefined ? both : { ...both, creates: [made] };
  });
  const made = new Set([...transports.values()].map(({ name }) => name));
  const rename = hostNames(shown, firmware, described);
  const others = shown.devices
    .filter(({ name }) => !described.has(name) && !made.has(name) && !rename.has(name))
    .filter(({ name }) => name !== UNNAMED_IOMMU);
  const hung = [...known, ...others].map((device) => ({
    ...device,
    parent: rename.get(device.parent ?? '') ?? device.parent,
  }));
  const devices = besideFirmware({ ...firmware, devices: present }, hung);
  const silentOnes = silentDevices(devices, shown.drivers);
  const silent = silentDrivers(silentOnes);
  return {
    ...shown,
    firmware: firmware.kind,
    devices: identified(devices, silentOnes),
    drivers: [...waitingToo(shown.drivers, devices), ...silent],
    boot: shown.boot.flatMap((step) => (step.step === 'populate' ? bootWith(silent) : [step])),
  };
}

/**
 * Firmware names a virtio-iommu by its PCI function, and the log by the device that virtio-pci makes
 * below: that device, as the log names it, by the function. With several nobody can tell whose it is.
 */
function virtioTransports(
  present: readonly DeviceSpec[],
  shown: Machine,
): ReadonlyMap<string, DeviceSpec> {
  const isOne = ({ iommu_kind: kind }: DeviceSpec) => kind === 'virtio-iommu';
  const functions = present.filter(({ creates = [] }) => creates.some(isOne));
  const seen = shown.devices.filter((device) => isOne(device) && device.parent === null);
  const [transport] = functions;
  const [device] = seen;
  if (transport === undefined || device === undefined) return new Map();
  if (functions.length > 1 || seen.length > 1) return new Map();
  return new Map([[transport.name, { ...device, parent: transport.name }]]);
}

/** A function with a node is there if the log shows it, or shows no functions of its domain. */
function isPresent({ name, pci }: DeviceSpec, shown: Machine): boolean {
  if (pci === undefined || shown.devices.some((device) => device.name === name)) return true;
  const domain = name.slice(0, name.indexOf(':'));
  return !shown.devices.some((one) => one.pci !== undefined && one.name.startsWith(`${domain}:`));
}

function bothSay(
  device: DeviceSpec,
  seen: ReadonlyMap<string, DeviceSpec>,
  evidence: Evidence,
): DeviceSpec {
  const own = seen.get(device.name);
  const creates = device.creates?.map((child) => bothSay(child, seen, evidence));
  const below = creates === undefined ? {} : { creates };
  if (own === undefined) return { ...device, ...below };
  const isAtWork = own.pci !== undefined || evidence.pairs.some(({ dev }) => dev === own.name);
  const suppliers = [...new Set([...(device.suppliers ?? []), ...(own.suppliers ?? [])])];
  const { disabled, ...rest } = device;
  return {
    ...rest,
    // What is at work was switched on by the boot loader, in its copy of the devicetree.
    ...(disabled === undefined || isAtWork ? {} : { disabled }),
    ids: [...new Set([...device.ids, ...own.ids])],
    ...(own.pci === undefined ? {} : { pci: own.pci, parent: own.parent }),
    ...(suppliers.length === 0 ? {} : { suppliers }),
    ...below,
  };
}

/** Host bridges that the log names by their bus alone, to the devices that firmware makes of them. */
function hostNames(
  shown: Machine,
  { devices }: Firmware,
  described: ReadonlySet<string>,
): ReadonlyMap<string, string> {
  const hosts = devices.filter(
    ({ iommu_map, ids }) => iommu_map !== undefined || ids.some((id) => /-pcie\b|^pci-/.test(id)),
  );
  const names = new Map<string, string>();
  for (const { name } of shown.devices) {
    const domain = /^pci([0-9a-f]{4,8}):/.exec(name)?.[1];
    if (domain === undefined || described.has(name)) continue;
    const below = devices.find(
      (device) => device.name.startsWith(`${domain}:`) && !isPciName(device.parent ?? ''),
    );
    const host = below?.parent ?? (hosts.length === 1 ? hosts[0]?.name : undefined);
    if (host !== undefined) names.set(name, host);
  }
  return names;
}

/**
 * A device that waits for its driver's sake, where the log names no driver, waits with every driver that
 * matches what firmware says the device is.
 */
function waitingToo(
  drivers: readonly DriverSpec[],
  devices: readonly DeviceSpec[],
): readonly DriverSpec[] {
  const nameless = drivers.filter(({ name }) => name === UNNAMED_DRIVER);
  const waits = nameless.flatMap(({ defers_on }) => Object.entries(defers_on ?? {}));
  if (waits.length === 0) return drivers;
  const byName = new Map(devices.map((device) => [device.name, device]));
  return drivers.map((driver) => {
    const own = waits.filter(([dev]) => {
      const device = byName.get(dev);
      return device?.bus === driver.bus && matchesAny(driver.ids, device.ids);
    });
    if (driver.name === UNNAMED_DRIVER || own.length === 0) return driver;
    return { ...driver, defers_on: { ...Object.fromEntries(own), ...driver.defers_on } };
  });
}

/** Stands for drivers that bound to something and printed nothing. */
const SILENT_DRIVER = 'silent-driver';

/** The names of the devices of which the log says nothing, and that others may need. */
function silentDevices(
  devices: readonly DeviceSpec[],
  drivers: readonly DriverSpec[],
): ReadonlyMap<string, DeviceSpec> {
  const all = devices.flatMap(withCreated);
  const iommus = iommusOf(all);
  const silent = all.filter(
    ({ name, ids, bus, iommus: behind, iommu_kind: kind, pci, creates }) =>
      !(bus === '' || behind !== undefined || kind !== undefined) &&
      // A function that makes the IOMMU must be bound for it to be there.
      (creates !== undefined || !(pci !== undefined || iommus.has(name))) &&
      !drivers.some((driver) => matchesAny(driver.ids, ids)),
  );
  return new Map(silent.map((device) => [device.name, device]));
}

/** One driver a bus, which matches its devices and no other of their kind. */
function silentDrivers(silent: ReadonlyMap<string, DeviceSpec>): readonly DriverSpec[] {
  const buses = [...new Set([...silent.values()].map(({ bus }) => bus))];
  return buses.map((bus) => ({
    name: SILENT_DRIVER,
    bus,
    module: null,
    ids: [...silent.values()].flatMap((one) => (one.bus === bus ? [seenId(one.name)] : [])),
    driver_managed_dma: false,
    suppress_bind_attrs: false,
    probe_type: 'default',
  }));
}

/** The devices, those that are silent with an id that their driver matches. */
function identified(
  devices: readonly DeviceSpec[],
  silent: ReadonlyMap<string, DeviceSpec>,
): readonly DeviceSpec[] {
  return devices.map((device) => ({
    ...device,
    ids: silent.has(device.name) ? [...device.ids, seenId(device.name)] : device.ids,
    ...(device.creates === undefined ? {} : { creates: identified(device.creates, silent) }),
  }));
}

function bootWith(silent: readonly DriverSpec[]): readonly BootStep[] {
  return [
    { step: 'populate' },
    ...silent.map(({ bus, name }) => ({ step: 'driver', bus, drv: name }) as const),
  ];
}
