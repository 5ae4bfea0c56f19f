/**
 * Shapes: what a value decoded from JSON must look like to be a `T`.
 *
 * A shape reads a value that nobody has vouched for and returns a fresh `T` made of known keys only,
 * in a fixed order, or throws. Nothing of the input's own structure survives: no foreign key, no
 * prototype, no unshared string. Cost: linear in the value, one allocation an object.
 */
import { ReprobeError } from '../error.ts';
import { type Form, PLAIN } from './form.ts';
import type { Interner } from './intern.ts';
import { emptyTable, type Table } from './table.ts';

/** What reading carries along. One for all lines of a file, so that strings are shared. */
export interface Reading {
  readonly interner: Interner;
  /** Objects of one kind inside each other, at this point. */
  depth: number;
  /** The key that was wrong, for the column of the message. */
  wrongKey: string | null;
}

export function createReading(interner: Interner): Reading {
  return { interner, depth: 0, wrongKey: null };
}

export interface Shape<T, Optional extends boolean = boolean> {
  readonly optional: Optional;
  /** `key` names the value in messages. */
  readonly read: (value: unknown, key: string, reading: Reading) => T;
  readonly form: () => Form;
}

type Needed<T> = Shape<T, false>;

/** A JSON object as parsed, before anything is known of it. */
export type RawObject = Readonly<Record<string, unknown>>;

/** One shape a field, in the order in which the fields are written. */
export type Fields<P> = {
  readonly [K in keyof P]-?: Shape<
    Exclude<P[K], undefined>,
    Record<never, never> extends Pick<P, K> ? true : false
  >;
};

export interface ObjectShape<P> extends Needed<P> {
  /** Reads the fields of `raw` into `target` and returns how many there were. */
  readonly readInto: (raw: RawObject, target: Record<string, unknown>, reading: Reading) => number;
  readonly keys: readonly string[];
}

/** Rejects a value: `"ret" must be an integer, not "x".` */
export function reject(key: string, expected: string, value: unknown, reading: Reading): never {
  reading.wrongKey = key;
  const found = value === undefined ? 'is missing' : `must be ${expected}, not ${show(value)}`;
  throw new ReprobeError('BAD_TRACE', `"${key}" ${found}.`);
}

function needed<T>(read: Shape<T>['read'], form: () => Form = () => PLAIN): Needed<T> {
  return { optional: false, read, form };
}

export function optional<T>(shape: Needed<T>): Shape<T, true> {
  return { ...shape, optional: true };
}

/** A name or other short text that repeats: shared. */
export const name: Needed<string> = needed((value, key, reading) =>
  typeof value === 'string' ? reading.interner.string(value) : reject(key, 'text', value, reading),
);

/** Text that seldom repeats. */
export const text: Needed<string> = needed((value, key, reading) =>
  typeof value === 'string' ? value : reject(key, 'text', value, reading),
);

export const flag: Needed<boolean> = needed((value, key, reading) =>
  typeof value === 'boolean' ? value : reject(key, 'true or false', value, reading),
);

/** Adding 0 turns -0 into 0, which JSON could not tell apart again. */
export const integer: Needed<number> = needed((value, key, reading) =>
  typeof value === 'number' && Number.isSafeInteger(value)
    ? value + 0
    : reject(key, 'an integer of at most 53 bits', value, reading),
);

/** An integer from 0 to `max`. */
export function count(max: number = Number.MAX_SAFE_INTEGER): Needed<number> {
  return needed((value, key, reading) =>
    typeof value === 'number' && Number.isSafeInteger(value) && value >= 0 && value <= max
      ? value + 0
      : reject(key, `an integer from 0 to ${max}`, value, reading),
  );
}

export function orNull<T>(shape: Needed<T>): Needed<T | null> {
  return needed(
    (value, key, reading) => (value === null ? null : shape.read(value, key, reading)),
    shape.form,
  );
}

/** One of some words. They come as a record so that the compiler misses one that is left out. */
export function oneOf<T extends string>(words: Readonly<Record<T, true>>): Needed<T> {
  const known = Object.keys(words).join(', ');
  return needed(
    (value, key, reading) =>
      typeof value === 'string' && Object.hasOwn(words, value)
        ? // A key of `words`, and as such shared.
          (reading.interner.string(value) as T)
        : reject(key, `one of ${known}`, value, reading),
    () => ({ kind: 'value', words: Object.keys(words) }),
  );
}

export function listOf<T>(item: Needed<T>): Needed<readonly T[]> {
  return needed(
    (value, key, reading) => {
      if (!Array.isArray(value)) return reject(key, 'a list', value, reading);
      return value.map((one: unknown) => item.read(one ?? null, key, reading));
    },
    () => ({ kind: 'list', item: item.form }),
  );
}

/** A table from names to values, without a prototype. */
export function tableWith<T>(item: Needed<T>): Needed<Table<T>> {
  return needed(
    (value, key, reading) => {
      const raw = objectOr(value, key, reading);
      const table = emptyTable<T>();
      for (const entry of Object.keys(raw)) {
        table[reading.interner.string(entry)] = item.read(raw[entry], entry, reading);
      }
      return table;
    },
    () => ({ kind: 'table', item: item.form }),
  );
}

/** An object with exactly these fields; optional ones may be absent. */
export function object<P>(fields: Fields<P>): ObjectShape<P> {
  const entries = Object.entries<Shape<unknown>>(fields);
  const keys = entries.map(([key]) => key);

  function readInto(raw: RawObject, target: Record<string, unknown>, reading: Reading): number {
    let present = 0;
    for (const [key, shape] of entries) {
      const value = raw[key];
      if (value === undefined && shape.optional) continue;
      target[key] = shape.read(value, key, reading);
      present++;
    }
    return present;
  }

  function read(value: unknown, key: string, reading: Reading): P {
    const raw = objectOr(value, key, reading);
    const target: Record<string, unknown> = {};
    if (readInto(raw, target, reading) !== keyCount(raw)) rejectForeign(raw, keys, reading);
    // Every field of P has been read by the shape that `fields` has for it.
    return target as P;
  }

  const form = (): Form => ({
    kind: 'fields',
    fields: Object.fromEntries(entries.map(([key, shape]) => [key, shape.form])),
  });
  return { ...needed(read, form), readInto, keys };
}

/** A union of objects told apart by the text in the field `tag`. */
export function tagged<T extends object>(
  tag: string,
  variants: Readonly<Record<string, ObjectShape<unknown>>>,
): Needed<T> {
  const byTag = new Map(Object.entries(variants));
  const known = [...byTag.keys()].join(', ');
  return needed(
    (value, key, reading) => {
      const raw = objectOr(value, key, reading);
      const word = raw[tag];
      const variant = typeof word === 'string' ? byTag.get(word) : undefined;
      if (variant === undefined) return reject(tag, `one of ${known}`, word, reading);
      const target: Record<string, unknown> = { [tag]: word };
      const present = 1 + variant.readInto(raw, target, reading);
      if (present !== keyCount(raw)) rejectForeign(raw, [tag, ...variant.keys], reading);
      return target as T;
    },
    () => variantsForm(tag, variants),
  );
}

/** The form of objects told apart by the text in the field `tag`. */
export function variantsForm(
  tag: string,
  variants: Readonly<Record<string, Pick<Shape<unknown>, 'form'>>>,
): Form {
  const forms = Object.entries(variants).map(([word, { form }]) => [word, form] as const);
  return { kind: 'variants', tag, variants: Object.fromEntries(forms) };
}

/** A shape that contains itself; `max` bounds how deep. */
export function nested<T>(max: number, shape: () => Needed<T>): Needed<T> {
  return needed(
    (value, key, reading) => {
      if (reading.depth >= max) return reject(key, `nested at most ${max} deep`, value, reading);
      reading.depth++;
      const read = shape().read(value, key, reading);
      reading.depth--;
      return read;
    },
    () => shape().form(),
  );
}

/** How many keys a parsed object has. */
export function keyCount(raw: RawObject): number {
  let own = 0;
  for (const _ in raw) own++;
  return own;
}

/** Rejects `raw` for a key that is not one of `keys`. */
export function rejectForeign(raw: RawObject, keys: readonly string[], reading: Reading): never {
  const foreign = Object.keys(raw).find((key) => !keys.includes(key)) ?? '';
  reading.wrongKey = foreign;
  throw new ReprobeError('BAD_TRACE', `${show(foreign)} is not a field known here.`);
}

export function objectOr(value: unknown, key: string, reading: Reading): RawObject {
  const isObject = typeof value === 'object' && value !== null && !Array.isArray(value);
  return isObject ? (value as RawObject) : reject(key, 'an object', value, reading);
}

/** A value in a message: short, and without recursion, for it may be nested without end. */
function show(value: unknown): string {
  if (typeof value === 'string') {
    return JSON.stringify(value.length > 40 ? `${value.slice(0, 40)}…` : value);
  }
  if (Array.isArray(value)) return 'a list';
  return typeof value === 'object' && value !== null ? 'an object' : String(value);
}
