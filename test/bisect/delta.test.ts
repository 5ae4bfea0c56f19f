import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { smallestEnough } from '../../src/bisect/delta.ts';

const range = (n: number) => Array.from({ length: n }, (_, i) => i);

describe('smallestEnough', () => {
  it('finds the one that is enough', async () => {
    expect(await smallestEnough(range(9), async (part) => part.includes(7))).toEqual([7]);
  });

  it('finds two that are enough together only', async () => {
    const both = async (part: readonly number[]) => part.includes(2) && part.includes(8);
    expect(await smallestEnough(range(9), both)).toEqual([2, 8]);
  });

  it('finds a part that is enough and of which nothing can be spared', async () => {
    const property = fc.asyncProperty(
      fc.integer({ min: 1, max: 60 }).chain((n) =>
        fc.record({
          n: fc.constant(n),
          // Any of these sets is enough, unless something of the other one is there without it.
          sets: fc.array(fc.uniqueArray(fc.nat(n - 1), { minLength: 1, maxLength: 6 }), {
            minLength: 1,
            maxLength: 3,
          }),
        }),
      ),
      async ({ n, sets }) => {
        const isEnough = (part: readonly number[]) =>
          sets.some((set) => set.every((one) => part.includes(one)));
        let calls = 0;
        const found = await smallestEnough(range(n), async (part) => {
          calls += 1;
          return isEnough(part);
        });
        expect(isEnough(found)).toBe(true);
        for (const one of found)
          expect(isEnough(found.filter((other) => other !== one))).toBe(false);
        expect([...found].sort((a, b) => a - b)).toEqual(found);
        const least = Math.min(...sets.map((set) => set.length));
        if (least === 1) expect(found).toHaveLength(1);
        if (least === 2 && n <= 24) expect(found).toHaveLength(2);
        expect(calls).toBeLessThanOrEqual(n + 300 + n * n);
      },
    );
    await fc.assert(property, { numRuns: 200 });
  });

  it('asks about no part twice', async () => {
    const asked = new Set<string>();
    await smallestEnough(range(30), async (part) => {
      expect(asked.has(part.join())).toBe(false);
      asked.add(part.join());
      return part.length > 5;
    });
  });
});
