/** What steps may come from a state on, kept small: kinds of steps by number, sets of them as bits. */
import type { Footprint } from './footprint.ts';
import { addTerm, keyOf } from './hash.ts';
import type { Step } from './past.ts';

/** Steps of one task that use the same locations the same way. */
export interface Kind {
  readonly task: number;
  /** Without the locks. */
  readonly footprint: Footprint;
  readonly took: number | null;
}

/** A set of kinds. */
export type Future = Uint32Array;

export interface Futures {
  /** The number of the kind that a step is of. */
  kindOf(step: Pick<Step, 'task' | 'footprint' | 'took' | 'gave'>): number;
  kindsIn(future: Future): Iterable<Kind>;
}

export const NO_FUTURE: Future = new Uint32Array(0);

export function createFutures(): Futures {
  const kinds: Kind[] = [];
  const numbers = new Map<number, number>();
  return {
    kindOf({ task, footprint, took, gave }) {
      const sum = { high: 0, low: 0 };
      addTerm(sum, 1, -1 - task, took ?? -1);
      for (const [location, use] of footprint) addTerm(sum, 1, location, use);
      const key = keyOf(sum);
      let number = numbers.get(key);
      if (number === undefined) {
        const own = new Map(footprint);
        for (const lock of [took, gave]) if (lock !== null) own.delete(lock);
        number = kinds.push({ task, footprint: own, took }) - 1;
        numbers.set(key, number);
      }
      return number;
    },
    *kindsIn(future) {
      for (const [word, bits] of future.entries()) {
        for (let left = bits; left !== 0; left &= left - 1) {
          const kind = kinds[word * 32 + 31 - Math.clz32(left & -left)];
          if (kind !== undefined) yield kind;
        }
      }
    },
  };
}

/** The future with a kind in it: the same one where it is in it already. */
export function withKind(future: Future, kind: number): Future {
  const word = kind >>> 5;
  const bit = 1 << (kind & 31);
  if (((future[word] ?? 0) & bit) !== 0) return future;
  const wider = new Uint32Array(Math.max(future.length, word + 1));
  wider.set(future);
  wider[word] = (wider[word] ?? 0) | bit;
  return wider;
}

export function union(one: Future, other: Future): Future {
  const [small, large] = one.length < other.length ? [one, other] : [other, one];
  let joint: Future | null = null;
  for (const [word, bits] of small.entries()) {
    const there = large[word] ?? 0;
    if ((bits & ~there) === 0) continue;
    joint ??= large.slice();
    joint[word] = there | bits;
  }
  return joint ?? large;
}
