/** The boot behind a log: in which order built-in drivers register, and which devices appear late. */
import { type BootStep, type DriverSpec, isX86Iommu } from '../events/machine.ts';
import { LATE_MARK, LINK_ORDER } from '../model/firmware/link-order.ts';
import type { Evidence } from './evidence.ts';

const RANKS: ReadonlyMap<string, number> = new Map(LINK_ORDER.map((key, i) => [key, i]));

interface Ranked {
  readonly driver: DriverSpec;
  readonly at: number;
}

/** Devices that are not there when the devices of firmware come into being. */
export interface LateDevices {
  /** Built-in driver to the devices that appear when it has registered. */
  readonly after: ReadonlyMap<string, readonly string[]>;
  /** Those that appear while user space runs. */
  readonly atRuntime: ReadonlySet<string>;
}

/** Devices first, then built-in drivers, those of late_initcall behind its mark. */
export function bootOf(
  evidence: Evidence,
  drivers: readonly DriverSpec[],
  late: LateDevices,
): readonly BootStep[] {
  const end = RANKS.get(LATE_MARK) ?? LINK_ORDER.length;
  const builtIn = drivers.filter(({ module }) => module === null);
  const ranked = asSeen(evidence, inLinkOrder(builtIn));
  const stepsOf = (some: readonly Ranked[]): readonly BootStep[] =>
    some.flatMap(({ driver: { bus, name } }) => [
      { step: 'driver', bus, drv: name },
      ...(late.after.get(name) ?? []).map((dev) => ({ step: 'device', dev }) as const),
    ]);
  const x86 = evidence.iommus.filter(({ kind }) => isX86Iommu(kind));
  return [
    { step: 'populate' },
    ...x86.map(({ dev }) => ({ step: 'iommu', iommu: dev }) as const),
    ...stepsOf(ranked.filter(({ at }) => at <= end)),
    { step: 'late_initcall' },
    ...stepsOf(ranked.filter(({ at }) => at > end)),
  ];
}

/**
 * Drivers in link order. One that the link order does not know keeps its place in the log, behind the
 * last driver before it that it does know.
 */
function inLinkOrder(drivers: readonly DriverSpec[]): readonly Ranked[] {
  let last = 0;
  return drivers
    .map((driver) => {
      const known = RANKS.get(`${driver.bus}:${driver.name}`);
      if (known !== undefined) last = Math.max(last, known);
      return { driver, at: known ?? last };
    })
    .sort((a, b) => a.at - b.at);
}

/**
 * Drivers whose devices joined groups, and those of the IOMMUs, change places among themselves so
 * that they stand in the order in which the log shows them at that: which driver comes first there
 * decides the numbers of groups, and kernels differ in it from any list.
 */
function asSeen(evidence: Evidence, ranked: readonly Ranked[]): readonly Ranked[] {
  const seen = firstJoins(evidence);
  const lineOf = ({ driver: { name } }: Ranked): number | undefined => seen.get(name);
  const shown = ranked
    .filter((one) => lineOf(one) !== undefined)
    .sort((a, b) => (lineOf(a) ?? 0) - (lineOf(b) ?? 0));
  let next = 0;
  return ranked.map((one) => {
    if (lineOf(one) === undefined) return one;
    const driver = shown[next]?.driver ?? one.driver;
    next += 1;
    return { driver, at: one.at };
  });
}

/** Driver to the first line in which it has a device join a group, or is an IOMMU's. */
function firstJoins({ joins, iommus, pairs }: Evidence): ReadonlyMap<string, number> {
  const first = new Map<string, number>();
  const note = (name: string, line: number): void => {
    if (line < (first.get(name) ?? Number.POSITIVE_INFINITY)) first.set(name, line);
  };
  for (const { prefix, line } of joins) if (prefix !== null) note(prefix, line);
  const units = new Set(iommus.map(({ dev }) => dev));
  for (const { dev, drv, line } of pairs) if (units.has(dev)) note(drv, line);
  return first;
}

/**
 * The devices that appear late. A driver probes all its devices as it registers, so one that joins its
 * group only after another driver came was not there yet, unless an earlier line speaks of it. What it
 * waited for the log does not say.
 */
export function lateDevices(
  { joins, pairs, buses, userspaceLine }: Evidence,
  drivers: readonly DriverSpec[],
): LateDevices {
  const seen = new Map<string, number>();
  for (const { dev, line } of pairs) if (!seen.has(dev)) seen.set(dev, line);
  const builtIn = new Set(drivers.flatMap(({ name, module }) => (module === null ? name : [])));
  const after = new Map<string, string[]>();
  const atRuntime = new Set<string>();
  const begun = new Set<string>();
  const joined = new Set<string>();
  let last = '';
  for (const { dev, prefix: drv, line } of joins) {
    if (drv === null || !drivers.some(({ name }) => name === drv) || joined.has(dev)) continue;
    joined.add(dev);
    const isFirm = buses[dev] === 'platform' && seen.get(dev) === line;
    if (begun.has(drv) && last !== drv && isFirm) {
      if (userspaceLine !== null && line > userspaceLine) atRuntime.add(dev);
      else if (builtIn.has(last)) after.set(last, [...(after.get(last) ?? []), dev]);
      continue;
    }
    begun.add(drv);
    last = drv;
  }
  return { after, atRuntime };
}
