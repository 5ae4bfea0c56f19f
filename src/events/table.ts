/**
 * Tables keyed by names that come from logs.
 *
 * A device may be called `__proto__` or `toString`: a table therefore has no prototype, so that
 * a lookup finds what was stored or `undefined`, and an assignment stores and does nothing else.
 * Insertion order is iteration order and part of the contract. Source: DESIGN §3.
 */
export type Table<T> = Record<string, T>;

/** A table with nothing in it. */
export function emptyTable<T>(): Table<T> {
  // V8 hashes what Object.create(null) makes, and sorts its keys anew each time they are listed.
  const table: Table<T> = Object.setPrototypeOf({}, null);
  return table;
}

/** A table with the entries given, in their order; a later entry of the same name wins. */
export function tableOf<T>(entries: Iterable<readonly [string, T]>): Table<T> {
  const table = emptyTable<T>();
  for (const [name, value] of entries) table[name] = value;
  return table;
}
