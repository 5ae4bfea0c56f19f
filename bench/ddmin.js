// The yardstick: delta debugging as first published (Zeller and Hildebrandt 2002), over the same parts
// and with the same oracle as the minimiser, and nothing known of either.

/**
 * @param pieces attempt, allParts and without of the minimiser, of src or of dist
 * @returns calls of the oracle, each set of parts counted once, and how many parts are left; stops
 * behind `callsMax`
 */
export function ddmin(pieces, draft, wanted, callsMax) {
  const { attempt, allParts, without } = pieces;
  const parts = allParts(draft);
  const known = new Map();
  let calls = 0;
  const breaks = (kept) => {
    const key = kept.join();
    const old = known.get(key);
    if (old !== undefined) return old;
    const keep = new Set(kept);
    const less = without(
      draft,
      parts.filter((_, i) => !keep.has(i)),
    );
    if (less !== null) calls += 1;
    const does = less !== null && attempt(less, wanted) !== null;
    known.set(key, does);
    return does;
  };
  let kept = parts.map((_, i) => i);
  let n = 2;
  while (kept.length >= 2 && calls <= callsMax) {
    const size = Math.ceil(kept.length / n);
    const chunks = [];
    for (let at = 0; at < kept.length; at += size) chunks.push(kept.slice(at, at + size));
    const subset = chunks.find((chunk) => calls <= callsMax && breaks(chunk));
    if (subset !== undefined) {
      kept = subset;
      n = 2;
      continue;
    }
    const complements = chunks.map((chunk) => kept.filter((i) => !chunk.includes(i)));
    const less = n === 2 ? undefined : complements.find((c) => calls <= callsMax && breaks(c));
    if (less !== undefined) {
      kept = less;
      n = Math.max(n - 1, 2);
    } else if (n >= kept.length) break;
    else n = Math.min(kept.length, n * 2);
  }
  return { calls, left: kept.length, parts: parts.length };
}
