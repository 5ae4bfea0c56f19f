import type { BootStep, DeviceSpec, DriverSpec } from '../events/machine.ts';
import {
  ACPI_MARK,
  DEVICETREE_MARK,
  IOMMU_MARK,
  LATE_MARK,
  LINK_ORDER,
} from '../model/firmware/link-order.ts';
import type { Firmware } from './firmware-devices.ts';
import { parameterOf } from './kernel-spec.ts';

const REGISTERED = /\bbus: '([^']*)': add driver (.+)$/;
const ADDED = /\bbus: '([^']*)': add device (.+)$/;
/** The IOMMU core's own initcall, where the log shows it. */
const SUBSYS_MARK = '@iommu_subsys_init';
/** Stands before the name of a platform device among the registrations. */
const DEVICE = '+';

/**
 * The steps of a kernel's boot: firmware devices, built-in drivers, IOMMUs without a driver, the
 * switch to deferred probing.
 *
 * The order is that of the registrations a verbose log reports, else the link order of the driver
 * table; drivers that neither knows come before deferred probing is switched on. A device without
 * firmware gets a step of its own: where the verbose log has it, else right before the driver of
 * its name where there is one.
 */
export function bootOrder(
  log: string | null,
  firmware: Firmware,
  builtIn: readonly DriverSpec[],
  cmdline: string,
): BootStep[] {
  const has = new Set(builtIn.map((driver) => `${driver.bus}:${driver.name}`));
  const logged = registrations(log ?? '');
  const isVerbose = logged.some((key) => has.has(key));
  const order = isVerbose ? withMarks(logged) : LINK_ORDER;
  const populate = firmware.kind === 'acpi' ? ACPI_MARK : DEVICETREE_MARK;
  const listed = new Set(order);
  const unknown = [...has].filter((key) => !listed.has(key));
  const waiting = new Map(firmware.software.map((device) => [device.name, device]));
  const steps: BootStep[] = [];
  for (const key of order) {
    if (key === populate) steps.push({ step: 'populate' });
    if (key === SUBSYS_MARK) steps.push({ step: 'iommu_subsys' });
    if (key === IOMMU_MARK) steps.push(...iommuSteps(firmware.devices, cmdline));
    if (key === LATE_MARK) {
      steps.push(...unknown.map(driverStep), ...deviceSteps([...waiting.values()]));
      steps.push({ step: 'late_initcall' });
    }
    if (key.startsWith(DEVICE)) steps.push(...deviceSteps(takeNamed(waiting, key.slice(1))));
    if (!has.has(key)) continue;
    steps.push(...deviceSteps(takeFor(waiting, key, listed)), driverStep(key));
  }
  return steps;
}

/** The software device of that name, taken out of those that wait. */
function takeNamed(waiting: Map<string, DeviceSpec>, name: string): DeviceSpec[] {
  const device = waiting.get(name);
  waiting.delete(name);
  return device === undefined ? [] : [device];
}

/**
 * The software devices that the driver with that key is for, taken out of those that wait; one that
 * `listed` has a place for waits on.
 */
function takeFor(
  waiting: Map<string, DeviceSpec>,
  key: string,
  listed: ReadonlySet<string>,
): DeviceSpec[] {
  const driver = key.slice(key.indexOf(':') + 1);
  const devices = [...waiting.values()].filter(
    ({ name, ids }) =>
      (name === driver || ids.includes(`platform:${driver}`)) && !listed.has(`${DEVICE}${name}`),
  );
  for (const { name } of devices) waiting.delete(name);
  return devices;
}

function deviceSteps(devices: readonly DeviceSpec[]): BootStep[] {
  return devices.map(({ name }) => ({ step: 'device', dev: name }));
}

/** VT-d units come up when the command line asks for them, AMD's unless it forbids them. */
function iommuSteps(devices: readonly DeviceSpec[], cmdline: string): BootStep[] {
  const intel = parameterOf(cmdline, 'intel_iommu')?.split(',')[0] === 'on';
  const amd = parameterOf(cmdline, 'amd_iommu') !== 'off';
  const isUp = ({ iommu_kind }: DeviceSpec) =>
    (iommu_kind === 'intel' && intel) || (iommu_kind === 'amd' && amd);
  return devices.filter(isUp).map(({ name }) => ({ step: 'iommu', iommu: name }));
}

function driverStep(key: string): BootStep {
  const colon = key.indexOf(':');
  return { step: 'driver', bus: key.slice(0, colon), drv: key.slice(colon + 1) };
}

/** Registrations, additions of platform devices and marks of a verbose log up to the first action. */
export function registrations(log: string): string[] {
  const found = new Set<string>();
  for (const line of log.split('\n')) {
    if (line.includes('reprobe-action: ')) break;
    const match = REGISTERED.exec(line.trimEnd());
    if (match !== null) found.add(`${match[1]}:${match[2]}`);
    const [, bus, device] = ADDED.exec(line.trimEnd()) ?? [];
    if (bus === 'platform') found.add(`${DEVICE}${device}`);
    if (bus === 'acpi') found.add(ACPI_MARK);
    if (line.includes('calling  of_platform_default_populate_init+')) found.add(DEVICETREE_MARK);
    if (line.includes('calling  iommu_subsys_init+')) found.add(SUBSYS_MARK);
    if (line.includes('calling  pci_iommu_init+')) found.add(IOMMU_MARK);
    if (line.includes('calling  deferred_probe_initcall+')) found.add(LATE_MARK);
  }
  return [...found];
}

/** Puts marks that a log does not show where the link order has them. */
function withMarks(logged: readonly string[]): string[] {
  const result = [...logged];
  for (const mark of [DEVICETREE_MARK, ACPI_MARK, IOMMU_MARK, LATE_MARK]) {
    if (result.includes(mark)) continue;
    const after = new Set(LINK_ORDER.slice(LINK_ORDER.indexOf(mark)));
    const at = result.findIndex((key) => after.has(key));
    result.splice(at < 0 ? result.length : at, 0, mark);
  }
  return result;
}
