import fc from 'fast-check';
import { expect, it } from 'vitest';
import { createInterner, createNumbering, listKey } from '../../src/events/intern.ts';

it('gives equal lists back as one', () => {
  const { list } = createInterner();
  const first = list(['really_probe', 'pci_dma_configure']);
  expect(list(['really_probe', 'pci_dma_configure'])).toBe(first);
  expect(list(['really_probe'])).not.toBe(first);
  expect(Object.isFrozen(first)).toBe(true);
});

it('numbers keys in order, whatever their names', () => {
  const { numberOf } = createNumbering();
  expect(numberOf('__proto__')).toEqual({ number: 0, isNew: true });
  expect(numberOf('toString')).toEqual({ number: 1, isNew: true });
  expect(numberOf('__proto__')).toEqual({ number: 0, isNew: false });
});

it('changes no string and no list', () => {
  const { string, list } = createInterner();
  fc.assert(fc.property(fc.string({ unit: 'binary' }), (text) => string(text) === text));
  fc.assert(
    fc.property(fc.array(fc.string()), (items) => {
      expect(list(items)).toEqual(items);
    }),
  );
});

it('has one key a list', () => {
  const lists = fc.array(fc.string({ unit: fc.constantFrom('a', '"', ',', '\u0000', '\\') }));
  fc.assert(
    fc.property(lists, lists, (a, b) => {
      expect(listKey(a) === listKey(b)).toBe(JSON.stringify([a]) === JSON.stringify([b]));
    }),
  );
});
