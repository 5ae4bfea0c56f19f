import fc from 'fast-check';
import { expect, it } from 'vitest';
import { nearest } from '../../src/scenario/nearest.ts';

it('finds the word that was meant', () => {
  const words = ['unbind', 'bind', 'driver_override', 'drivers_probe'];
  expect(nearest('unbnid', words)).toBe('unbind');
  expect(nearest('driver-override', words)).toBe('driver_override');
  expect(nearest('BIND', words)).toBe('bind');
  expect(nearest('modprobe', words)).toBeNull();
  expect(nearest('', words)).toBeNull();
});

it('finds every word itself, and nothing for very long ones', () => {
  fc.assert(
    fc.property(fc.uniqueArray(fc.stringMatching(/^[a-z]{1,20}$/), { minLength: 1 }), (words) => {
      for (const word of words) expect(nearest(word, words)).toBe(word);
    }),
  );
  expect(nearest('a'.repeat(1_000_000), ['a'.repeat(1_000_000)])).toBeNull();
});
