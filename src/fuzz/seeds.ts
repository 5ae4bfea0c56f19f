/** Seeds: one of a campaign, and one of each of its runs. */

/** Every seed of a campaign is below: a number that JSON and people carry about unharmed. */
export const SEED_MAX = 2 ** 32;

/** 32 bits, of which each depends on every bit of the given ones. Source: MurmurHash3's finaliser. */
export function mix(value: number): number {
  let z = value | 0;
  z = Math.imul(z ^ (z >>> 16), 0x85ebca6b);
  z = Math.imul(z ^ (z >>> 13), 0xc2b2ae35);
  return (z ^ (z >>> 16)) >>> 0;
}

/**
 * The seed of a run: 52 bits, so that runs of one campaign have different ones.
 *
 * @param run below 2^53.
 */
export function seedOfRun(campaign: number, run: number): number {
  const high = Math.floor(run / SEED_MAX);
  const one = mix(mix(campaign + 0x9e3779b9) ^ mix(run >>> 0) ^ mix(high + 0x51ed270b));
  const other = mix(Math.imul(one ^ 0x2545f491, 0x9e3779b1) + (run >>> 0));
  return (one & 0xfffff) * SEED_MAX + other;
}
