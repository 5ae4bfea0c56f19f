/** What users may have done for a line that a run has and the log has not, or the other way round. */
import type { Concurrent, Stimulus } from '../events/stimulus.ts';
import type { Trace } from '../events/trace.ts';
import type { Observation } from '../import/observation.ts';

/** What one divergence shows. */
export interface Clue {
  /** The line: of the log where the run has not printed it, else of the run. */
  readonly seen: Observation;
  /** The place in the log. */
  readonly at: Observation;
  /** The log has it and the run has not. */
  readonly isMissing: boolean;
}

/** What a run had come to at its divergence. */
export interface Scene {
  /** Devices by group. */
  readonly groups: ReadonlyMap<number, ReadonlySet<string>>;
  /** The group that a device is in, or was in before it left. */
  readonly lastGroups: ReadonlyMap<string, number>;
  /** Names under which users that the log shows hold their files. */
  readonly holds: readonly string[];
  /** The name of the first whose files are closed though nothing shows that they were opened. */
  readonly closed: string | null;
  /** Modules that users may take out or put in: those of IOMMUs, and those that they did so with. */
  readonly modules: readonly string[];
  readonly busOf: (dev: string) => string | null;
  /** The module of a driver of the device's bus; undefined where there is no such driver. */
  readonly moduleOf: (bus: string, drv: string) => string | null | undefined;
  /** The devices that an action is about. */
  readonly devicesOf: (stimulus: Stimulus) => readonly string[];
}

type Doing = readonly Concurrent[];

/** @param event the events before it have happened. */
export function createScene(trace: Trace, event: number, done: readonly Stimulus[]): Scene {
  const { devices, drivers } = trace.header.machine;
  const groups = groupsBefore(trace, event);
  const buses = new Map(devices.map(({ name, bus }) => [name, bus]));
  const holds = done.flatMap((one) => (one.do === 'vfio' && one.hold !== null ? [one.hold] : []));
  const closed = done.flatMap((one) => (one.do === 'vfio_release' ? [one.hold] : []));
  return {
    groups,
    lastGroups: lastGroupsBefore(trace, event),
    holds,
    closed: closed.find((hold) => !holds.includes(hold)) ?? null,
    modules: modulesIn(trace, done),
    busOf: (dev) => buses.get(dev) ?? null,
    moduleOf: (bus, drv) => drivers.find((one) => one.bus === bus && one.name === drv)?.module,
    devicesOf(stimulus) {
      if ('dev' in stimulus && stimulus.dev !== null && stimulus.dev !== '') return [stimulus.dev];
      return 'group' in stimulus ? [...(groups.get(Number(stimulus.group)) ?? [])] : [];
    },
  };
}

function groupsBefore({ events }: Trace, before: number): ReadonlyMap<number, Set<string>> {
  const groups = new Map<number, Set<string>>();
  for (const { event } of events.slice(0, before)) {
    if (event.type === 'group.joined')
      groups.set(event.group, (groups.get(event.group) ?? new Set()).add(event.dev));
    if (event.type === 'group.left') groups.get(event.group)?.delete(event.dev);
    if (event.type === 'group.freed') groups.delete(event.group);
  }
  return groups;
}

function lastGroupsBefore({ events }: Trace, before: number): ReadonlyMap<string, number> {
  const joined = events.slice(0, before).flatMap(({ event }): readonly [string, number][] => {
    return event.type === 'group.joined' ? [[event.dev, event.group]] : [];
  });
  return new Map(joined);
}

function modulesIn({ header }: Trace, done: readonly Stimulus[]): readonly string[] {
  const { devices, drivers } = header.machine;
  const ids = new Set(
    devices.flatMap((device) => (device.iommu_kind === undefined ? [] : device.ids)),
  );
  const ofIommus = drivers.filter((driver) => driver.ids.some((id) => ids.has(id)));
  const named = done.flatMap((one) =>
    one.do === 'modprobe' || one.do === 'insmod' || one.do === 'rmmod' ? [one.module] : [],
  );
  const all = [...ofIommus.flatMap(({ module }) => (module === null ? [] : [module])), ...named];
  return [...new Set(all)];
}

/** Each by itself may be what happened; `last` is the logged action before the divergence. */
export function doingsFor(clue: Clue, last: Stimulus | null, scene: Scene): readonly Doing[] {
  const about = last === null ? [] : scene.devicesOf(last);
  const devices = [...new Set([...(clue.seen.dev === null ? [] : [clue.seen.dev]), ...about])];
  return [
    ...holding(clue, scene),
    ...typing(clue, scene),
    ...devices.flatMap((dev) => bindings(dev, clue, scene)),
    ...topology(clue, scene),
  ];
}

/** The driver that the line names, if it is one of the device's bus. */
function driverOf({ prefix, drv }: Observation, bus: string, scene: Scene): string | null {
  const named = [drv, prefix].find((one) => one !== null && scene.moduleOf(bus, one) !== undefined);
  return named ?? null;
}

/** Another driver got the device, or none. */
function bindings(dev: string, { seen, isMissing }: Clue, scene: Scene): readonly Doing[] {
  const bus = scene.busOf(dev);
  if (bus === null) return [];
  const unbind: Concurrent = { do: 'unbind', bus, drv: '', dev };
  const released: Concurrent = { do: 'driver_override', bus, dev, drv: null };
  const again: Concurrent = { do: 'drivers_probe', bus, dev };
  const drv = driverOf(seen, bus, scene);
  if (drv === null || !isMissing) return [[unbind], [released], [again], [unbind, released]];
  const module = scene.moduleOf(bus, drv) ?? null;
  const bind: Concurrent = { do: 'bind', bus, drv, dev };
  const override: Concurrent = { do: 'driver_override', bus, dev, drv };
  return [
    ...[[unbind], [bind], [override], [released], [again]],
    ...(module === null ? [] : [[load(module)]]),
    ...[
      [unbind, bind],
      [override, again],
      [unbind, released, again],
      [override, unbind, again],
    ],
  ];
}

/** A user holds the group of the device, or holds it no longer. */
function holding({ seen: { kind, dev }, isMissing }: Clue, scene: Scene): readonly Doing[] {
  if ((kind !== 'vfio.blocked' && kind !== 'vfio.requested') || dev === null) return [];
  if (!isMissing) return scene.holds.map((hold) => [{ do: 'vfio_release', hold }]);
  const group = scene.lastGroups.get(dev);
  if (group === undefined) return [];
  const open: Concurrent = {
    ...{ do: 'vfio', group: String(group), dev, dma: false, nocontainer: false, nodevice: false },
    hold: scene.closed ?? `/dev/vfio/${group}`,
  };
  const backend = load('vfio_iommu_type1');
  return [[open], [backend], [backend, open]];
}

/** Somebody asked for another default domain, and was refused. */
function typing({ seen: { kind }, isMissing }: Clue, scene: Scene): readonly Doing[] {
  if (kind !== 'iommu.group.type_refused' || !isMissing) return [];
  return [...scene.groups].map(([group]) => [{ do: 'group_type', group, value: 'identity' }]);
}

const TOPOLOGY: readonly string[] = ['iommu.group.added', 'iommu.group.removed', 'pci.device'];

/** Functions went or came, or the driver of their IOMMU did. */
function topology({ seen: { kind, dev } }: Clue, scene: Scene): readonly Doing[] {
  const isProbe = kind.startsWith('probe.') || kind === 'deferred.timeout';
  const isThere = TOPOLOGY.includes(kind);
  if (!isThere && !isProbe) return [];
  const modules = scene.modules.flatMap((module): readonly Doing[] => {
    const unload: Concurrent = { do: 'rmmod', module, force: false };
    return [[unload], [load(module)], [unload, load(module)]];
  });
  if (!isThere || dev === null || scene.busOf(dev) !== 'pci') return modules;
  const remove: Concurrent = { do: 'remove', dev };
  const rescan: Concurrent = { do: 'rescan', dev: null };
  const releases = scene.holds.map((hold): Doing => [{ do: 'vfio_release', hold }]);
  return [[remove], [rescan], [remove, rescan], ...modules, ...releases];
}

const load = (module: string): Concurrent => ({ do: 'modprobe', module, params: '' });
