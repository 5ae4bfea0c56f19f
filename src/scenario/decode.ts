/** Decoders of places into text, numbers, lists and fields, each with errors that say where. */
import { isMap, isScalar, isSeq } from 'yaml';
import { errnoFromName } from '../events/errno.ts';
import { emptyTable, type Table } from '../events/table.ts';
import { nearest } from './nearest.ts';
import { fail, type Place, placeOf } from './yaml-source.ts';

/** The fields of a map whose keys are known. */
export interface Fields {
  readonly place: Place;
  readonly get: (key: string) => Place | undefined;
  /** The field, or an error that it is missing. */
  readonly need: (key: string) => Place;
}

/** The fields of a map that may have these keys and no others. */
export function fieldsOf(place: Place, keys: readonly string[]): Fields {
  const table = emptyTable<Place>();
  for (const [key, value, keyPlace] of entriesOf(place)) {
    if (!keys.includes(key)) refuseKey(keyPlace, key, keys);
    table[key] = value;
  }
  return {
    place,
    get: (key) => table[key],
    need: (key) => table[key] ?? fail(place, `${place.what} needs ${key}.`),
  };
}

function refuseKey(place: Place, key: string, keys: readonly string[]): never {
  const meant = nearest(key, keys);
  const hint = meant === null ? `known here: ${keys.join(', ')}` : `did you mean ${meant}?`;
  return fail(place, `${quote(key)} is not known in ${place.what}.`, hint);
}

/** The entries of a map in their order: key, value, and the place of the key. */
export function entriesOf(place: Place): readonly (readonly [string, Place, Place])[] {
  const { node, source, what } = place;
  if (!isMap(node)) return fail(place, `${what} must be a map (key: value), not ${kindOf(place)}.`);
  const path = node === source.doc.contents ? '' : `${what}.`;
  const seen = new Set<string>();
  return node.items.map((pair) => {
    // A map composed from text has nodes for keys and values.
    const keyPlace = placeOf(source, isNode(pair.key) ? pair.key : null, place.at, what);
    const key = wordOf(keyPlace);
    if (seen.has(key)) fail(keyPlace, `${quote(key)} is there twice in ${what}.`);
    seen.add(key);
    const value = isNode(pair.value) ? pair.value : null;
    return [key, placeOf(source, value, keyPlace.at, `${path}${key}`), keyPlace];
  });
}

function isNode(node: unknown): node is NonNullable<Place['node']> {
  return typeof node === 'object' && node !== null && 'range' in node;
}

/** A table from any names to values. */
export function tableAt<T>(place: Place | undefined, read: (value: Place) => T): Table<T> {
  const table = emptyTable<T>();
  if (place === undefined) return table;
  for (const [key, value] of entriesOf(place)) table[key] = read(value);
  return table;
}

/** The items of a list, which are counted from 1; none where there is no list. */
export function itemsOf(place: Place | undefined): readonly Place[] {
  if (place === undefined) return [];
  const { node, source, at, what } = place;
  if (!isSeq(node)) return fail(place, `${what} must be a list (- item), not ${kindOf(place)}.`);
  return node.items.map((item, i) => {
    const path = `${what}[${i + 1}]`;
    const place = placeOf(source, isNode(item) ? item : null, at, path);
    const name = ownName(place);
    return name === '' ? place : { ...place, what: `${path} (${name})` };
  });
}

/** What a map says its name is, for messages; empty where it says none. */
function ownName({ node }: Place): string {
  const value = isMap(node) ? node.get('name') : null;
  return typeof value === 'string' ? value.slice(0, SHOWN) : '';
}

export function isText(place: Place): boolean {
  return place.node === null || isScalar(place.node);
}

/** Text in quotes: where it is empty, that is meant. */
export function isQuoted({ node }: Place): boolean {
  return isScalar(node) && (node.type === 'QUOTE_SINGLE' || node.type === 'QUOTE_DOUBLE');
}

/** Any text, as written; empty where nothing is written. */
export function wordOf(place: Place): string {
  const { node, what } = place;
  if (node === null) return '';
  if (!isScalar(node)) return fail(place, `${what} must be text, not ${kindOf(place)}.`);
  return typeof node.value === 'string' ? node.value : (node.source ?? '');
}

/** Text with something in it. */
export function nameOf(place: Place): string {
  const word = wordOf(place);
  return word === '' ? fail(place, `${place.what} is empty.`) : word;
}

export function textAt(place: Place | undefined): string {
  return place === undefined ? '' : wordOf(place);
}

/** A name, or null where it is absent or empty. */
export function nameOrNull(place: Place | undefined): string | null {
  const word = textAt(place);
  return word === '' ? null : word;
}

export function namesAt(place: Place | undefined): readonly string[] {
  return itemsOf(place).map(nameOf);
}

/** A decimal or 0x number from `min` to `max`. */
export function integerOf(place: Place, min = 0, max = Number.MAX_SAFE_INTEGER): number {
  const word = wordOf(place);
  if (!/^(?:-?(?:0|[1-9]\d*)|0x[0-9a-f]+)$/i.test(word)) {
    const hint = /^-?0\d/.test(word) ? 'write it without leading zeros, or as 0x…' : null;
    return fail(place, `${place.what} must be a number, not ${kindOf(place)}.`, hint);
  }
  // Adding 0 makes 0 of -0.
  const value = Number(word) + 0;
  const isWithin = Number.isSafeInteger(value) && value >= min && value <= max;
  return isWithin
    ? value
    : fail(place, `${place.what} must be from ${min} to ${max}, not ${word}.`);
}

/** What a kernel function returns: a number, or an errno by name as in -EBUSY. */
export function retOf(place: Place): number {
  const word = wordOf(place);
  const errno = errnoFromName(word);
  if (errno === null && /^-?E[A-Z]/.test(word)) {
    return fail(place, `${quote(word)} is not an errno that Linux has.`);
  }
  return errno ?? integerOf(place, Number.MIN_SAFE_INTEGER);
}

const FLAGS: Table<boolean> = Object.assign(emptyTable<boolean>(), {
  true: true,
  on: true,
  yes: true,
  '1': true,
  false: false,
  off: false,
  no: false,
  '0': false,
});

/** true, on, yes and 1; false, off, no and 0; `otherwise` where nothing is said. */
export function flagAt(place: Place | undefined, otherwise: boolean): boolean {
  if (place === undefined) return otherwise;
  const flag = FLAGS[wordOf(place)];
  return flag ?? fail(place, `${place.what} must be true or false, not ${kindOf(place)}.`);
}

/** One of the words. */
export function oneOf<T extends string>(place: Place, words: readonly T[]): T {
  const word = wordOf(place);
  const found = words.find((one) => one === word);
  if (found !== undefined) return found;
  const meant = nearest(word, words);
  const hint = meant === null ? null : `did you mean ${meant}?`;
  const choice = words.join(', ');
  return fail(place, `${place.what} must be one of ${choice}, not ${kindOf(place)}.`, hint);
}

function kindOf(place: Place): string {
  if (isMap(place.node)) return 'a map';
  if (isSeq(place.node)) return 'a list';
  const word = wordOf(place);
  return word === '' ? 'nothing' : quote(word);
}

/** Of a word, so many characters stand in a message. */
const SHOWN = 40;

export function quote(word: string): string {
  return JSON.stringify(word.length > SHOWN ? `${word.slice(0, SHOWN)}…` : word);
}
