/** The machine behind a log: the least that explains what the log shows. */
import type { DeviceSpec, IommuMapRow, Machine, PcieType, PciFunction } from '../events/machine.ts';
import { pciAddress } from '../model/kernel/requester-ids.ts';
import { type Evidence, isPciName, type SeenFunction } from './evidence.ts';
import { type AcsView, inferAcs } from './infer-acs.ts';
import { bootOf, lateDevices } from './infer-boot.ts';
import { withChildren } from './infer-children.ts';
import { driversOf, modulesFor, type NamedDriver, seenId } from './infer-drivers.ts';
import { withManagementComplex } from './infer-fsl-mc.ts';
import { iommuAt } from './infer-iommus.ts';
import { lostJoins } from './infer-lost.ts';
import { inferPending } from './infer-pending.ts';
import { platformDevices } from './infer-platform.ts';
import { cameLater, learnHotplug } from './infer-plugs.ts';
import { inferWaits, type Waits } from './infer-waits.ts';

const PORT_TYPES: readonly (readonly [RegExp, PcieType])[] = [
  [/Root Port/, 'root-port'],
  [/Upstream Port/, 'upstream'],
  [/Downstream Port/, 'downstream'],
  [/to PCI\/PCI-X bridge/, 'pcie-to-pci'],
  [/PCI\/PCI-X to PCIe/, 'pci-to-pcie'],
  [/Event Collector/, 'rc-event-collector'],
  [/Integrated Endpoint/, 'rc-endpoint'],
  [/Endpoint/, 'endpoint'],
];

const hex = (value: number, digits: number): string =>
  value.toString(16).toUpperCase().padStart(digits, '0');

interface Topology {
  readonly parentOf: (dev: string) => string;
  readonly above: (dev: string) => readonly string[];
  readonly inSlot: (dev: string) => readonly string[];
}

/**
 * The machine that a boot's evidence implies, for a kernel of the profile `version`. `named` are
 * drivers that user actions speak of, `loaded` the modules they load.
 */
export function inferMachine(
  seen: Evidence,
  version: string,
  named: readonly NamedDriver[],
  loaded: readonly string[],
): Machine {
  const functions = withUnprinted(seen);
  const evidence = { ...seen, joins: [...seen.joins, ...lostJoins(seen, functions)] };
  const waits = inferWaits(evidence);
  const pending = inferPending(evidence);
  const firmware = firmwareOf(evidence);
  const topology = topologyOf(evidence, functions);
  const acs = inferAcs(evidence, topology.above, topology.inSlot);
  const hosts = hostsOf(evidence, waits, functions, topology);
  const types = typesOf(evidence, functions, topology);
  learnHotplug(evidence, (port) => !isPciName(topology.parentOf(port)));
  const pciDevices = functions.map((seen) => ({
    ...pciDevice(evidence, seen, topology, acs, types(seen), firmware === 'devicetree'),
    ...iommuAt(evidence, seen.dev),
    ...(cameLater(evidence, topology.parentOf(seen.dev), seen.line) ? { disabled: true } : {}),
  }));
  const firmwareDevices = platformDevices(evidence, waits, pending, hosts);
  const platform = withManagementComplex(firmwareDevices, evidence, waits);
  const drivers = driversOf(evidence, waits, pending, version, named, loaded);
  const late = lateDevices(evidence, drivers);
  const present = platform.map((spec) =>
    late.atRuntime.has(spec.name) ? { ...spec, disabled: true } : spec,
  );
  return {
    firmware,
    devices: withChildren([...present, ...hosts, ...pciDevices], drivers, evidence.makers),
    drivers,
    modules: modulesFor(evidence, version, drivers),
    boot: bootOf(evidence, drivers, late),
  };
}

function firmwareOf(evidence: Evidence): Machine['firmware'] {
  if (evidence.acpi) return 'acpi';
  if (evidence.devicetree) return 'devicetree';
  const kinds = new Set(evidence.iommus.map(({ kind }) => kind));
  if (kinds.has('intel') || kinds.has('amd')) return 'acpi';
  return kinds.size > 0 || evidence.joins.length > 0 ? 'devicetree' : 'none';
}

/** Functions with a line of their own, then those that only other lines speak of. */
function withUnprinted(evidence: Evidence): readonly SeenFunction[] {
  const known = new Set(evidence.functions.map(({ dev }) => dev));
  const rest = Object.keys(evidence.buses).filter((dev) => isPciName(dev) && !known.has(dev));
  const guessed = rest.sort().map((dev) => {
    const isPort = evidence.pairs.some((pair) => pair.dev === dev && pair.drv === 'pcieport');
    const header = isPort || evidence.bridges[dev] !== undefined ? 1 : 0;
    return { dev, vendor: 0, device: 0, class: header === 1 ? 0x060400 : 0, header, port: null };
  });
  return [...evidence.functions, ...guessed];
}

function topologyOf(evidence: Evidence, functions: readonly SeenFunction[]): Topology {
  const bridgeOfBus = new Map<string, string>();
  for (const [bridge, buses] of Object.entries(evidence.bridges)) {
    const first = buses.split(/[- ]/)[0] ?? '';
    // A bus has a higher number than the one above it: another one is not set up, or garbled.
    if (first > bridge.slice(-7, -5)) bridgeOfBus.set(`${bridge.slice(0, -7)}${first}`, bridge);
  }
  const roots = Object.entries(evidence.hosts);
  const hostOf = (dev: string): string => {
    const bus = dev.slice(0, 7);
    const domain = dev.slice(0, 4);
    const own = evidence.hosts[bus];
    const first = roots.find(([root]) => root.startsWith(domain));
    // Where the log names no host bridge, a bus that no bridge leads to is a root of its own.
    const root = own === undefined ? (first?.[0] ?? bus) : bus;
    const host = own ?? first?.[1] ?? '';
    return host === '' ? `pci${root}` : host;
  };
  // All functions of a bus are below the same thing.
  const parents = new Map<string, string>();
  const parentOf = (dev: string): string => {
    const bus = dev.slice(0, -5);
    const known = parents.get(bus);
    if (known !== undefined) return known;
    const parent = bridgeOfBus.get(bus) ?? hostOf(dev);
    parents.set(bus, parent);
    return parent;
  };
  const above = (dev: string): readonly string[] => {
    const list: string[] = [];
    for (let up = parentOf(dev); isPciName(up) && !list.includes(up); up = parentOf(up))
      list.push(up);
    return list;
  };
  const slots = new Map<string, string[]>();
  for (const { dev } of functions) {
    const slot = slots.get(dev.slice(0, -1));
    if (slot === undefined) slots.set(dev.slice(0, -1), [dev]);
    else slot.push(dev);
  }
  const inSlot = (dev: string): readonly string[] => slots.get(dev.slice(0, -1)) ?? [];
  return { parentOf, above, inSlot };
}

/** Host bridges as devices: the one the log names, or a nameless root. */
function hostsOf(
  evidence: Evidence,
  waits: Waits,
  functions: readonly SeenFunction[],
  topology: Topology,
): readonly DeviceSpec[] {
  const hosts = new Map<string, string[]>();
  for (const { dev } of functions) {
    const top = topology.above(dev).at(-1) ?? dev;
    const host = topology.parentOf(top);
    const below = hosts.get(host) ?? [];
    below.push(dev);
    hosts.set(host, below);
  }
  return [...hosts].map(([name, below]) => {
    const rows = mapOf(evidence, waits, below);
    return {
      name,
      bus: evidence.buses[name] ?? (name.startsWith('pci') ? '' : 'platform'),
      parent: null,
      ids: [seenId(name)],
      ...(rows.length > 0 ? { iommu_map: rows } : {}),
    };
  });
}

/**
 * A row for each function that the log shows to have an IOMMU, and for no other, and one for each id
 * that a bridge uses in the name of several. Functions that share a group of an SMMU v1 or v2 have one
 * stream: bridges without isolation alone do not bring them together there.
 */
function mapOf(
  { sharing, joins, iommus }: Evidence,
  waits: Waits,
  functions: readonly string[],
): readonly IommuMapRow[] {
  const ofStreams = new Set(iommus.flatMap(({ dev, kind }) => (kind === 'arm-smmu' ? dev : [])));
  const groupOf = new Map(joins.map(({ dev, group }) => [dev, group]));
  const streams = new Map<number, number>();
  const own = functions.flatMap((dev) => {
    const at = pciAddress(dev);
    const iommu = waits.iommuOf(dev);
    if (at === null || iommu === null) return [];
    const rid = (at.bus << 8) | at.devfn;
    const stream = Number.parseInt(dev, 16) * 0x10000 + rid;
    const group = ofStreams.has(iommu) ? groupOf.get(dev) : undefined;
    const sid_base = (group === undefined ? undefined : streams.get(group)) ?? stream;
    if (group !== undefined) streams.set(group, sid_base);
    return [{ rid_base: rid, iommu, sid_base, length: 1 }];
  });
  const taken = new Set(own.map(({ sid_base }) => sid_base));
  const shared = sharing.flatMap(({ dev, stream }) => {
    const iommu = waits.iommuOf(dev);
    if (iommu === null || taken.has(stream) || !functions.includes(dev)) return [];
    taken.add(stream);
    return [{ rid_base: stream & 0xffff, iommu, sid_base: stream, length: 1 }];
  });
  return [...own, ...shared];
}

function pciDevice(
  { slots }: Evidence,
  seen: SeenFunction,
  topology: Topology,
  acs: AcsView,
  pcie: PcieType | null,
  asksLate: boolean,
): DeviceSpec {
  const { dev, vendor, device, class: cls, header } = seen;
  const multifunction = topology.inSlot(dev).length > 1;
  const isolates = acs.isolates(dev);
  const pci: PciFunction = {
    vendor,
    device,
    class: cls,
    header,
    multifunction,
    pcie,
    acs_capable: isolates,
    acs_enabled: isolates && (!asksLate || acs.isolatedAtBoot(dev)),
  };
  const [base, sub, prog] = [cls >> 16, (cls >> 8) & 0xff, cls & 0xff];
  const modalias =
    `pci:v${hex(vendor, 8)}d${hex(device, 8)}sv00000000sd00000000` +
    `bc${hex(base, 2)}sc${hex(sub, 2)}i${hex(prog, 2)}`;
  const ids = [modalias, seenId(dev)];
  const slot = Number(slots[dev]?.slot);
  const placed = Number.isSafeInteger(slot) ? { ...pci, slot } : pci;
  return { name: dev, bus: 'pci', parent: topology.parentOf(dev), ids, pci: placed };
}

/**
 * The type of each function. Two that have one stream are behind a bridge to conventional PCI, which
 * asks in its own name for both.
 */
function typesOf(
  { sharing }: Evidence,
  functions: readonly SeenFunction[],
  { parentOf }: Topology,
): (seen: SeenFunction) => PcieType | null {
  const slots = new Map<string, number>();
  for (const { dev } of functions) {
    const device = Number.parseInt(dev.slice(-4, -2), 16);
    const above = parentOf(dev);
    slots.set(above, Math.max(slots.get(above) ?? 0, device));
  }
  const slotsBehind = (dev: string): number => slots.get(dev) ?? 0;
  const both = sharing.filter(({ dev, other }) => parentOf(dev) === parentOf(other));
  const bridges = new Set(both.map(({ dev }) => parentOf(dev)).filter(isPciName));
  return (seen) => {
    const above = parentOf(seen.dev);
    if (bridges.has(above)) return null;
    return bridges.has(seen.dev) ? 'pcie-to-pci' : typeOf(seen, isPciName(above), slotsBehind);
  };
}

/** A bridge with several devices behind it is no port with one slot: it leads into a switch. */
function typeOf(
  { dev, port, header }: SeenFunction,
  behindBridge: boolean,
  slotsBehind: (dev: string) => number,
): PcieType | null {
  const named = PORT_TYPES.find(([pattern]) => port !== null && pattern.test(port))?.[1];
  if (named !== undefined) return named;
  if (port !== null) return null;
  if (header !== 1) return 'endpoint';
  if (!behindBridge) return 'root-port';
  return slotsBehind(dev) > 0 ? 'upstream' : 'downstream';
}
