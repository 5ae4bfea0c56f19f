/**
 * What may stand behind a word of a scenario: text, a map of fields, either, or a list. The readers check
 * against the same shapes that `reprobe list` prints.
 */
import { type Fields, fieldsOf, isText, wordOf } from './decode.ts';
import { fail, type Place } from './yaml-source.ts';

export interface Shape {
  /** What it means, in a sentence without a stop. */
  readonly doc: string;
  /** May stand alone, as a word. */
  readonly bare?: boolean;
  /** The field that plain text stands for; absent where text will not do. */
  readonly text?: string;
  /** What a list is of; absent where a list will not do. */
  readonly list?: string;
  /** The fields of a map: whether each must be there. Absent where a map will not do. */
  readonly fields?: Readonly<Record<string, 'needed' | 'optional'>>;
}

/** The fields that `place` gives, those that must be there checked. */
export function readShape(place: Place, { text, list, fields }: Shape): Fields {
  if (list !== undefined) return { place, get: () => undefined, need: () => place };
  if (text !== undefined && (fields === undefined || isText(place))) {
    // A map or a list is refused; whether the text may be empty is for the field to say.
    wordOf(place);
    const get = (key: string) => (key === text ? place : undefined);
    return { place, get, need: (key) => get(key) ?? fail(place, `${place.what} needs ${key}.`) };
  }
  const read = fieldsOf(place, Object.keys(fields ?? {}));
  for (const [key, how] of Object.entries(fields ?? {})) if (how === 'needed') read.need(key);
  return read;
}

/** How it is written: `rmmod: MODULE or rmmod: { module, [force] }`. */
export function describeShape(word: string, { bare, text, list, fields }: Shape): string {
  const ways: string[] = [];
  if (bare === true) ways.push(word);
  if (text !== undefined) ways.push(`${word}: ${text.toUpperCase()}`);
  if (list !== undefined) ways.push(`${word}: [${list.toUpperCase()}, …]`);
  if (fields !== undefined) {
    const keys = Object.entries(fields).map(([key, how]) => (how === 'needed' ? key : `[${key}]`));
    ways.push(`${word}: { ${keys.join(', ')} }`);
  }
  return ways.join(' or ');
}

/** What is printed of a word: what it is, how it is written and what it means. */
export interface Documented {
  readonly word: string;
  readonly written: string;
  readonly doc: string;
}

export function documentShapes(shapes: Readonly<Record<string, Shape>>): readonly Documented[] {
  return Object.entries(shapes).map(([word, shape]) => ({
    ...{ word, written: describeShape(word, shape), doc: shape.doc },
  }));
}
