/**
 * ACS from groups. A log does not print ACS, but where a device and a bridge above it are in
 * different groups something isolates them, and where they share one nothing does.
 */
import type { Evidence } from './evidence.ts';

/** What the groups of a log say about one function. */
export interface AcsView {
  /** Is ACS on at this bridge or function, as far as the groups need it? */
  isolates(dev: string): boolean;
}

/**
 * Reads isolation out of the last group of each device. What no group speaks about counts as
 * isolating, so that nothing is merged without evidence.
 */
export function inferAcs(
  evidence: Evidence,
  above: (dev: string) => readonly string[],
  inSlot: (dev: string) => readonly string[],
): AcsView {
  const groups = new Map(evidence.joins.map(({ dev, group }) => [dev, group]));
  const shared = new Set<string>();
  for (const [dev, group] of groups) {
    for (const bridge of above(dev)) if (groups.get(bridge) === group) shared.add(bridge);
    for (const other of inSlot(dev))
      if (other !== dev && groups.get(other) === group) shared.add(dev);
  }
  return { isolates: (dev) => !shared.has(dev) };
}
