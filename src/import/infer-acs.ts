/**
 * ACS from groups. A log does not print ACS, but where a device and a bridge above it are in
 * different groups something isolates them, and where they share one nothing does.
 */
import type { Evidence } from './evidence.ts';

/** What the groups of a log say about one function. */
export interface AcsView {
  /** Is ACS on at this bridge or function in the end, as far as the groups need it? */
  isolates(dev: string): boolean;
  /** Was it on when the device was found at first? */
  isolatedAtBoot(dev: string): boolean;
}

/**
 * Reads isolation out of the first and the last group of each device. What no group speaks about
 * counts as isolating, so that nothing is merged without evidence.
 *
 * The two differ where the kernel asks for ACS when the first device is configured, as with a
 * devicetree: what was found before has it off until it is found again.
 */
export function inferAcs(
  evidence: Evidence,
  above: (dev: string) => readonly string[],
  inSlot: (dev: string) => readonly string[],
): AcsView {
  const groups = (joins: Evidence['joins']) => new Map(joins.map(({ dev, group }) => [dev, group]));
  const last = sharing(groups(evidence.joins), above, inSlot);
  const first = sharing(groups(evidence.joins.toReversed()), above, inSlot);
  return { isolates: (dev) => !last.has(dev), isolatedAtBoot: (dev) => !first.has(dev) };
}

/** The bridges and functions that share a group with what ACS would isolate from them. */
function sharing(
  groups: ReadonlyMap<string, number>,
  above: (dev: string) => readonly string[],
  inSlot: (dev: string) => readonly string[],
): ReadonlySet<string> {
  const shared = new Set<string>();
  for (const [dev, group] of groups) {
    for (const bridge of above(dev)) if (groups.get(bridge) === group) shared.add(bridge);
    for (const other of inSlot(dev))
      if (other !== dev && groups.get(other) === group) shared.add(dev);
  }
  return shared;
}
