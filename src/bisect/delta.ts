/** Delta debugging: the smallest part of a set that is enough. */

/** Is this part of the set enough? What it cannot tell counts as no. */
export type IsEnough<T> = (part: readonly T[]) => Promise<boolean>;

/** Pairs are tried one by one up to that many. */
const PAIRS_MAX = 300;

/**
 * A part of the items that is enough while nothing can be left out of it: 1-minimal, in the items'
 * order. Where one item alone is enough, or two are and there are few pairs, it is the smallest one.
 *
 * The set as a whole must be enough, and nothing must not be; what does not follow from that is not
 * assumed, so the answer also holds where items undo each other.
 *
 * Cost: with n items, n calls, n²/2 more where pairs are tried, and at most O(n²) of ddmin; usually
 * O(m log n) for an answer of m items. The same part is asked about once.
 */
export async function smallestEnough<T>(
  items: readonly T[],
  isEnough: IsEnough<T>,
): Promise<readonly T[]> {
  const ask = remembering(items, isEnough);
  const all = items.map((_, i) => i);
  const few = (await firstAlone(all, ask)) ?? (await firstPair(all, ask));
  const least = few ?? (await minimised(all, ask));
  return least.flatMap((i) => items.slice(i, i + 1));
}

type Ask = (part: readonly number[]) => Promise<boolean>;

function remembering<T>(items: readonly T[], isEnough: IsEnough<T>): Ask {
  const known = new Map<string, Promise<boolean>>();
  return (part) => {
    const key = part.join();
    let answer = known.get(key);
    if (answer === undefined) {
      answer = isEnough(part.flatMap((i) => items.slice(i, i + 1)));
      known.set(key, answer);
    }
    return answer;
  };
}

async function firstAlone(all: readonly number[], ask: Ask): Promise<readonly number[] | null> {
  for (const i of all) if (await ask([i])) return [i];
  return null;
}

async function firstPair(all: readonly number[], ask: Ask): Promise<readonly number[] | null> {
  if ((all.length * (all.length - 1)) / 2 > PAIRS_MAX) return null;
  for (const i of all) for (const j of all.slice(i + 1)) if (await ask([i, j])) return [i, j];
  return null;
}

/** ddmin: parts and complements of finer and finer divisions, until nothing can be left out. */
async function minimised(all: readonly number[], ask: Ask): Promise<readonly number[]> {
  let left = all;
  let pieces = 2;
  while (left.length >= 2) {
    const smaller = await reduced(left, pieces, ask);
    if (smaller !== null) {
      left = smaller.part;
      pieces = Math.max(2, Math.min(smaller.pieces, left.length));
    } else if (pieces < left.length) pieces = Math.min(left.length, pieces * 2);
    else break;
  }
  return left;
}

async function reduced(left: readonly number[], pieces: number, ask: Ask) {
  const parts = divided(left, pieces);
  for (const part of parts) if (await ask(part)) return { part, pieces: 2 };
  if (pieces === 2) return null;
  for (const part of parts) {
    const rest = left.filter((i) => !part.includes(i));
    if (await ask(rest)) return { part: rest, pieces: pieces - 1 };
  }
  return null;
}

function divided(left: readonly number[], pieces: number): readonly (readonly number[])[] {
  return Array.from({ length: pieces }, (_, i) =>
    left.slice(
      Math.floor((i * left.length) / pieces),
      Math.floor(((i + 1) * left.length) / pieces),
    ),
  ).filter((part) => part.length > 0);
}
