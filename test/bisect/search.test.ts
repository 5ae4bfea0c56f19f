import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { searchPrefixes, type Verdict } from '../../src/bisect/search.ts';

/** A check that is bad from `bad` events on. */
function from(bad: number): (count: number) => Promise<Verdict> {
  return async (count) => (count >= bad ? 'bad' : 'good');
}

describe('searchPrefixes', () => {
  it('finds the event after which the check is bad', async () => {
    const outcome = await searchPrefixes(100, { judge: from(43) });
    expect(outcome).toMatchObject({ kind: 'found', event: 42, lastGood: 41 });
  });

  it('says when the check is good throughout, or bad from the start', async () => {
    expect(await searchPrefixes(100, { judge: from(101) })).toMatchObject({ kind: 'holds' });
    expect(await searchPrefixes(100, { judge: from(0) })).toMatchObject({ kind: 'badFromStart' });
    expect(await searchPrefixes(0, { judge: from(1) })).toEqual({
      kind: 'holds',
      invariants: 0,
      evaluations: 1,
    });
  });

  it('says when a break healed', async () => {
    const judge = async (count: number): Promise<Verdict> => (count < 5 ? 'bad' : 'good');
    expect(await searchPrefixes(10, { judge })).toMatchObject({
      kind: 'notMonotone',
      reason: expect.stringContaining('healed'),
    });
  });

  it('distrusts a check that changes its mind when asked again', async () => {
    const asked = new Set<number>();
    const judge = async (count: number): Promise<Verdict> => {
      if (asked.has(count)) return 'good';
      asked.add(count);
      return count >= 7 ? 'bad' : 'good';
    };
    expect(await searchPrefixes(20, { judge, confirm: true })).toMatchObject({
      kind: 'notMonotone',
      reason: expect.stringContaining('repeated'),
    });
    expect(await searchPrefixes(20, { judge: from(7), confirm: true })).toMatchObject({
      kind: 'found',
      event: 6,
    });
  });

  it('is inconclusive when every state between the ends is skipped', async () => {
    const judge = async (count: number): Promise<Verdict> =>
      count === 0 ? 'good' : count === 9 ? 'bad' : 'skip';
    expect(await searchPrefixes(9, { judge })).toMatchObject({ kind: 'inconclusive' });
  });

  it('agrees with a linear scan within ⌈log2 n⌉ + 2 calls', async () => {
    const property = fc.asyncProperty(fc.nat(5000), fc.nat(5001), async (events, bad) => {
      let calls = 0;
      const judge = (count: number) => {
        calls += 1;
        return from(bad)(count);
      };
      const outcome = await searchPrefixes(events, { judge });
      expect(calls).toBe(outcome.evaluations);
      expect(calls).toBeLessThanOrEqual(Math.ceil(Math.log2(Math.max(1, events))) + 2);
      if (bad === 0) expect(outcome.kind).toBe('badFromStart');
      else if (bad > events) expect(outcome.kind).toBe('holds');
      else expect(outcome).toMatchObject({ kind: 'found', event: bad - 1, lastGood: bad - 2 });
    });
    await fc.assert(property, { numRuns: 500 });
  });

  it('answers with a good and a bad neighbour whatever it skips', async () => {
    const aCase = fc.record({ bad: fc.integer({ min: 1, max: 60 }), skips: fc.array(fc.nat(60)) });
    const property = fc.asyncProperty(aCase, async ({ bad, skips }) => {
      const judge = async (count: number): Promise<Verdict> =>
        skips.includes(count) && count !== 0 && count !== 60 ? 'skip' : from(bad)(count);
      const outcome = await searchPrefixes(60, { judge });
      const boundarySkipped = (await judge(bad)) === 'skip' || (await judge(bad - 1)) === 'skip';
      if (boundarySkipped) expect(outcome.kind).toBe('inconclusive');
      else expect(outcome).toMatchObject({ kind: 'found', event: bad - 1 });
    });
    await fc.assert(property);
  });
});
