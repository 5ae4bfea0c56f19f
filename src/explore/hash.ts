/**
 * Hashes of 64 bits in two halves, made up step by step. Sums forget the order of their terms, so that
 * a term can be taken out again; chains keep it.
 */

export interface Hash {
  readonly high: number;
  readonly low: number;
}

/** A hash in the making. */
export interface Sum {
  high: number;
  low: number;
}

export const NOTHING: Hash = { high: 0, low: 0 };

export const plus = (one: Hash, other: Hash): Hash => ({
  high: (one.high + other.high) | 0,
  low: (one.low + other.low) | 0,
});

export const minus = (one: Hash, other: Hash): Hash => ({
  high: (one.high - other.high) | 0,
  low: (one.low - other.low) | 0,
});

/** Adds the term that stands for `value` at `location`, or with -1 takes it out. */
export function addTerm(sum: Sum, sign: 1 | -1, location: number, value: number): void {
  sum.high = (sum.high + sign * firstOf(location, value)) | 0;
  sum.low = (sum.low + sign * secondOf(location, value)) | 0;
}

/** Goes on with a chain. */
export function chain(sum: Sum, location: number, value: number): void {
  sum.high = mix(Math.imul(sum.high, 0x01000193) ^ firstOf(location, value));
  sum.low = mix(Math.imul(sum.low, 0x85ebca6b) ^ secondOf(location, value));
}

/** Two hashes and a number as one hash. */
export function joined(one: Hash, other: Hash, number: number): Hash {
  const high = mix(mix(one.high + Math.imul(other.low, 0x2c1b3c6d)) ^ firstOf(number, other.high));
  const low = mix(mix(one.low + Math.imul(other.high, 0x297a2d39)) ^ secondOf(number, other.low));
  return { high, low };
}

/** 53 bits of it, as a key. */
export function keyOf({ high, low }: Hash): number {
  return (high & 0x1f_ffff) * 0x1_0000_0000 + (low >>> 0);
}

function firstOf(location: number, value: number): number {
  return mix(Math.imul(location + 1, 0x9e3779b1) + mix(value ^ 0x51ed270b));
}

function secondOf(location: number, value: number): number {
  return mix(Math.imul(value + 1, 0x85ebca6b) + mix(location ^ 0x2545f491));
}

function mix(word: number): number {
  let mixed = Math.imul(word ^ (word >>> 16), 0x21f0aaad);
  mixed = Math.imul(mixed ^ (mixed >>> 15), 0x735a2d97);
  return mixed ^ (mixed >>> 15);
}
