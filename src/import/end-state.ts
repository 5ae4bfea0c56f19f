/** A snapshot of sysfs against the emulated state at the same moment. */
import type { ReadDevice, ReadState } from '../model/state/state.ts';
import type { DeferredEntry, SysfsSnapshot } from './sysfs-file.ts';

/** Buses whose devices the model has. */
export const MODELLED_BUSES: ReadonlySet<string> = new Set([
  'platform',
  'amba',
  'pci',
  'virtio',
  'pci_express',
]);

/** A name or a number, or what a group is. */
export type StateValue =
  | string
  | number
  | null
  | { readonly type: string | null; readonly devices: readonly string[] };

/** One thing that a snapshot says, and what the state says of it. */
export interface StateCheck {
  readonly check: 'driver' | 'group' | 'module' | 'deferred';
  readonly subject: string;
  /** What the snapshot has, then what the state has: equal where their JSON is. */
  readonly expected: StateValue;
  readonly actual: StateValue;
  /** Line of the snapshot's file; null for what it does not list. */
  readonly line: number | null;
}

const NO_DEVICE = 'no such device';
const NOT_LOADED = 'not loaded';
const NOT_LISTED = 'not listed';

/** All that both can say. Cost: each device, group and module of either once. */
export function* checksOf(snapshot: SysfsSnapshot, state: ReadState): Generator<StateCheck> {
  yield* deviceChecks(snapshot, state);
  yield* groupChecks(snapshot, state);
  yield* moduleChecks(snapshot, state);
  yield* deferredChecks(snapshot.devices_deferred, state);
}

/** Do both say the same? */
export function isAgreed({ expected, actual }: StateCheck): boolean {
  return JSON.stringify(expected) === JSON.stringify(actual);
}

function* deviceChecks(snapshot: SysfsSnapshot, state: ReadState): Generator<StateCheck> {
  const seen = new Set<string>();
  for (const { name, bus, driver, iommu_group, line } of snapshot.devices) {
    if (bus === null || !MODELLED_BUSES.has(bus)) continue;
    seen.add(name);
    const device = state.devices[name];
    const about = { subject: name, line };
    yield { check: 'driver', ...about, expected: driver, actual: driverLink(device) };
    const group = device?.iommu_group ?? null;
    yield { check: 'group', ...about, expected: iommu_group, actual: group };
  }
  for (const { name, bus, driver, orphaned } of Object.values(state.devices))
    if (MODELLED_BUSES.has(bus) && !orphaned && !seen.has(name))
      yield { check: 'driver', subject: name, expected: NO_DEVICE, actual: driver, line: null };
}

/** Where the `driver` link in sysfs points to. */
function driverLink(device: ReadDevice | undefined): string | null {
  if (device === undefined) return NO_DEVICE;
  return device.unbinding ? null : device.driver;
}

function* groupChecks(snapshot: SysfsSnapshot, state: ReadState): Generator<StateCheck> {
  const listed = new Map(snapshot.groups.map((group) => [group.id, group]));
  const ids = new Set([...listed.keys(), ...Object.values(state.groups).map(({ id }) => id)]);
  for (const id of [...ids].sort((a, b) => a - b)) {
    const real = listed.get(id);
    const mine = state.groups[id];
    const isReal = real !== undefined && real.name === null;
    const noiommu = mine !== undefined && mine.default_domain === null;
    const expected =
      real === undefined
        ? null
        : { type: isReal ? real.type : null, devices: sorted(real.devices) };
    const actual =
      mine === undefined
        ? null
        : { type: noiommu ? null : mine.default_domain, devices: sorted(mine.devices) };
    const line = real?.line ?? null;
    yield { check: 'group', subject: `group ${id}`, expected, actual, line };
  }
}

const sorted = (names: readonly string[]): readonly string[] => [...names].sort();

function* moduleChecks(snapshot: SysfsSnapshot, state: ReadState): Generator<StateCheck> {
  const check = 'module' as const;
  const real = new Set<string>();
  for (const { name, refs, line } of snapshot.modules) {
    real.add(name);
    const actual = state.modules[name]?.holders.length ?? NOT_LOADED;
    yield { check, subject: name, expected: refs, actual, line };
  }
  for (const name of Object.keys(state.modules))
    if (!real.has(name))
      yield { check, subject: name, expected: NOT_LOADED, actual: 'loaded', line: null };
}

/** The list of devices_deferred, which holds those that are pending, each with its reason. */
export function* deferredChecks(
  listed: readonly DeferredEntry[],
  { deferred, devices }: ReadState,
): Generator<StateCheck> {
  const real = new Map(listed.map((entry) => [entry.dev, entry]));
  const mine = new Map(deferred.pending.map((dev) => [dev, devices[dev]?.deferred_reason ?? '']));
  for (const dev of new Set([...real.keys(), ...mine.keys()])) {
    if (devices[dev] === undefined) continue;
    const entry = real.get(dev);
    yield {
      check: 'deferred',
      subject: dev,
      expected: entry === undefined ? NOT_LISTED : (entry.reason ?? ''),
      actual: mine.get(dev) ?? NOT_LISTED,
      line: entry?.line ?? null,
    };
  }
}
