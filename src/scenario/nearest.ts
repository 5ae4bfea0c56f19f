/** The word that someone who wrote another one probably meant. */

/** Longer words are not compared: nobody mistypes a name of that length, and it costs its square. */
const LENGTH_MAX = 64;

/**
 * The first of `words` with the fewest edits to `word`, or null when even that one needs more than a
 * third of its letters changed. Cost: the lengths of both, times the number of words.
 */
export function nearest(word: string, words: Iterable<string>): string | null {
  if (word.length > LENGTH_MAX) return null;
  let best: string | null = null;
  let fewest = Math.max(1, Math.floor(word.length / 3)) + 1;
  for (const other of words) {
    if (other.length > LENGTH_MAX) continue;
    const edits = distance(word.toLowerCase(), other.toLowerCase());
    if (edits < fewest) [best, fewest] = [other, edits];
  }
  return best;
}

/** All words, those with the fewest edits to `word` first. Cost: as `nearest`. */
export function byNearness(word: string, words: Iterable<string>): readonly string[] {
  const of = (other: string): number =>
    Math.max(word.length, other.length) > LENGTH_MAX
      ? LENGTH_MAX
      : distance(word.toLowerCase(), other.toLowerCase());
  return [...words].toSorted((a, b) => of(a) - of(b));
}

/** Insertions, deletions, substitutions and swaps of neighbours that make `a` into `b`. */
function distance(a: string, b: string): number {
  let beforeLast: number[] = [];
  let last = Array.from({ length: b.length + 1 }, (_, j) => j);
  for (let i = 1; i <= a.length; i++) {
    const row = [i];
    for (let j = 1; j <= b.length; j++) {
      const same = a[i - 1] === b[j - 1] ? 0 : 1;
      const edit = Math.min(at(last, j) + 1, at(row, j - 1) + 1, at(last, j - 1) + same);
      const isSwap = i > 1 && j > 1 && a[i - 1] === b[j - 2] && a[i - 2] === b[j - 1];
      row.push(isSwap ? Math.min(edit, at(beforeLast, j - 2) + 1) : edit);
    }
    [beforeLast, last] = [last, row];
  }
  return at(last, b.length);
}

function at(row: readonly number[], j: number): number {
  return row[j] ?? Number.POSITIVE_INFINITY;
}
