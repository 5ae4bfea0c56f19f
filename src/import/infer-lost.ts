/** Lines of which a console lost so much that nothing is recognised, told by what is missing. */
import type { Evidence, SeenFunction, SeenJoin } from './evidence.ts';

/**
 * The joins of groups whose numbers the log passes over: numbers are given in order, so a function
 * that was found between those whose groups are the next ones has the one that is missing. Only where
 * the IOMMU found all functions at once, which it did where most of them joined as functions of their bus.
 */
export function lostJoins(
  { joins }: Evidence,
  functions: readonly SeenFunction[],
): readonly SeenJoin[] {
  const place = new Map(functions.map(({ dev }, i) => [dev, i]));
  const joined = new Set(joins.map(({ dev }) => dev));
  const found: SeenJoin[] = [];
  let last = -1;
  let at = -1;
  for (const { dev, group, prefix, line } of joins) {
    const here = prefix === 'pci' ? place.get(dev) : undefined;
    const between =
      here === undefined
        ? []
        : functions.slice(at + 1, here).filter((seen) => !joined.has(seen.dev));
    for (let lost = last + 1; lost < group; lost += 1) {
      const seen = between.shift();
      if (seen !== undefined) found.push({ dev: seen.dev, group: lost, prefix, line });
    }
    last = Math.max(last, group);
    at = here ?? at;
  }
  return found;
}
