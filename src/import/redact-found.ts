/** What the first reading of a log keeps for the second. */
import type { SecretKind } from './redact-find.ts';

/** Secrets as they were found, each once. */
export interface FoundSecrets {
  add(kind: SecretKind, value: string): void;
  /** In the order in which they were found first. */
  each(see: (kind: SecretKind, value: string) => void): void;
}

export function createFoundSecrets(): FoundSecrets {
  const found = new Map<string, readonly [SecretKind, string]>();
  return {
    add(kind, value) {
      const key = `${kind} ${value}`;
      if (!found.has(key)) found.set(key, [kind, value]);
    },
    each(see) {
      for (const [kind, value] of found.values()) see(kind, value);
    },
  };
}

/** A set of small numbers, a bit for each. */
export interface Bits {
  add(n: number): void;
  has(n: number): boolean;
}

export function createBits(): Bits {
  let bits = new Uint8Array(1024);
  return {
    add(n) {
      const at = n >> 3;
      if (at >= bits.length) {
        const more = new Uint8Array(Math.max(bits.length * 2, at + 1));
        more.set(bits);
        bits = more;
      }
      bits[at] = (bits[at] ?? 0) | (1 << (n & 7));
    },
    has: (n) => ((bits[n >> 3] ?? 0) & (1 << (n & 7))) !== 0,
  };
}

/** The pieces as one. */
export function joined(pieces: readonly Uint8Array[]): Uint8Array {
  const whole = new Uint8Array(pieces.reduce((sum, { length }) => sum + length, 0));
  let at = 0;
  for (const piece of pieces) {
    whole.set(piece, at);
    at += piece.length;
  }
  return whole;
}
