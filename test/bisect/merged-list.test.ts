import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { listWith, mergeLists } from '../../src/bisect/merged-list.ts';

const letters = (text: string) => [...text];
const same = (letter: string) => letter;

describe('mergeLists', () => {
  it('finds what came, went and moved', () => {
    const { changes } = mergeLists(letters('abcd'), letters('bdax'), same);
    expect(changes).toEqual([
      { kind: 'moved', item: 'a' },
      { kind: 'removed', item: 'c' },
      { kind: 'added', item: 'x' },
    ]);
  });

  it('finds what was replaced by something alike in its place', () => {
    const kind = (word: string) => word.slice(0, 4);
    const { changes } = mergeLists(['boot', 'bind 1', 'x'], ['boot', 'bind 2', 'x'], same, kind);
    expect(changes).toEqual([{ kind: 'replaced', item: 'bind 1', by: 'bind 2' }]);
  });

  it('gives the first list without changes, the second with all, and between them subsets', () => {
    const aList = fc.array(fc.constantFrom(...letters('abcdef')), { maxLength: 12 });
    const property = fc.property(aList, aList, fc.infiniteStream(fc.boolean()), (a, b, coin) => {
      const merged = mergeLists(a, b, same);
      const all = merged.changes.map((_, i) => i);
      expect(listWith(merged, new Set())).toEqual(a);
      expect(listWith(merged, new Set(all))).toEqual(b);
      const some = new Set(all.filter(() => coin.next().value === true));
      const mixed = listWith(merged, some);
      const gone = merged.changes.filter(({ kind }, i) => kind === 'removed' && some.has(i)).length;
      const came = merged.changes.filter(({ kind }, i) => kind === 'added' && some.has(i)).length;
      expect(mixed).toHaveLength(a.length - gone + came);
    });
    fc.assert(property, { numRuns: 300 });
  });

  it('has no change but the moves where the items are the same', () => {
    const property = fc.property(fc.shuffledSubarray(letters('abcdefg'), { minLength: 7 }), (b) => {
      const { changes } = mergeLists(letters('abcdefg'), b, same);
      expect(changes.every(({ kind }) => kind === 'moved')).toBe(true);
    });
    fc.assert(property);
  });
});
