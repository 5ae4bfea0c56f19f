/** Two lists laid over each other, so that each way between them is a list too. */
import { ReprobeError } from '../error.ts';

/** An entry of one list or of both, in an order that has the orders of both. */
export interface Merged<T> {
  readonly item: T;
  /** Which of the lists have it at this place. */
  readonly side: 'both' | 'first' | 'second';
  /** What decides whether it is there: entries with the same id change together; null for none. */
  readonly change: number | null;
}

/** One step from the first list to the second. */
export type ListChange<T> =
  | { readonly kind: 'added'; readonly item: T }
  | { readonly kind: 'removed'; readonly item: T }
  /** It stands in both, in another place. */
  | { readonly kind: 'moved'; readonly item: T }
  /** Something alike stands in its place. */
  | { readonly kind: 'replaced'; readonly item: T; readonly by: T };

export interface MergedList<T> {
  readonly entries: readonly Merged<T>[];
  readonly changes: readonly ListChange<T>[];
}

/**
 * Lays lists over each other along their longest common part. Items of equal `keyOf` are the same;
 * where an item goes and another of equal `kindOf` comes at the same place, one replaces the other.
 *
 * Cost: the product of the lengths, without what is the same at both ends.
 *
 * @throws ReprobeError TOO_LARGE where that is more than 50 million.
 */
export function mergeLists<T>(
  first: readonly T[],
  second: readonly T[],
  keyOf: (item: T) => string,
  kindOf: (item: T) => string = keyOf,
): MergedList<T> {
  const drafts = alignment(first, second, keyOf);
  const changes: ListChange<T>[] = [];
  const idOf = new Map<Draft<T>, number>();
  const pair = (gone: Draft<T>, come: Draft<T>, change: ListChange<T>): void => {
    changes.push(change);
    idOf.set(gone, changes.length - 1);
    idOf.set(come, changes.length - 1);
  };
  const isFree = (draft: Draft<T>, side: Draft<T>['side']) =>
    draft.side === side && !idOf.has(draft);
  for (const gone of drafts) {
    if (!isFree(gone, 'first')) continue;
    const key = keyOf(gone.item);
    const come = drafts.find((one) => isFree(one, 'second') && keyOf(one.item) === key);
    if (come !== undefined) pair(gone, come, { kind: 'moved', item: gone.item });
  }
  for (const gone of drafts) {
    if (!isFree(gone, 'first')) continue;
    const kind = kindOf(gone.item);
    const come = drafts.find(
      (one) => isFree(one, 'second') && one.gap === gone.gap && kindOf(one.item) === kind,
    );
    if (come !== undefined) pair(gone, come, { kind: 'replaced', item: gone.item, by: come.item });
  }
  for (const draft of drafts) {
    if (draft.side === 'both' || idOf.has(draft)) continue;
    changes.push({ kind: draft.side === 'first' ? 'removed' : 'added', item: draft.item });
    idOf.set(draft, changes.length - 1);
  }
  const entries = drafts.map((draft) => ({
    item: draft.item,
    side: draft.side,
    change: idOf.get(draft) ?? null,
  }));
  return { entries, changes };
}

/** The first list with these changes: none of them gives the first, all of them the second. */
export function listWith<T>(
  { entries }: MergedList<T>,
  changes: ReadonlySet<number>,
): readonly T[] {
  return entries.flatMap(({ item, side, change }) => {
    if (change === null) return [item];
    return changes.has(change) === (side === 'second') ? [item] : [];
  });
}

interface Draft<T> {
  readonly item: T;
  readonly side: Merged<T>['side'];
  /** How many common items stand before it. */
  readonly gap: number;
}

function alignment<T>(
  first: readonly T[],
  second: readonly T[],
  keyOf: (item: T) => string,
): readonly Draft<T>[] {
  const a = first.map(keyOf);
  const b = second.map(keyOf);
  const { start, end } = commonEnds(a, b);
  const [endA, endB] = [a.length - end, b.length - end];
  const length = commonLengths(a.slice(start, endA), b.slice(start, endB));
  const drafts: Draft<T>[] = [];
  let [i, j, gap] = [start, start, start];
  const take = (list: readonly T[], at: number, side: Draft<T>['side'], after: number) => {
    drafts.push(...list.slice(at, at + 1).map((item) => ({ item, side, gap: after })));
  };
  for (let at = 0; at < start; at += 1) take(second, at, 'both', at);
  while (i < endA || j < endB) {
    if (i < endA && j < endB && a[i] === b[j]) {
      take(second, j, 'both', gap);
      [i, j, gap] = [i + 1, j + 1, gap + 1];
    } else if (
      j >= endB ||
      (i < endA && length(i + 1 - start, j - start) >= length(i - start, j + 1 - start))
    ) {
      take(first, i, 'first', gap);
      i += 1;
    } else {
      take(second, j, 'second', gap);
      j += 1;
    }
  }
  for (let at = endB; at < b.length; at += 1) take(second, at, 'both', gap + at - endB);
  return drafts;
}

/** How many items are the same from the start, and how many of the others up to the end. */
function commonEnds(a: readonly string[], b: readonly string[]) {
  const most = Math.min(a.length, b.length);
  let start = 0;
  while (start < most && a[start] === b[start]) start += 1;
  let end = 0;
  while (end < most - start && a[a.length - 1 - end] === b[b.length - 1 - end]) end += 1;
  return { start, end };
}

/** Lists that differ in more than that are not compared: four bytes for each pair. */
const PAIRS_MAX = 50_000_000;

/** The length of the longest common part of what is left from two places on. */
function commonLengths(a: readonly string[], b: readonly string[]) {
  const width = b.length + 1;
  if (a.length * b.length > PAIRS_MAX)
    throw new ReprobeError('TOO_LARGE', 'The inputs differ in too many steps to compare them.', {
      hint: 'minimise the bad one first',
    });
  const table = new Uint32Array((a.length + 1) * width);
  for (let i = a.length - 1; i >= 0; i -= 1)
    for (let j = b.length - 1; j >= 0; j -= 1) {
      const down = table[(i + 1) * width + j] ?? 0;
      const right = table[i * width + j + 1] ?? 0;
      const both = (table[(i + 1) * width + j + 1] ?? 0) + 1;
      table[i * width + j] = a[i] === b[j] ? both : Math.max(down, right);
    }
  return (i: number, j: number): number => table[i * width + j] ?? 0;
}
