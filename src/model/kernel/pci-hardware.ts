/** What answers in PCI configuration space: which function is where, and what bridges pass on. */
import type { DeviceSpec, Machine } from '../../events/machine.ts';
import type { Facts } from '../context.ts';
import { pciAddress } from './requester-ids.ts';

/** The three numbers in a bridge's configuration: its own bus, the one behind it, the last one. */
export interface BusNumbers {
  readonly primary: number;
  readonly secondary: number;
  readonly subordinate: number;
}

/** What a scan has written to bridges, by the name of the bridge at boot, and not yet recorded. */
export type Written = Map<string, BusNumbers>;

/** The last bus number of a domain. */
export const LAST_BUS = 0xff;

const hex = (value: number, digits: number): string => value.toString(16).padStart(digits, '0');

/** `0000:03:00.1` is on bus `0000:03`. */
export const busOfFunction = (name: string): string => name.slice(0, name.lastIndexOf(':'));

/** `0000`, 3 is `0000:03`. */
export const busName = (domain: string, bus: number): string => `${domain}:${hex(bus, 2)}`;

/** The number of `0000:03`. */
export const busNumber = (bus: string): number =>
  Number.parseInt(bus.slice(bus.lastIndexOf(':') + 1), 16);

const domainOf = (bus: string): string => bus.slice(0, bus.lastIndexOf(':'));

const isBridge = ({ pci }: DeviceSpec): boolean => pci?.header === 1;

const devfnOf = ({ name }: DeviceSpec): number => pciAddress(name)?.devfn ?? 0;

/** What hangs below a bridge or host bridge, by its name at boot, in the order of slots. */
function below(machine: Machine, parent: string): readonly DeviceSpec[] {
  let tree = TREES.get(machine);
  if (tree === undefined) {
    tree = treeOf(machine);
    TREES.set(machine, tree);
  }
  return tree.get(parent) ?? [];
}

type Tree = ReadonlyMap<string, readonly DeviceSpec[]>;

const TREES = new WeakMap<Machine, Tree>();

function treeOf({ devices }: Machine): Tree {
  const tree = new Map<string, DeviceSpec[]>();
  for (const device of devices) {
    if (device.pci === undefined || device.parent === null) continue;
    const others = tree.get(device.parent);
    if (others === undefined) tree.set(device.parent, [device]);
    else others.push(device);
  }
  for (const list of tree.values()) list.sort((a, b) => devfnOf(a) - devfnOf(b));
  return tree;
}

/** The root bus of a host bridge, as `0000:00`; null when nothing hangs below it. */
export function rootBusOf(machine: Machine, host: string): string | null {
  const first = machine.devices.find((d) => d.pci !== undefined && d.parent === host);
  return first !== undefined && pciAddress(first.name) !== null ? busOfFunction(first.name) : null;
}

/**
 * The numbers of the bridges when the kernel first sees them: those that the names of functions
 * behind them tell, and for a bridge with nothing behind it the next one that is free; where another
 * bridge needs that, one behind all those.
 *
 * Kernel: none: firmware's work, or that of the kernel's own first scan.
 * Leaves out: buses reserved for virtual functions.
 */
export function bootNumbers(machine: Machine): ReadonlyMap<string, BusNumbers> {
  const known = NUMBERS.get(machine);
  if (known !== undefined) return known;
  const numbers = new Map<string, BusNumbers>();
  for (const host of hostsOf(machine)) {
    const root = rootBusOf(machine, host);
    if (root === null) continue;
    const named = new Set(functionBuses(machine, domainOf(root)));
    numberBelow(machine, host, busNumber(root), numbers, { named, taken: new Set() });
  }
  NUMBERS.set(machine, numbers);
  return numbers;
}

const NUMBERS = new WeakMap<Machine, ReadonlyMap<string, BusNumbers>>();

/** The buses of a domain that functions are named after. */
const functionBuses = (machine: Machine, domain: string): readonly number[] =>
  machine.devices.flatMap(({ name, pci }) =>
    pci !== undefined && domainOf(busOfFunction(name)) === domain
      ? (pciAddress(name)?.bus ?? [])
      : [],
  );

/** Which numbers are spoken for: by names of functions, by bridges. */
interface Numbering {
  readonly named: ReadonlySet<number>;
  readonly taken: Set<number>;
}

/** The number `next`, or where functions are named after it the first that nobody needs behind all. */
function spareNumber(next: number, { named, taken }: Numbering): number {
  if (!named.has(next) && !taken.has(next)) return next;
  let number = Math.max(next, ...named, ...taken) + 1;
  if (number > LAST_BUS) for (number = next; named.has(number) || taken.has(number); ) number += 1;
  return number;
}

/** Numbers the bridges on a bus; returns the last bus behind them, at least the bus itself. */
function numberBelow(
  machine: Machine,
  parent: string,
  bus: number,
  numbers: Map<string, BusNumbers>,
  numbering: Numbering,
): number {
  const { taken } = numbering;
  let last = bus;
  for (const bridge of below(machine, parent).filter(isBridge)) {
    if (numbers.has(bridge.name)) continue;
    const named = below(machine, bridge.name).flatMap(({ name }) => pciAddress(name)?.bus ?? []);
    const isFree = (number: number) => number > bus && !taken.has(number);
    const secondary =
      named.filter(isFree).sort((a, b) => a - b)[0] ?? spareNumber(last + 1, numbering);
    taken.add(secondary);
    numbers.set(bridge.name, { primary: bus, secondary, subordinate: secondary });
    const subordinate = numberBelow(machine, bridge.name, secondary, numbers, numbering);
    numbers.set(bridge.name, { primary: bus, secondary, subordinate });
    last = Math.max(last, subordinate);
  }
  return last;
}

/**
 * Are the numbers at boot those that a kernel gives which numbers all bridges by itself? Others are
 * firmware's, and stay.
 *
 * Kernel: drivers/pci/probe.c:pci_scan_child_bus_extend, v6.1, on bridges without numbers.
 * Leaves out: extra numbers for hot-plug bridges.
 */
export function isNumberedByKernel(machine: Machine, host: string): boolean {
  const numbers = bootNumbers(machine);
  const root = rootBusOf(machine, host);
  let next = root === null ? 0 : busNumber(root);
  const visit = (parent: string): boolean =>
    below(machine, parent)
      .filter(isBridge)
      .every(({ name }) => {
        next += 1;
        return numbers.get(name)?.secondary === next && visit(name);
      });
  return visit(host);
}

/**
 * Devices that have PCI functions below them and are none, in the order of the machine.
 *
 * Kernel: drivers/pci/search.c:pci_find_next_bus, v6.1.
 * Leaves out: nothing.
 */
export function hostsOf(machine: Machine): readonly string[] {
  const known = HOSTS.get(machine);
  if (known !== undefined) return known;
  const functions = new Set(machine.devices.flatMap((d) => (d.pci === undefined ? [] : d.name)));
  const parents = machine.devices.flatMap((d) =>
    d.pci !== undefined && d.parent !== null && !functions.has(d.parent) ? [d.parent] : [],
  );
  const hosts = [...new Set(parents)];
  HOSTS.set(machine, hosts);
  return hosts;
}

const HOSTS = new WeakMap<Machine, readonly string[]>();

/** What a bridge's configuration holds now, by the bridge's name at boot. */
function numbersOf(k: Facts, written: Written, bridge: string): BusNumbers {
  return (
    written.get(bridge) ??
    k.state.pci.numbers[bridge] ??
    bootNumbers(k.machine).get(bridge) ?? { primary: 0, secondary: 0, subordinate: 0 }
  );
}

/** Is the function in its slot? */
function isPlugged(k: Facts, { name, disabled }: DeviceSpec): boolean {
  return k.state.pci.plugged[name] ?? disabled !== true;
}

/** A function of the machine and the name that it has on the bus it is found on. */
export interface Answer {
  readonly hardware: DeviceSpec;
  readonly name: string;
}

/**
 * The functions that answer on a bus, slot by slot: requests go down through every bridge whose
 * numbers cover the bus. A function keeps its slot; its bus is what the bridge above it says.
 *
 * Kernel: none: hardware's part of drivers/pci/access.c:pci_bus_read_config_dword.
 * Leaves out: the functions of unplugged cards.
 */
export function answersOn(
  k: Facts,
  host: string,
  written: Written,
  bus: string,
): readonly Answer[] {
  const root = rootBusOf(k.machine, host);
  if (root === null || domainOf(root) !== domainOf(bus)) return [];
  const number = busNumber(bus);
  const behind = number === busNumber(root) ? host : bridgeTo(k, written, host, number);
  if (behind === null) return [];
  const atBoot = behind === host ? busNumber(root) : bootNumbers(k.machine).get(behind)?.secondary;
  return below(k.machine, behind)
    .filter((spec) => isPlugged(k, spec))
    .map((hardware) => ({ hardware, name: nameOn(bus, hardware, atBoot) }));
}

function nameOn(bus: string, { name }: DeviceSpec, atBoot: number | undefined): string {
  const address = pciAddress(name);
  if (address === null || address.bus !== atBoot) return name;
  return `${bus}:${name.slice(name.lastIndexOf(':') + 1)}`;
}

/** The bridge below `parent` directly behind which the bus is; null for none. */
function bridgeTo(k: Facts, written: Written, parent: string, bus: number): string | null {
  for (const spec of below(k.machine, parent).filter(isBridge)) {
    const { name } = spec;
    if (!isPlugged(k, spec)) continue;
    const { secondary, subordinate } = numbersOf(k, written, name);
    if (secondary === 0 || bus < secondary || bus > subordinate) continue;
    if (secondary === bus) return name;
    const deeper = bridgeTo(k, written, name, bus);
    if (deeper !== null) return deeper;
  }
  return null;
}

/** The bridge that answers under a name, and the numbers it holds; null where none does. */
export function bridgeAt(
  k: Facts,
  host: string,
  written: Written,
  name: string,
): { readonly hardware: string; readonly numbers: BusNumbers } | null {
  const found = answersOn(k, host, written, busOfFunction(name)).find((a) => a.name === name);
  if (found === undefined || !isBridge(found.hardware)) return null;
  const hardware = found.hardware.name;
  return { hardware, numbers: numbersOf(k, written, hardware) };
}

/** The name that the machine has for what is known by `dev` now. */
export function hardwareName(k: Facts, dev: string): string {
  return k.state.pci.renumbered[dev] ?? dev;
}
