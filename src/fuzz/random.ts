/** Random numbers that depend on a seed alone. */
import fc from 'fast-check';
import { mix } from './seeds.ts';

/** What fast-check draws from. */
interface Generator {
  clone(): Generator;
  /** 32 bits, signed. */
  next(): number;
  getState(): readonly number[];
}

/**
 * The stream of numbers of a seed. Streams of neighbouring seeds have nothing in common.
 *
 * @param seed any safe integer.
 */
export function randomOf(seed: number): fc.Random {
  const low = mix(seed >>> 0);
  const high = mix(Math.floor(seed / 2 ** 32) ^ low ^ 0x9e3779b9);
  const generator = sfc32(low, high, mix(low ^ high), 1);
  for (let i = 0; i < 12; i += 1) generator.next();
  return new fc.Random(generator);
}

/** Chris Doty-Humphrey's small fast counting generator, four words of state. */
function sfc32(...words: readonly [number, number, number, number]): Generator {
  let [a, b, c, counter] = words;
  return {
    clone: () => sfc32(a, b, c, counter),
    next() {
      const sum = (((a + b) | 0) + counter) | 0;
      counter = (counter + 1) | 0;
      a = b ^ (b >>> 9);
      b = (c + (c << 3)) | 0;
      c = (((c << 21) | (c >>> 11)) + sum) | 0;
      return sum;
    },
    getState: () => [a, b, c, counter],
  };
}
