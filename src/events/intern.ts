/**
 * Sharing of equal strings and stacks.
 *
 * A run of a million events has some hundred different names and some thousand different stacks;
 * read naively each event would bring its own copies.
 */

export interface Interner {
  /** The first string given that equals `text`. */
  readonly string: (text: string) => string;
  /** The first list given with the same strings, frozen. */
  readonly list: (items: readonly string[]) => readonly string[];
}

/** Longer strings seldom repeat, and looking for them costs more than it saves. */
const INTERNED_LENGTH_MAX = 128;

/** An interner with nothing in it. A look-up costs one hash of the string or list. */
export function createInterner(): Interner {
  const strings = new Map<string, string>();
  const lists = new Map<string, readonly string[]>();

  function string(text: string): string {
    if (text.length > INTERNED_LENGTH_MAX) return text;
    const known = strings.get(text);
    if (known !== undefined) return known;
    strings.set(text, text);
    return text;
  }

  function list(items: readonly string[]): readonly string[] {
    const key = listKey(items);
    const known = lists.get(key);
    if (known !== undefined) return known;
    const shared = Object.freeze(items.map(string));
    lists.set(key, shared);
    return shared;
  }

  return { string, list };
}

/** Numbers values from 0 in the order in which they first come, by their key. */
export interface Numbering {
  /** The number of `key`, and whether it is new. */
  readonly numberOf: (key: string) => { readonly number: number; readonly isNew: boolean };
}

export function createNumbering(): Numbering {
  const numbers = new Map<string, number>();
  return {
    numberOf: (key) => {
      const known = numbers.get(key);
      if (known !== undefined) return { number: known, isNew: false };
      numbers.set(key, numbers.size);
      return { number: numbers.size - 1, isNew: true };
    },
  };
}

/** A string that two lists share exactly when they hold the same strings, whatever is in them. */
export function listKey(items: readonly string[]): string {
  return JSON.stringify(items);
}
