/** Snapshots of sysfs against the emulated state at the same moment. */
import { createHistory, stateAfter } from '../engine/history.ts';
import type { ReadDevice, ReadState } from '../model/state/state.ts';
import type { Emulation } from './emulate.ts';
import type { Session } from './session.ts';
import type { SysfsSnapshot } from './sysfs-file.ts';
import type { Tally } from './tally.ts';

/** Buses whose devices the model has. */
export const MODELLED_BUSES: ReadonlySet<string> = new Set([
  'platform',
  'amba',
  'pci',
  'virtio',
  'pci_express',
]);

/** Modules whose use counts the model keeps. */
const isModelledModule = (name: string, state: ReadState): boolean =>
  state.modules[name] !== undefined;

/** Compares every snapshot that the recording holds. */
export function compareSnapshots(tally: Tally, session: Session, emulation: Emulation): void {
  const history = createHistory(emulation.run.scheduler.events);
  for (const [file, count] of emulation.snapshots) {
    const snapshot = session.snapshots[file];
    if (snapshot === undefined) continue;
    const state = stateAfter(history, count);
    compareDevices(tally, file, snapshot, state);
    compareGroups(tally, file, snapshot, state);
    compareModules(tally, file, snapshot, state);
    compareDeferred(tally, file, snapshot, state);
  }
}

function compareDevices(tally: Tally, at: string, snapshot: SysfsSnapshot, state: ReadState): void {
  const seen = new Set<string>();
  for (const { name, bus, driver, iommu_group } of snapshot.devices) {
    if (bus === null || !MODELLED_BUSES.has(bus)) continue;
    seen.add(name);
    const device = state.devices[name];
    tally.compare('driver', at, name, driver, driverLink(device));
    tally.compare('group', at, name, iommu_group, device?.iommu_group ?? null);
  }
  for (const { name, bus, driver, orphaned } of Object.values(state.devices))
    if (MODELLED_BUSES.has(bus) && !orphaned && !seen.has(name))
      tally.compare('driver', at, name, 'no such device', driver);
}

/** Where the `driver` link in sysfs points to. */
function driverLink(device: ReadDevice | undefined): string | null {
  if (device === undefined) return 'no such device';
  return device.unbinding ? null : device.driver;
}

function compareGroups(tally: Tally, at: string, snapshot: SysfsSnapshot, state: ReadState): void {
  const ids = new Set([
    ...snapshot.groups.map(({ id }) => id),
    ...Object.values(state.groups).map(({ id }) => id),
  ]);
  for (const id of [...ids].sort((a, b) => a - b)) {
    const real = snapshot.groups.find((group) => group.id === id);
    const mine = state.groups[id];
    const isReal = real !== undefined && real.name === null;
    const noiommu = mine !== undefined && mine.default_domain === null;
    tally.compare(
      'group',
      at,
      `group ${id}`,
      real === undefined
        ? null
        : { type: isReal ? real.type : null, devices: sorted(real.devices) },
      mine === undefined
        ? null
        : { type: noiommu ? null : mine.default_domain, devices: sorted(mine.devices) },
    );
  }
}

const sorted = (names: readonly string[]): readonly string[] => [...names].sort();

function compareModules(tally: Tally, at: string, snapshot: SysfsSnapshot, state: ReadState): void {
  const real = new Map(snapshot.modules.map((module) => [module.name, module.refs]));
  for (const [name, refs] of real)
    if (isModelledModule(name, state))
      tally.compare('module', at, name, refs, state.modules[name]?.holders.length);
    else tally.compare('module', at, name, refs, 'not loaded');
  for (const name of Object.keys(state.modules))
    if (!real.has(name)) tally.compare('module', at, name, 'not loaded', 'loaded');
}

/** The list of devices_deferred, which holds those that are pending, each with its reason. */
function compareDeferred(
  tally: Tally,
  at: string,
  snapshot: SysfsSnapshot,
  { deferred, devices }: ReadState,
): void {
  const real = new Map(snapshot.devices_deferred.map(({ dev, reason }) => [dev, reason ?? '']));
  const mine = new Map(deferred.pending.map((dev) => [dev, devices[dev]?.deferred_reason ?? '']));
  for (const dev of new Set([...real.keys(), ...mine.keys()]))
    if (devices[dev] !== undefined)
      tally.compare(
        'deferred',
        at,
        dev,
        real.get(dev) ?? 'not listed',
        mine.get(dev) ?? 'not listed',
      );
}
