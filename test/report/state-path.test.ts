import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { foldAll } from '../../src/engine/history.ts';
import { lookUp } from '../../src/report/state-path.ts';
import { HOSTILE_NAMES } from '../events/arbitrary.ts';
import { leakyTrace, NIC } from '../model/small-machine.ts';

const state = foldAll(leakyTrace().events);

describe('lookUp', () => {
  it('finds names that hold dots', () => {
    expect(lookUp(state, `devices.${NIC}.driver`)).toMatchObject({ value: 'vfio-pci' });
    expect(lookUp(state, 'devices.9050000.smmuv3.bound')).toMatchObject({ value: true });
    expect(lookUp(state, 'groups.1.devices.0')).toMatchObject({ found: true, value: NIC });
    expect(lookUp(state, '')).toMatchObject({ value: state });
  });

  it('tries a shorter name where the longest leads nowhere', () => {
    const root = { a: { 'b.c': 1 }, 'a.b': { d: 2 } };
    expect(lookUp(root, 'a.b.c')).toMatchObject({ value: 1, keys: ['a', 'b.c'] });
    expect(lookUp(root, 'a.b.d')).toMatchObject({ value: 2, keys: ['a.b', 'd'] });
  });

  it('says how far it came', () => {
    expect(lookUp(state, `devices.${NIC}.colour`)).toMatchObject({
      found: false,
      reached: ['devices', NIC],
      keys: expect.arrayContaining(['driver']),
    });
  });

  it.each(['__proto__', 'constructor', 'devices.toString', 'links.length', 'groups.__proto__.a'])(
    'does not find %s, which nobody put there',
    (path) => {
      expect(lookUp(foldAll([]), path).found).toBe(false);
    },
  );

  it('finds every value by its own path', () => {
    const aKey = fc.oneof(fc.constantFrom(...HOSTILE_NAMES, 'a', 'a.b', 'b', '0'), fc.string());
    const { tree } = fc.letrec<{ tree: unknown; node: object }>((tie) => ({
      tree: fc.oneof({ maxDepth: 3 }, fc.integer(), tie('node')),
      node: fc.dictionary(aKey, tie('tree'), { maxKeys: 4, noNullPrototype: false }),
    }));
    const property = fc.property(tree, (root) => {
      for (const { keys, value } of leaves(root, [])) {
        const found = lookUp(root, keys.join('.'));
        expect(found.found).toBe(true);
        // Two paths may read alike; then the longer name wins.
        if (found.found && found.keys.length === keys.length) expect(found.value).toEqual(value);
      }
    });
    fc.assert(property);
  });
});

interface Leaf {
  readonly keys: readonly string[];
  readonly value: unknown;
}

function leaves(value: unknown, keys: readonly string[]): readonly Leaf[] {
  if (typeof value !== 'object' || value === null)
    return keys.length === 0 ? [] : [{ keys, value }];
  return Object.entries(value)
    .filter(([key]) => key !== '')
    .flatMap(([key, item]) => leaves(item, [...keys, key]));
}
