/** Which of several VT-d units each function is behind, as far as the order of joins tells. */
import type { Evidence } from './evidence.ts';

/**
 * Function to unit. Each unit scans the bus as it registers, so joins that come in the order of
 * functions are of one unit, and where that order begins anew, of the next one. The last unit has all
 * functions that no other claims: firmware lists it last.
 */
export function vtdUnits({
  iommus,
  joins,
  functions,
}: Pick<Evidence, 'iommus' | 'joins' | 'functions'>): ReadonlyMap<string, string> {
  const units = iommus.filter(({ kind }) => kind === 'intel').map(({ dev }) => dev);
  const rest = units.at(-1);
  if (rest === undefined || units.length < 2) return new Map();
  const place = new Map(functions.map(({ dev }, i) => [dev, i]));
  const runs: string[][] = [];
  let last = Number.POSITIVE_INFINITY;
  const seen = new Set<string>();
  for (const { dev, prefix } of joins) {
    const at = place.get(dev);
    if (prefix !== 'pci' || at === undefined || seen.has(dev)) continue;
    seen.add(dev);
    if (at < last) runs.push([]);
    runs.at(-1)?.push(dev);
    last = at;
  }
  const isPlain = runs.length <= units.length;
  return new Map(
    runs.flatMap((run, i) => {
      const unit = isPlain && i < runs.length - 1 ? (units[i] ?? rest) : rest;
      return run.map((dev) => [dev, unit] as const);
    }),
  );
}
