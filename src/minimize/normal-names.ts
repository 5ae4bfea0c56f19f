/** The names that things have in the normal form. */
import type { DeviceSpec, DriverSpec, Machine } from '../events/machine.ts';
import { kernelOps } from '../model/kernel/ops.ts';
import { claimsOwnership } from '../model/lookup.ts';
import { isIommu } from './colour.ts';
import type { Names } from './rename.ts';
import { allDevices } from './subject.ts';

/**
 * Numbers things in the order of the machine. What the model knows by its name keeps it: drivers with
 * paths of their own, drivers that claim DMA ownership, their modules, and those of VFIO.
 */
export function normalNames(machine: Machine): Names {
  const { device, bus } = deviceNames(machine);
  const opaque = machine.drivers.filter((drv) => !isKnown(drv));
  const driver = new Map<string, string>();
  for (const { name } of opaque) if (!driver.has(name)) driver.set(name, `driver${driver.size}`);
  const kept = new Set(machine.drivers.filter(isKnown).map((drv) => drv.module));
  const module = new Map<string, string>();
  for (const { name } of machine.modules)
    if (!kept.has(name) && !isKnownModule(name)) module.set(name, `module${module.size}`);
  return { device, bus, driver, module };
}

/** Is it a driver that the model knows by its name? */
export function isKnown({ bus, name }: DriverSpec): boolean {
  return kernelOps.driver(bus, name) !== kernelOps.driver(bus, '') || claimsOwnership(name);
}

const isKnownModule = (name: string): boolean =>
  name.startsWith('vfio') || Object.keys(kernelOps.module(name)).length > 0;

const hex = (value: number, digits: number): string => value.toString(16).padStart(digits, '0');

function deviceNames(machine: Machine): Pick<Names, 'device' | 'bus'> {
  const { devices } = machine;
  const device = new Map<string, string>();
  const bus = new Map<string, string>();
  const hosts = devices.filter(
    ({ name, pci }) =>
      pci === undefined && devices.some((d) => d.pci !== undefined && d.parent === name),
  );
  for (const [domain, host] of hosts.entries())
    numberBelow(machine, host.name, { domain, bus: 0 }, { device, bus });
  const counts = new Map<string, number>();
  for (const spec of allDevices(devices)) {
    if (spec.pci !== undefined) continue;
    const stem = stemOf(spec, hosts.includes(spec), machine);
    const n = counts.get(stem) ?? 0;
    counts.set(stem, n + 1);
    device.set(spec.name, numbered(stem, n));
  }
  return { device, bus };
}

/** A name in the manner of its firmware or its bus; `*` is where the number goes. */
function stemOf(spec: DeviceSpec, isHost: boolean, machine: Machine): string {
  const { bus } = spec;
  const { firmware } = machine;
  const role = isIommu(spec, machine) ? 'iommu' : isHost ? 'pcie' : 'device';
  if (bus === 'platform' || bus === 'amba')
    return firmware === 'devicetree' ? `*.${role}` : `${role.toUpperCase()}:*`;
  return bus === '' ? `${role}*` : `${bus}*`;
}

function numbered(stem: string, n: number): string {
  if (stem.startsWith('*')) return stem.replace('*', hex((n + 1) * 0x1000000, 7));
  return stem.replace('*', stem.includes(':') ? hex(n, 2) : String(n));
}

/**
 * PCI functions below a bridge or a host: slots from 0 on, buses in the order in which a scan comes to
 * them. Returns the last bus number.
 */
function numberBelow(
  machine: Machine,
  parent: string,
  at: { readonly domain: number; readonly bus: number },
  names: { readonly device: Map<string, string>; readonly bus: Map<string, string> },
): number {
  const functions = machine.devices
    .filter((spec) => spec.pci !== undefined && spec.parent === parent)
    .sort((a, b) => (addressOf(a) < addressOf(b) ? -1 : 1));
  const slots = [...new Set(functions.map(slotOf))];
  const busName = `${hex(at.domain, 4)}:${hex(at.bus, 2)}`;
  let last = at.bus;
  for (const spec of functions) {
    const slot = slotOf(spec);
    const nth = functions.filter((one) => slotOf(one) === slot).indexOf(spec);
    names.device.set(spec.name, `${busName}:${hex(slots.indexOf(slot), 2)}.${nth}`);
    names.bus.set(spec.name.slice(0, spec.name.lastIndexOf(':')), busName);
  }
  for (const spec of functions)
    if (spec.pci?.header === 1 && spec.name !== parent)
      last = numberBelow(machine, spec.name, { ...at, bus: last + 1 }, names);
  return last;
}

/** `0000:01:02.3` is `02.3`, in slot `02`. */
const addressOf = ({ name }: DeviceSpec): string => name.slice(name.lastIndexOf(':') + 1);
const slotOf = (spec: DeviceSpec): string => addressOf(spec).split('.')[0] ?? '';
