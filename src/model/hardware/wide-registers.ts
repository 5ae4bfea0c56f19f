/** Fields of registers of 64 bits, which are written `0x…`. */

/** Bit `n` of the register. */
export function bit(register: string, n: number): boolean {
  return ((BigInt(register) >> BigInt(n)) & 1n) === 1n;
}

/** A field of it: so many bits, from bit `from` on. */
export function field(register: string, from: number, bits: number): number {
  return Number((BigInt(register) >> BigInt(from)) & ((1n << BigInt(bits)) - 1n));
}
