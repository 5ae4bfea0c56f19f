/** Which devices firmware puts behind an IOMMU, the group that each got, and why others got none. */
import { type DeviceSpec, isX86Iommu, type Machine } from '../events/machine.ts';
import { withCreated } from '../model/firmware/board.ts';
import type { Unmade } from '../model/firmware/firmware.ts';
import { matchesAny } from '../model/firmware/modalias.ts';
import { mapId, pciAddress } from '../model/kernel/requester-ids.ts';
import type { ReadState } from '../model/state/state.ts';
import { aligned, counted, type Line, line } from './line.ts';

/** A device that firmware puts behind an IOMMU. */
export interface Route {
  /** Its name, or the path of a node that no device is made of. */
  readonly device: string;
  /** The IOMMU that firmware names; null where it answers for the device with none. */
  readonly iommu: string | null;
  readonly group: number | null;
  /** Why it is in no group; null where it is in one. */
  readonly why: string | null;
}

interface Board {
  readonly machine: Machine;
  readonly state: ReadState;
  readonly devices: ReadonlyMap<string, DeviceSpec>;
  /** Devices that others are below. */
  readonly below: ReadonlySet<string>;
}

/**
 * Every device with `iommus`, every PCI function below a host bridge with an `iommu-map`, and such a
 * bridge itself where nothing below it is known, in the machine's order; then the nodes that no device is made of. Cost: devices times rows of their map.
 */
export function routesOf(
  machine: Machine,
  state: ReadState,
  unmade: readonly Unmade[] = [],
): readonly Route[] {
  const all = machine.devices.flatMap(withCreated);
  const devices = new Map(all.map((spec) => [spec.name, spec]));
  const below = new Set(all.flatMap(({ parent }) => parent ?? []));
  const board = { machine, state, devices, below };
  const routes = all.flatMap((spec) => routeOf(board, spec) ?? []);
  const rest = unmade.map(({ node, iommu, why }) => ({ device: node, iommu, group: null, why }));
  return [...routes, ...rest];
}

function routeOf(board: Board, spec: DeviceSpec): Route | null {
  const host = spec.pci === undefined ? undefined : hostOf(board, spec);
  const asked = host?.iommu_map === undefined ? null : requesterOf(host, spec.name);
  if (spec.iommus === undefined && isBarren(board, spec)) return barrenRoute(spec);
  const iommu = spec.iommus?.[0]?.iommu ?? asked?.stream?.iommu ?? null;
  if (spec.iommus === undefined && asked === null) return null;
  const group = board.state.devices[spec.name]?.iommu_group ?? null;
  const device = spec.name;
  if (group !== null) return { device, iommu, group, why: null };
  const why = spec.disabled === true ? "its status is 'disabled'" : null;
  const unmapped = host === undefined ? null : whyUnmapped(host, device);
  return {
    ...{ device, iommu, group },
    why: why ?? unmapped ?? whyNoIommu(board, iommu ?? '') ?? whyNotAsked(board, spec),
  };
}

/** Is it a bridge that has an iommu-map for what is below it, and nothing below it is known? */
function isBarren({ below }: Board, { name, iommu_map, creates = [] }: DeviceSpec): boolean {
  return iommu_map !== undefined && creates.length === 0 && !below.has(name);
}

function barrenRoute({ name, disabled, iommu_map = [] }: DeviceSpec): Route {
  const unknown = 'its iommu-map is for what is below it, and firmware does not say what that is';
  const why = disabled === true ? "its status is 'disabled'" : unknown;
  return { device: name, iommu: iommu_map[0]?.iommu ?? null, group: null, why };
}

function hostOf({ devices }: Board, spec: DeviceSpec): DeviceSpec | undefined {
  let above = devices.get(spec.parent ?? '');
  for (let hops = 0; above?.pci !== undefined && hops < devices.size; hops += 1)
    above = devices.get(above.parent ?? '');
  return above;
}

function requesterOf(host: DeviceSpec, name: string) {
  const at = pciAddress(name);
  if (at === null) return null;
  const rid = (at.bus << 8) | at.devfn;
  return { ...mapId(host, rid), rid };
}

function whyUnmapped(host: DeviceSpec, name: string): string | null {
  const asked = requesterOf(host, name);
  if (asked === null || asked.stream !== null || host.iommu_map === undefined) return null;
  const mask = hex(host.iommu_map_mask ?? 0xffffffff);
  if (asked.badBase !== null)
    return `the iommu-map-mask ${mask} of ${host.name} ignores its id-base ${hex(asked.badBase)}`;
  return `no row of the iommu-map of ${host.name} covers its id ${hex(asked.rid)}`;
}

const hex = (value: number): string => `0x${value.toString(16)}`;

/** What is wrong with the IOMMU; null for one that is there. */
function whyNoIommu({ machine, state, devices }: Board, iommu: string): string | null {
  const spec = devices.get(iommu);
  if (spec === undefined) return `firmware makes no device of its IOMMU ${iommu}`;
  if (spec.disabled === true) return `its IOMMU ${iommu} is disabled`;
  if (isX86Iommu(spec.iommu_kind)) return null;
  const what = `its IOMMU ${iommu} (${spec.ids.join(' ')})`;
  if (spec.iommu_kind === undefined) return `the model has no driver for ${what}`;
  if (spec.mmu_masters === true) return `${what} lists its masters: the deprecated binding`;
  const known = state.iommus.some(({ name }) => name === iommu);
  if (known || state.devices[iommu]?.bound === true) return null;
  const drivers = machine.drivers.filter(({ bus }) => bus === spec.bus);
  if (!drivers.some(({ ids }) => matchesAny(ids, spec.ids))) return `no driver matches ${what}`;
  return `the driver of its IOMMU ${iommu} is not bound${waiting(state, iommu)}`;
}

function whyNotAsked({ state, devices }: Board, { name, parent, of_disabled }: DeviceSpec): string {
  const device = state.devices[name];
  if (device === undefined) {
    const above = parent === null ? undefined : devices.get(parent);
    if (above?.disabled === true) return `it is below ${above.name}, which is disabled`;
    const isBound = parent === null || state.devices[parent]?.bound === true;
    if (isBound) return 'no device was made of it';
    return `it is made by the driver of ${parent}, which is not bound${waiting(state, parent)}`;
  }
  if (isDeferred(state, name)) return `its probe is deferred${waiting(state, name)}`;
  if (of_disabled === true && device.match_driver === false)
    return "its node's status is 'disabled': no driver is asked about it";
  if (device.driver === null) return 'no driver asks for its IOMMU: none is bound to it';
  return 'the driver of its IOMMU did not take it';
}

function isDeferred({ deferred }: ReadState, dev: string): boolean {
  return deferred.pending.includes(dev) || deferred.active.includes(dev);
}

function waiting(state: ReadState, dev: string): string {
  const reason = state.devices[dev]?.deferred_reason ?? null;
  return reason === null ? '' : ` (${reason.trim()})`;
}

/** The routes as a table, and how many there are. */
export function routeLines(routes: readonly Route[]): readonly Line[] {
  const rows = routes.map(({ device, iommu, group, why }) => [
    device,
    iommu ?? '-',
    group === null ? '-' : String(group),
    why ?? '',
  ]);
  const [heading, ...body] = aligned([['device', 'behind', 'group', 'why none'], ...rows], [2]);
  const table = heading === undefined || routes.length === 0 ? [] : [heading, ...body];
  return [
    ...table.map((one, i) => (i === 0 ? { ...one, tone: 'head' as const } : one)),
    line(summaryOf(routes)),
  ];
}

function summaryOf(routes: readonly Route[]): string {
  if (routes.length === 0) return 'firmware puts no device behind an IOMMU';
  const grouped = routes.filter(({ group }) => group !== null);
  const groups = new Set(grouped.map(({ group }) => group));
  const what = counted(routes.filter(({ iommu }) => iommu !== null).length, 'device');
  const unrouted = routes.filter(({ iommu }) => iommu === null).length;
  const rest = unrouted === 0 ? '' : `; ${unrouted} that an IOMMU might serve and does not`;
  const without = routes.length - unrouted - grouped.length;
  const inGroups = `${grouped.length} in ${counted(groups.size, 'group')}`;
  return `${what} behind IOMMUs: ${inGroups}, ${without} in none${rest}`;
}
