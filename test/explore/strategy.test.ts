import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { TaskView } from '../../src/engine/scheduling.ts';
import { createDice } from '../../src/explore/dice.ts';
import { chooserOf, describeStrategy, parseStrategy } from '../../src/explore/strategy.ts';

const tasks = (...names: string[]): TaskView[] => names.map((name) => ({ name, at: null }));

describe('a strategy', () => {
  it.each([
    ['random', { kind: 'random' }],
    ['pct', { kind: 'pct', depth: 3 }],
    ['pct:d=1', { kind: 'pct', depth: 1 }],
    ['dfs', { kind: 'dfs', bound: null }],
    ['dfs:bound=0', { kind: 'dfs', bound: 0 }],
    ['por', { kind: 'por' }],
  ])('is read from %s', (text, spec) => {
    expect(parseStrategy(text)).toEqual(spec);
    expect(parseStrategy(describeStrategy(parseStrategy(text)))).toEqual(spec);
  });

  it.each([
    ...['', 'Random', 'pct:', 'pct:3', 'pct:d=0', 'pct:d=x', 'pct:bound=2', 'dfs:bound=-1'],
    ...['dfs:bound=2=3', 'dfs:bound=1:2', 'por:bound=2', 'random:', 'dfs:bound=02', 'pct:d=1e9'],
  ])('is not %j', (text) => {
    expect(() => parseStrategy(text)).toThrow(
      expect.objectContaining({ code: 'USAGE', hint: expect.anything() }),
    );
  });
});

describe('dice', () => {
  it('fall evenly, and the same again for the same seed', () => {
    const property = fc.property(fc.integer(), fc.integer({ min: 2, max: 9 }), (seed, sides) => {
      const [dice, again] = [createDice(seed), createDice(seed)];
      const counts = new Array<number>(sides).fill(0);
      for (let i = 0; i < 900 * sides; i += 1) {
        const face = dice(sides);
        expect(again(sides)).toBe(face);
        counts[face] = (counts[face] ?? 0) + 1;
      }
      // Six standard deviations of a count with a mean of 900.
      for (const count of counts) expect(Math.abs(count - 900)).toBeLessThan(180);
    });
    fc.assert(property, { numRuns: 50 });
  });
});

describe('PCT', () => {
  it('lets one task go on as long as it can, without change points', () => {
    for (let seed = 0; seed < 20; seed += 1) {
      const choose = chooserOf({ kind: 'pct', depth: 1 }, seed);
      const first = tasks('a', 'b', 'c')[choose(tasks('a', 'b', 'c'))]?.name ?? '';
      const others = ['a', 'b', 'c'].filter((name) => name !== first);
      for (let i = 0; i < 10; i += 1) expect(choose(tasks(...others, first))).toBe(2);
    }
  });

  it('lets the task fall behind at a change point, and no more often than there are such', () => {
    const property = fc.property(fc.integer(), fc.integer({ min: 1, max: 4 }), (seed, depth) => {
      const choose = chooserOf({ kind: 'pct', depth }, seed, 30);
      const names = Array.from({ length: 30 }, () => choose(tasks('a', 'b', 'c')));
      const switches = names.filter((name, i) => i > 0 && name !== names[i - 1]).length;
      expect(switches).toBeLessThanOrEqual(depth - 1);
    });
    fc.assert(property);
    const changed = Array.from({ length: 50 }, (_, seed) => {
      const choose = chooserOf({ kind: 'pct', depth: 2 }, seed, 30);
      return new Set(Array.from({ length: 30 }, () => choose(tasks('a', 'b')))).size;
    });
    expect(changed.filter((size) => size === 2).length).toBeGreaterThan(40);
  });

  /**
   * One task has 20 steps, of which the fifth is the wrong moment for the other to run whole: a bug
   * of depth 2. The bound promises 1 in 2 × 20.
   */
  it('meets a bug at least as often as its bound promises', () => {
    let met = 0;
    const runs = 4000;
    for (let seed = 0; seed < runs; seed += 1) {
      const choose = chooserOf({ kind: 'pct', depth: 2 }, seed, 20);
      let steps = 0;
      while (steps < 20 && choose(tasks('long', 'short')) === 0) steps += 1;
      if (steps === 5) met += 1;
    }
    expect(met / runs).toBeGreaterThan(1 / 40 - 0.005);
  });
});
