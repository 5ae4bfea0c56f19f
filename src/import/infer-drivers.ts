/** The drivers behind a log: those it shows at work, and those its user speaks of. */
import type { DriverSpec, Machine } from '../events/machine.ts';
import { ENODEV, ENXIO, EPROBE_DEFER } from '../model/errno.ts';
import {
  driverIds,
  KNOWN_DRIVERS,
  type KnownDriver,
  knownDriver,
  moduleOfDriver,
} from '../model/firmware/driver-table.ts';
import { KNOWN_MODULES, modulesOf } from '../model/firmware/module-table.ts';
import { compareReleases } from '../model/versions/profile.ts';
import type { Evidence, SeenPair } from './evidence.ts';
import { type Pending, UNNAMED_LATE_DRIVER, UNNAMED_SUPPLIER } from './infer-pending.ts';
import type { Waits } from './infer-waits.ts';

/** A driver that a user action names. */
export interface NamedDriver {
  readonly bus: string;
  readonly drv: string;
  /** The device that it is forced on, which it need not match. */
  readonly override?: string;
}

/** The id that ties a device to the drivers a log shows on it. */
export const seenId = (dev: string): string => `seen:${dev}`;

/** The bus of a driver by its name alone; null for one the table does not know. */
export function busOfDriver(drv: string): string | null {
  return KNOWN_DRIVERS.find((driver) => driver.name === drv)?.bus ?? null;
}

interface Work {
  readonly bus: string;
  readonly drv: string;
  readonly devices: Set<string>;
  /** What shows it first; null where only an action names it. */
  readonly first: SeenPair | null;
}

/** Drivers in the order in which the log first shows them. */
function workOf(evidence: Evidence, named: readonly NamedDriver[]): readonly Work[] {
  const work = new Map<string, Work>();
  const at = (bus: string, drv: string, first: SeenPair | null): Work => {
    const key = `${bus}:${drv}`;
    const found = work.get(key) ?? { bus, drv, devices: new Set(), first };
    work.set(key, found);
    return found;
  };
  for (const pair of evidence.pairs) {
    const { dev, drv } = pair;
    const bus = evidence.buses[dev] ?? busOfDriver(drv);
    if (bus !== null) at(bus, drv, pair).devices.add(dev);
  }
  for (const { bus, drv } of named) at(bus, drv, null);
  return [...work.values()];
}

/**
 * Drivers as specs: a module where user space was running when they were first seen. A line that
 * ends a device's wait tells nothing of when its driver came: it is then a module only if it is one
 * of those that the user `loaded`. A listing knows the modules.
 */
export function driversOf(
  evidence: Evidence,
  waits: Waits,
  pending: Pending,
  version: string,
  named: readonly NamedDriver[],
  loaded: readonly string[],
): readonly DriverSpec[] {
  const isForced = (drv: string, dev: string): boolean =>
    named.some((one) => one.drv === drv && one.override === dev);
  const userspace = evidence.userspaceLine ?? Number.POSITIVE_INFINITY;
  return workOf(evidence, named).map(({ bus, drv, devices, first }) => {
    const known = knownDriver(bus, drv);
    const module = moduleOfDriver(bus, drv);
    const endsWait = first !== null && (first.wasThere === true || waits.endsWait(first));
    const wasThere = endsWait && !loaded.includes(module);
    const afterBoot = (first?.line ?? Number.POSITIVE_INFINITY) > userspace && !wasThere;
    const { modules } = evidence;
    const isModule =
      modules === null
        ? afterBoot
        : modules.has(module) || loaded.includes(module) || drv === UNNAMED_LATE_DRIVER;
    const { asyncFrom } = known ?? {};
    const isAsync =
      evidence.asyncDrivers.has(drv) ||
      (asyncFrom !== undefined && compareReleases(version, asyncFrom) >= 0);
    const outcomes = [...devices].flatMap((dev) => {
      const results = evidence.results[`${drv} ${dev}`];
      return results === undefined || drv === 'vfio-pci'
        ? []
        : [[dev, outcomesOf(results)] as const];
    });
    const reasons = [...devices].flatMap((dev) => {
      const reason = pending.reasonOf(dev, drv);
      return reason === null ? [] : [[dev, reason] as const];
    });
    return {
      name: drv,
      bus,
      module: isModule ? module : null,
      ids: [
        ...driverIds(bus, drv),
        ...[...devices].filter((dev) => !isForced(drv, dev)).map(seenId),
      ],
      driver_managed_dma: known?.driver_managed_dma ?? isVfioVariant(drv),
      suppress_bind_attrs: keepsItsDevice(evidence, known, devices),
      probe_type: isAsync ? 'async' : 'default',
      ...(outcomes.length > 0 ? { outcomes: Object.fromEntries(outcomes) } : {}),
      ...(reasons.length > 0 ? deferringOf(reasons) : {}),
    };
  });
}

/** Of these the next attempt is thought to end alike; of other errors it is not. */
const LASTING: readonly (number | undefined)[] = [-ENODEV, -ENXIO, -EPROBE_DEFER];

/** The results of attempts as a driver has them: what follows is thought of, too. */
export function outcomesOf(results: readonly number[]): readonly number[] {
  return LASTING.includes(results.at(-1)) ? results : [...results, 0];
}

/** Is it a driver that gives PCI devices to user space, of a vendor the table does not know? */
const isVfioVariant = (drv: string): boolean => /vfio[-_]pci/.test(drv);

/** What a driver waits for in its probe, and what it says meanwhile. */
function deferringOf(reasons: readonly (readonly [dev: string, reason: string])[]) {
  return {
    defers_on: Object.fromEntries(reasons.map(([dev]) => [dev, [UNNAMED_SUPPLIER]])),
    defer_reasons: Object.fromEntries(reasons.filter(([, reason]) => reason !== '')),
  };
}

/**
 * Has the driver no bind files? Some drivers never have. A host bridge's driver has none when it
 * scanned its bus once: were it exempt from nothing, a test removal would have made it scan twice.
 */
function keepsItsDevice(
  evidence: Evidence,
  known: KnownDriver | undefined,
  devices: ReadonlySet<string>,
): boolean {
  if (known?.suppress_bind_attrs === true) return true;
  return [...devices].some((dev) => evidence.hostScans[dev] === 1);
}

/** Modules of the drivers that are modular, with what they need, and those of VFIO. */
export function modulesFor(
  { modules: loaded }: Evidence,
  version: string,
  drivers: readonly DriverSpec[],
): Machine['modules'] {
  const builtIn = new Set(
    drivers.flatMap(({ bus, name, module }) => (module === null ? moduleOfDriver(bus, name) : [])),
  );
  const needed = new Set(
    KNOWN_MODULES.flatMap(({ name, depends }) => (loaded?.has(name) === true ? depends : [])),
  );
  // What a loaded module needs is loaded too, or no module of this kernel.
  const isBuiltIn = (name: string) =>
    builtIn.has(name) || (needed.has(name) && loaded?.has(name) === false);
  const modules = modulesOf(version, ({ name }) => !isBuiltIn(name));
  const known = new Set(KNOWN_MODULES.map(({ name }) => name));
  const unknown = drivers.flatMap(({ module }) =>
    module === null || known.has(module) ? [] : [module],
  );
  return [...modules, ...[...new Set(unknown)].map((name) => ({ name, depends: [] }))];
}
