/**
 * Arbitraries written as plain code that throws dice. They shrink without further words: the throws of
 * a value are remembered, and fewer and lower throws give smaller values of the same kind.
 */
import fc from 'fast-check';
import { assert } from '../assert.ts';

/** Every method's lowest throw is the simplest answer: 0, no, the first. */
export interface Dice {
  /** 0 to n - 1, all alike. */
  below(n: number): number;
  /** Yes in so many of a hundred throws. */
  percent(chance: number): boolean;
  /** One of a list that is not empty. */
  pick<T>(list: readonly T[]): T;
  /** One by weights, which are positive integers. */
  weigh<T>(rows: readonly (readonly [weight: number, value: T])[]): T;
  /** Each of the list in so many of a hundred throws, in their order. */
  some<T>(list: readonly T[], chance: number): readonly T[];
  /** The list in another order; the lowest throws leave it as it is. */
  shuffle<T>(list: readonly T[]): T[];
}

function diceOf(below: (n: number) => number): Dice {
  const percent = (chance: number) => below(100) >= 100 - chance;
  return {
    below,
    percent,
    pick(list) {
      const one = list[below(list.length)];
      assert(one !== undefined, 'Something can be picked from a list that is not empty.');
      return one;
    },
    weigh(rows) {
      let left = below(rows.reduce((sum, [weight]) => sum + weight, 0));
      const row = rows.find(([weight]) => {
        left -= weight;
        return left < 0;
      });
      assert(row !== undefined, 'A throw is below the sum of all weights.');
      return row[1];
    },
    some: (list, chance) => list.filter(() => percent(chance)),
    shuffle(list) {
      const mixed = [...list];
      for (let i = 0; i + 1 < mixed.length; i += 1) {
        const j = i + below(mixed.length - i);
        const [one, other] = [mixed[i], mixed[j]];
        if (one !== undefined && other !== undefined) [mixed[i], mixed[j]] = [other, one];
      }
      return mixed;
    },
  };
}

/** Values made by throwing dice. `make` must depend on nothing else. */
export function drawn<T>(make: (dice: Dice) => T): fc.Arbitrary<T> {
  return new Drawn(make);
}

class Drawn<T> extends fc.Arbitrary<T> {
  private readonly make: (dice: Dice) => T;

  constructor(make: (dice: Dice) => T) {
    super();
    this.make = make;
  }

  override generate(random: fc.Random): fc.Value<T> {
    const throws: number[] = [];
    const below = (n: number): number => {
      const value = n < 2 ? 0 : random.nextInt(0, n - 1);
      throws.push(value);
      return value;
    };
    return new fc.Value(this.make(diceOf(below)), throws);
  }

  override canShrinkWithoutContext(_value: unknown): _value is T {
    return false;
  }

  override shrink(_value: T, context: unknown): fc.Stream<fc.Value<T>> {
    if (!isThrows(context)) return fc.Stream.nil();
    return fc.stream(this.smaller(context));
  }

  private *smaller(throws: readonly number[]): IterableIterator<fc.Value<T>> {
    for (const fewer of lower(throws)) yield this.replay(fewer);
  }

  /** What the throws make; missing ones are 0. */
  private replay(throws: readonly number[]): fc.Value<T> {
    const used: number[] = [];
    const below = (n: number): number => {
      const value = Math.min(throws[used.length] ?? 0, n - 1);
      used.push(value);
      return value;
    };
    return new fc.Value(this.make(diceOf(below)), withoutEnd(used));
  }
}

function isThrows(context: unknown): context is readonly number[] {
  return Array.isArray(context);
}

/** Zeros at the end are thrown anyhow. */
const withoutEnd = (throws: readonly number[]): readonly number[] =>
  throws.slice(0, throws.findLastIndex((value) => value !== 0) + 1);

/** Throws that are fewer, or of which one is lower. Cost: some two for each throw. */
function* lower(given: readonly number[]): Generator<readonly number[]> {
  const throws = withoutEnd(given);
  for (let size = throws.length; size >= 1; size = Math.floor(size / 2)) {
    for (let at = 0; at + size <= throws.length; at += size)
      yield withoutEnd([...throws.slice(0, at), ...throws.slice(at + size)]);
  }
  for (const [at, value] of throws.entries())
    for (const less of new Set([0, Math.floor(value / 2), value - 1]))
      if (less >= 0 && less < value) yield withoutEnd(throws.with(at, less));
}
