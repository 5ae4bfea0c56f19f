/**
 * Which devices waited for their IOMMU. A log shows a wait only by its end: a line that gives the
 * IOMMU up, or a group that is joined once the IOMMU is there.
 */
import { ETIMEDOUT } from '../model/errno.ts';
import { parseCmdline } from '../model/versions/profile.ts';
import { type Evidence, isPciName, type SeenPair } from './evidence.ts';
import { vtdUnits } from './infer-vtd-units.ts';

/** The IOMMU of devices that gave one up of which the log says nothing. */
export const UNNAMED_IOMMU = 'unnamed-iommu';

/** A device of firmware that is an IOMMU by its name. */
const IOMMU_NODE = /^[0-9a-f]+\.(?:iommu|smmu\w*)$/;

/** What firmware says of IOMMUs, as far as the log shows that it says it. */
export interface Waits {
  /** The IOMMU that firmware names for the device; null for none. */
  readonly iommuOf: (dev: string) => string | null;
  /** Some device gave up an IOMMU that the log does not name. */
  readonly hasUnnamed: boolean;
  /** Had the driver registered before its first line, because the device waited until then? */
  readonly endsWait: (pair: SeenPair) => boolean;
}

/**
 * Reads the waits out of the evidence.
 *
 * A device that gives its IOMMU up goes on, and that one appears later in the log, or is among the
 * devices that wait still, or does not show. What a platform device gives up can be a power domain
 * or pins too: its probe then fails.
 */
export function inferWaits(evidence: Evidence): Waits {
  const { iommus, joins, sharing, ignored, pending, behind, userspaceLine } = evidence;
  // One that is refused for its stream has an IOMMU too: its driver fails or goes on without a group.
  const joined = new Set([...joins, ...sharing].map(({ dev }) => dev));
  const gaveUp = new Map<string, number>();
  for (const { dev, line } of ignored)
    if (!gaveUp.has(dev) && (isPciName(dev) || !timedOut(evidence, dev))) gaveUp.set(dev, line);

  const units = vtdUnits(evidence);
  const nameless = pending.find(({ dev }) => IOMMU_NODE.test(dev))?.dev ?? UNNAMED_IOMMU;
  const iommuOf = (dev: string): string | null => {
    const given = gaveUp.get(dev);
    const later = given === undefined ? undefined : iommus.find(({ line }) => line > given);
    if (later !== undefined) return later.dev;
    if (joined.has(dev)) return behind[dev] ?? units.get(dev) ?? iommus[0]?.dev ?? null;
    return given === undefined ? null : nameless;
  };
  const isLate = (name: string | null): boolean => {
    const line = iommus.find(({ dev }) => dev === name)?.line ?? Number.POSITIVE_INFINITY;
    return userspaceLine !== null && line > userspaceLine;
  };
  const given = parseCmdline(evidence.cmdline ?? '').get('fw_devlink.strict');
  const strict = /^(?:1|y|on|true)$/i.test(given ?? '');
  const waitingHosts = new Set(
    strict
      ? Object.entries(evidence.hosts).flatMap(([bus, host]) => {
          const below = [...gaveUp.keys(), ...joined].filter((dev) =>
            dev.startsWith(bus.slice(0, 4)),
          );
          return below.some((dev) => isLate(iommuOf(dev))) ? [host] : [];
        })
      : [],
  );
  const endsWait = ({ dev, line }: SeenPair): boolean => {
    if (waitingHosts.has(dev)) return true;
    if (ignored.some((seen) => seen.dev === dev && seen.line === line)) return true;
    if (pending.some((seen) => seen.line === line)) return true;
    const first = joins.find((join) => join.dev === dev);
    return first?.line === line && isLate(iommuOf(dev));
  };
  const hasUnnamed = [...gaveUp.keys()].some((dev) => iommuOf(dev) === UNNAMED_IOMMU);
  return { iommuOf, hasUnnamed, endsWait };
}

/** A probe of the device failed because what it waited for did not come. */
function timedOut(evidence: Evidence, dev: string): boolean {
  return Object.entries(evidence.results).some(
    ([key, errors]) => key.endsWith(` ${dev}`) && errors.includes(-ETIMEDOUT),
  );
}
