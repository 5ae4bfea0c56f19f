import { describe, expect, it } from 'vitest';
import { hash64 } from '../../src/minimize/hash.ts';

describe('hash64', () => {
  // The test vectors of its authors: http://www.isthe.com/chongo/tech/comp/fnv/
  it.each([
    ['', 'cbf29ce484222325'],
    ['a', 'af63dc4c8601ec8c'],
    ['foobar', '85944171f73967e8'],
  ])('is FNV-1a of %j', (text, hash) => {
    expect(hash64(text)).toBe(hash);
  });

  it('reads text as UTF-8', () => {
    // The bytes c3 a9, by hand.
    const byte = (hash: bigint, one: bigint) => ((hash ^ one) * 0x100000001b3n) % 2n ** 64n;
    const wanted = byte(byte(0xcbf29ce484222325n, 0xc3n), 0xa9n);
    expect(hash64('é')).toBe(wanted.toString(16).padStart(16, '0'));
  });
});
