/** What a step of a task had to do with what other tasks see. */

/** How a location was used: bits of a number. */
export const READ = 1;
export const WRITE = 2;
/** Adding to a collection or taking from it, where nobody sees the order. */
export const ADD = 4;

/** Location to how it was used. Locations are numbers that a recorder gives. */
export type Footprint = ReadonlyMap<number, number>;

/** Do two uses of one location depend on their order? Not two that read, nor two that add. */
function clash(one: number, other: number): boolean {
  const both = one | other;
  return both !== READ && both !== ADD;
}

/**
 * May the order of two steps matter? If not, each leaves what the other does, and whether it can, as it
 * is. Cost: linear in the smaller of the two.
 */
export function areDependent(one: Footprint, other: Footprint): boolean {
  const [small, large] = one.size < other.size ? [one, other] : [other, one];
  for (const [location, use] of small) {
    const met = large.get(location);
    if (met !== undefined && clash(use, met)) return true;
  }
  return false;
}
