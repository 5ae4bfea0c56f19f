// Goal: dice throw what they say, and a value shrinks to the least one that still fails. Method: bounds
// and shares by many throws; counterexamples of claims whose least one is known.
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { type Dice, drawn } from '../../src/fuzz/drawn.ts';
import { randomOf } from '../../src/fuzz/random.ts';

const sample = <T>(make: (dice: Dice) => T, seeds: number): readonly T[] =>
  Array.from({ length: seeds }, (_, seed) => drawn(make).generate(randomOf(seed), undefined).value);

/** The least value for which the claim is not so. */
function leastOf<T>(make: (dice: Dice) => T, holds: (value: T) => boolean): T | undefined {
  const property = fc.property(drawn(make), holds);
  return fc.check(property, { numRuns: 1000, seed: 7 }).counterexample?.[0];
}

describe('dice', () => {
  it('throw each number below n about as often', () => {
    const thrown = sample((dice) => dice.below(4), 4000);
    for (const n of [0, 1, 2, 3])
      expect(Math.abs(thrown.filter((value) => value === n).length - 1000)).toBeLessThan(150);
  });

  it('say yes in so many of a hundred throws, and weigh', () => {
    const yes = sample((dice) => dice.percent(20), 4000).filter(Boolean);
    expect(Math.abs(yes.length - 800)).toBeLessThan(150);
    const rows = [
      [1, 'a'],
      [3, 'b'],
      [0, 'c'],
    ] as const;
    const weighed = sample((dice) => dice.weigh<string>(rows), 4000);
    expect(Math.abs(weighed.filter((word) => word === 'b').length - 3000)).toBeLessThan(150);
    expect(weighed).not.toContain('c');
  });

  it('shuffle into every order', () => {
    const orders = sample((dice) => dice.shuffle([1, 2, 3]).join(), 200);
    expect(new Set(orders).size).toBe(6);
  });
});

describe('a drawn value shrinks', () => {
  const someNumbers = (dice: Dice) =>
    Array.from({ length: dice.below(20) }, () => dice.below(1000));

  it('to the shortest list and the least number in it', () => {
    const found = leastOf(someNumbers, (list) => list.every((one) => one < 137));
    expect(found).toEqual([137]);
  });

  it('to the order that was given, but for one exchange', () => {
    const given = [1, 2, 3, 4, 5];
    const found = leastOf(
      (dice) => dice.shuffle(given),
      (list) => list.indexOf(4) >= list.indexOf(3),
    );
    expect(found?.filter((one, i) => one !== given[i])).toHaveLength(2);
  });
});
