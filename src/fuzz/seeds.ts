/** Seeds: one for a campaign, one of each of its runs, and numbers that come from a seed alone. */
import { assert } from '../assert.ts';

/** Every seed of a campaign is below: a number that JSON and people carry about unharmed. */
export const SEED_MAX = 2 ** 32;

/** A number whose every bit depends on every bit of the given one. Source: MurmurHash3's finaliser. */
function mix(value: number): number {
  let z = value | 0;
  z = Math.imul(z ^ (z >>> 16), 0x85ebca6b);
  z = Math.imul(z ^ (z >>> 13), 0xc2b2ae35);
  return (z ^ (z >>> 16)) >>> 0;
}

/**
 * The seed of a run: 52 bits, so that runs of one campaign have different ones.
 *
 * @param run below 2^53.
 */
export function seedOfRun(campaign: number, run: number): number {
  const high = Math.floor(run / SEED_MAX);
  const one = mix(mix(campaign + 0x9e3779b9) ^ mix(run >>> 0) ^ mix(high + 0x51ed270b));
  const other = mix(Math.imul(one ^ 0x2545f491, 0x9e3779b1) + (run >>> 0));
  return (one & 0xfffff) * SEED_MAX + other;
}

/** Throws that depend on the seed alone. */
export interface Throws {
  /** 0 to n - 1, all alike. */
  below(n: number): number;
  /** Yes in so many of a hundred throws. */
  percent(chance: number): boolean;
  /** One of a list that is not empty. */
  pick<T>(list: readonly T[]): T;
}

/** Source: sfc32, Chris Doty-Humphrey's small fast counting generator. */
export function throwsOf(seed: number): Throws {
  let a = mix(seed >>> 0);
  let b = mix(Math.floor(seed / SEED_MAX) ^ a);
  let c = mix(a ^ b);
  let counter = 1;
  const next = (): number => {
    const sum = (((a + b) | 0) + counter) | 0;
    counter = (counter + 1) | 0;
    a = b ^ (b >>> 9);
    b = (c + (c << 3)) | 0;
    c = (((c << 21) | (c >>> 11)) + sum) | 0;
    return sum >>> 0;
  };
  for (let i = 0; i < 12; i += 1) next();
  const below = (n: number): number => (n < 2 ? 0 : Math.floor((next() / SEED_MAX) * n));
  return {
    below,
    percent: (chance) => below(100) < chance,
    pick(list) {
      const one = list[below(list.length)];
      assert(one !== undefined, 'something can be picked from a list that is not empty');
      return one;
    },
  };
}
