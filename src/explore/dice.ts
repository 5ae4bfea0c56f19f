/** A small generator of numbers by chance, from a seed: the same seed gives the same numbers. */

/** Gives an integer from 0 to `below` - 1. */
export type Dice = (below: number) => number;

/**
 * Dice from a seed, of which the lower 32 bits count. Splitmix32: a counter, mixed; every seed gives a
 * sequence of 2^32 words. Cost: a few multiplications a throw; the bias is below 2^-20 for `below` up
 * to 4096.
 */
export function createDice(seed: number): Dice {
  let counter = seed | 0;
  return (below) => {
    counter = (counter + 0x9e3779b9) | 0;
    let word = counter ^ (counter >>> 16);
    word = Math.imul(word, 0x21f0aaad);
    word ^= word >>> 15;
    word = Math.imul(word, 0x735a2d97);
    word ^= word >>> 15;
    return Math.floor(((word >>> 0) / 0x1_0000_0000) * below);
  };
}
