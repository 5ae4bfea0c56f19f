/** Secrets by their words: once betrayed, they are found wherever they stand alone. */
import { KNOWN_DRIVERS } from '../model/firmware/driver-table.ts';
import { KNOWN_MODULES } from '../model/firmware/module-table.ts';
import { CATALOGUE } from './catalogue.ts';
import type { ObservationWatch } from './read-log.ts';
import type { Finding, SecretKind } from './redact-find.ts';

const WORD = /[\p{L}\p{N}]+/gu;
const MAC_DIGITS = 12;
/** Shorter ones and short numbers are met too often by chance. */
const NAME_MIN = 3;
const DIGITS_MIN = 8;

export interface Words {
  readonly learn: (kind: SecretKind, value: string) => void;
  /** The learnt secrets in the text. Linear in the text. */
  readonly find: (text: string) => readonly Finding[];
}

/** A reader of secrets that lets the words of `vocabulary`, in lower case, be. */
export function createWords(vocabulary: ReadonlySet<string>): Words {
  const byFirst = new Map<string, { readonly value: string; readonly kind: SecretKind }[]>();
  const macs = new Set<string>();
  const shapes = new Set<number>();
  const mayBegin = (code: number, length: number): boolean =>
    shapes.has(shapeOf(code, length)) || (length > MAC_DIGITS && macs.size > 0);
  const add = (kind: SecretKind, value: string): void => {
    const [first] = value.match(WORD) ?? [];
    if (first === undefined || !value.startsWith(first)) return;
    const list = byFirst.get(first) ?? [];
    if (list.some((one) => one.value === value)) return;
    list.push({ value, kind });
    shapes.add(shapeOf(first.charCodeAt(0), first.length));
    list.sort((a, b) => b.value.length - a.value.length);
    byFirst.set(first, list);
  };
  const learn = (kind: SecretKind, given: string): void => {
    const value = given.toLowerCase();
    const digits = value.replace(/[^0-9a-z]/g, '');
    if (kind === 'mac' && digits.length === MAC_DIGITS) macs.add(digits);
    if (kind === 'mac' || kind === 'uuid' || kind === 'hardware id') {
      if (digits.length < MAC_DIGITS) return;
      for (const one of spellings(value, digits)) add(kind, one);
      return;
    }
    // The words of a path are found in its place only: they are anybody's.
    if (kind === 'path') return;
    const isDomain =
      kind !== 'host' || /^[^.]+\.(?!local|lan\b|internal|corp|home)[a-z]+$/.test(value);
    const [host = value] = isDomain ? [] : value.split('.');
    for (const name of [value, host]) if (isTelling(name) && !vocabulary.has(name)) add(kind, name);
  };
  const find = (text: string): readonly Finding[] => {
    const found: Finding[] = [];
    if (byFirst.size === 0 && macs.size === 0) return found;
    for (const { word, index } of wordsWithin(text, mayBegin)) {
      for (const { value, kind } of byFirst.get(word.toLowerCase()) ?? []) {
        const end = index + value.length;
        if (text.slice(index, end).toLowerCase() !== value || isSign(text[end])) continue;
        found.push({ start: index, end, kind });
        break;
      }
      if (word.length > MAC_DIGITS && macs.size > 0) found.push(...macsIn(word, index, macs));
    }
    return found;
  };
  return { learn, find };
}

/** Other ways to write hexadecimal digits in groups. */
function spellings(value: string, digits: string): readonly string[] {
  const dotted = digits.replace(/(.{4})(?!$)/g, '$1.');
  // systemd escapes the signs in names of units.
  const signs = [':', '-', '_', '.', '\\x2d', '\\x3a'];
  return [value, digits, dotted, ...signs.map((sign) => value.replace(/[:._-]/g, () => sign))];
}

function isTelling(value: string): boolean {
  const signs = value.replace(/[^\p{L}\p{N}]/gu, '');
  return signs.length >= (/^\d+$/.test(signs) ? DIGITS_MIN : NAME_MIN);
}

interface Word {
  readonly word: string;
  readonly index: number;
}

/** What is quickly seen of a word: its first letter, in any case, and its length. */
const shapeOf = (code: number, length: number): number => length * 128 + (code | 0x20);

/**
 * The words of a text with their places, as far as they may begin something by first letter and length. Of
 * a text with other letters than those of ASCII, all.
 */
function wordsWithin(
  text: string,
  mayBegin: (code: number, length: number) => boolean,
): readonly Word[] {
  const words: Word[] = [];
  let start = -1;
  for (let i = 0; i <= text.length; i += 1) {
    const code = i < text.length ? text.charCodeAt(i) : 0;
    if (code > 0x7f) return [...text.matchAll(WORD)].map(({ 0: word, index }) => ({ word, index }));
    if (isPlainSign(code)) {
      if (start < 0) start = i;
    } else if (start >= 0) {
      if (mayBegin(text.charCodeAt(start), i - start))
        words.push({ word: text.slice(start, i), index: start });
      start = -1;
    }
  }
  return words;
}

const isPlainSign = (code: number): boolean =>
  (code >= 0x30 && code <= 0x39) ||
  (code >= 0x41 && code <= 0x5a) ||
  (code >= 0x61 && code <= 0x7a);

const isSign = (sign: string | undefined): boolean =>
  sign !== undefined && /[\p{L}\p{N}]/u.test(sign);

/** Addresses within a longer word, as in names of interfaces. */
function macsIn(word: string, start: number, macs: ReadonlySet<string>): readonly Finding[] {
  const lower = word.toLowerCase();
  for (let at = 0; at + MAC_DIGITS <= lower.length; at += 1)
    if (macs.has(lower.slice(at, at + MAC_DIGITS)))
      return [{ start: start + at, end: start + at + MAC_DIGITS, kind: 'mac' }];
  return [];
}

/** Words of messages, drivers and modules, which are nobody's secrets. */
const COMMON: readonly string[] = [
  ...CATALOGUE.flatMap(({ example }) => wordsOf(example)),
  ...KNOWN_DRIVERS.flatMap(({ bus, name }) => [...wordsOf(bus), ...wordsOf(name)]),
  ...KNOWN_MODULES.flatMap(({ name }) => wordsOf(name)),
];

/** The words that must stay: those that reprobe knows, and the names that the log's lines are about. */
export interface Vocabulary extends ObservationWatch {
  readonly words: () => ReadonlySet<string>;
  /** Is it, in lower case, the name of a device? */
  isDevice(name: string): boolean;
}

export function createVocabulary(): Vocabulary {
  let devices = new Set<string>();
  let words = new Set(COMMON);
  const seen = new Set<string>();
  return {
    begin() {
      devices = new Set();
      words = new Set(COMMON);
      seen.clear();
    },
    take({ prefix, dev, drv, fields }) {
      if (dev !== null) devices.add(dev.toLowerCase());
      for (const name of [prefix, dev, drv, fields['release']]) {
        if (name === undefined || name === null || seen.has(name)) continue;
        seen.add(name);
        for (const word of [name.toLowerCase(), ...wordsOf(name)]) words.add(word);
      }
    },
    words: () => words,
    isDevice: (name) => devices.has(name),
  };
}

function wordsOf(text: string): readonly string[] {
  const lower = text.toLowerCase();
  return lower.match(WORD) ?? [];
}
