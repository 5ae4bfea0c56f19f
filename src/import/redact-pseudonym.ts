/** Stable stand-ins for secrets: numbered in the order of their appearance, each in the shape of its secret. */
import type { SecretKind } from './redact-find.ts';

export interface Pseudonyms {
  /** The same for one secret however it is written: in capitals, with other separators. */
  readonly of: (kind: SecretKind, value: string) => string;
  /** How many there are, by kind. */
  readonly counts: () => Readonly<Partial<Record<SecretKind, number>>>;
}

const SIGNS = /[\p{L}\p{N}]/gu;
/** A sign to replace, or an escaped one, which stands between them. */
const SIGN_OR_ESCAPE = /\\x[0-9a-f]{2}|[\p{L}\p{N}]/giu;

/** A secret without case and separators; a name keeps its separators. */
export function keyOf(kind: SecretKind, value: string): string {
  const lower = value.toLowerCase();
  return kind === 'mac' || kind === 'uuid' || kind === 'hardware id'
    ? lower.replace(/\\x[0-9a-f]{2}|[^0-9a-z]/g, '')
    : lower;
}

/**
 * Numbers tell nothing of what they stand for, as a hash of an address would. None is a secret of
 * the log itself, which `isSecret` knows by its key.
 */
export function createPseudonyms(isSecret: (key: string) => boolean): Pseudonyms {
  const known = new Map<string, string>();
  const taken = new Set<string>();
  const counts: Partial<Record<SecretKind, number>> = {};
  const signsOf = (kind: SecretKind, value: string): string => {
    const key = `${kind} ${keyOf(kind, value)}`;
    const found = known.get(key);
    if (found !== undefined) return found;
    const shape =
      value
        .replace(/\\x[0-9a-f]{2}/gi, '')
        .match(SIGNS)
        ?.join('') ?? '';
    for (let n = (counts[kind] ?? 0) + 1; ; n += 1) {
      const signs =
        kind === 'ip' && value.includes('.') ? ipv4(value, n) : numbered(kind, shape, n);
      const written = keyOf(kind, filled(value, signs));
      if (isSecret(written) || taken.has(`${kind} ${written}`)) continue;
      taken.add(`${kind} ${written}`);
      known.set(key, signs);
      counts[kind] = (counts[kind] ?? 0) + 1;
      return signs;
    }
  };
  return { of: (kind, value) => filled(value, signsOf(kind, value)), counts: () => counts };
}

/** The value with its letters and digits replaced one by one, what is left over behind it. */
function filled(value: string, signs: string): string {
  const isUpper = value !== value.toLowerCase() && value === value.toUpperCase();
  const left = [...(isUpper ? signs.toUpperCase() : signs)];
  const text = value.replace(SIGN_OR_ESCAPE, (sign) =>
    sign.length > 2 ? sign : (left.shift() ?? ''),
  );
  return text + left.join('');
}

/** Letters and digits of the n-th pseudonym of a kind, as many as `shape` has where they suffice. */
function numbered(kind: SecretKind, shape: string, n: number): string {
  const { length } = shape;
  const hex = n.toString(16).padStart(length, '0');
  switch (kind) {
    case 'mac':
      return `02${hex.slice(2)}`;
    case 'uuid':
      return length === 32 ? `${hex.slice(0, 12)}4${hex.slice(13, 16)}8${hex.slice(17)}` : hex;
    case 'hardware id':
      return hex;
    case 'ip':
      return length < 5 ? hex : `fd${hex.slice(2)}`;
    case 'serial':
      if (/^\d+$/.test(shape)) return String(n).padStart(length, '0');
      return /^[0-9a-f]{8,}$/i.test(shape) ? hex : named(kind, length, n);
    default:
      return named(kind, length, n);
  }
}

/** `host0001`, or the number alone where there is no room. */
function named(kind: SecretKind, length: number, n: number): string {
  const digits = String(n);
  const room = length - digits.length;
  return room > 0
    ? kind.slice(0, room).padEnd(room, '0') + digits
    : n.toString(36).padStart(length, 'x');
}

/** The n-th address whose numbers have as many digits as those of `value`. */
function ipv4(value: string, n: number): string {
  let rest = n;
  const digits = value.split('.').map(({ length }) => length);
  const numbers = digits.reverse().map((length, i) => {
    const least = length === 1 ? (i === 3 ? 1 : 0) : 10 ** (length - 1);
    const count = (length === 3 ? 255 : 10 ** length) - least;
    const number = least + (rest % count);
    rest = Math.floor(rest / count);
    return String(number);
  });
  return numbers.reverse().join('');
}
