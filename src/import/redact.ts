/** A log without what tells of its owner: the same log, with stand-ins for names, addresses and serials. */

import { looksLikeJson } from './format-json.ts';
import { programOf } from './format-syslog.ts';
import { createTextReader } from './format-text.ts';
import { type BootChoice, createLogIntake, type ReadLog } from './read-log.ts';
import { type Finding, findSecrets, isName, readings, type SecretKind } from './redact-find.ts';
import { createBits, createFoundSecrets, type FoundSecrets, joined } from './redact-found.ts';
import { createPseudonyms, keyOf, type Pseudonyms } from './redact-pseudonym.ts';
import { createVocabulary, createWords, type Words } from './redact-words.ts';

export interface Redactor {
  /** The text with a stand-in for every secret: those that it betrays itself, and those of the log. */
  readonly text: (text: string) => string;
  /** Any value of JSON, with all the texts in it. */
  readonly value: (value: unknown) => unknown;
  /** How many different secrets there are, by kind. */
  readonly counts: () => Readonly<Partial<Record<SecretKind, number>>>;
}

export interface RedactedLog {
  /** UTF-8, line by line what was given, without the control sequences of a terminal. */
  readonly bytes: Uint8Array;
  readonly redactor: Redactor;
}

/** The first of two readings: what is secret in the log, and what it says. */
export interface SecretReader {
  push(bytes: Uint8Array): void;
  end(): Redaction;
}

/** A log that was read once. */
export interface Redaction {
  readonly redactor: Redactor;
  readonly read: ReadLog;
  /** Reads the same bytes again and gives them redacted, in pieces that end where lines do. */
  rewriter(take: (bytes: Uint8Array) => void): { push(bytes: Uint8Array): void; end(): void };
}

/**
 * Replaces MAC and IP addresses, UUIDs, serial numbers, labels, and the names of hosts, users and
 * their files by pseudonyms of the same shape and, where there is room, length. Lines of user space in a
 * syslog or journal keep their length and lose their text: import does not read them.
 *
 * Names of devices and drivers and the kernel's release stay. A secret is known by its shape or by the
 * words around it; where it stands once, it is found everywhere, which takes two readings. Total: any
 * bytes give a log. Linear in the bytes; what stays in memory is what stays of a log that is read, its
 * secrets, and a bit a line.
 */
export function createSecretReader(choice: BootChoice = 'fullest'): SecretReader {
  const found = createFoundSecrets();
  const names = createVocabulary();
  const intake = createLogIntake(choice, names);
  const quiet = createBits();
  let lines = 0;
  let json: boolean | null = null;
  const reader = createTextReader((line) => {
    if (json === null && line.trim() !== '') json = looksLikeJson(line);
    const texts = json === true ? [line, ...literalsOf(line)] : [line];
    let isQuiet = json !== true;
    for (const text of texts) isQuiet = learn(text, found) && isQuiet;
    if (isQuiet) quiet.add(lines);
    lines += 1;
  });
  return {
    push(bytes) {
      reader.push(bytes);
      intake.push(bytes);
    },
    end() {
      reader.end();
      const read = intake.end();
      const isDevice = (text: string): boolean => names.isDevice(text.toLowerCase());
      const words = createWords(names.words());
      const secrets = new Set<string>();
      found.each((kind, value) => {
        if (kind === 'serial' && isDevice(value)) return;
        words.learn(kind, value);
        secrets.add(keyOf(kind, value));
      });
      const find: Find = (text) =>
        findSecrets(text).filter(
          ({ start, end, kind }) => kind !== 'serial' || !isDevice(text.slice(start, end)),
        );
      const pseudonyms = createPseudonyms((key) => secrets.has(key));
      const redactor = createRedactor(find, words, pseudonyms);
      const lineEnd = reader.isFromTerminal() ? '\r\n' : '\n';
      const lineOf = (line: string, n: number): string => {
        if (json === true) return jsonLine(line, redactor, pseudonyms);
        // What betrays nothing itself, and is no program's, has only secrets known from elsewhere.
        return quiet.has(n)
          ? replaced(line, wordsIn(line, words), pseudonyms)
          : textLine(line, redactor, pseudonyms);
      };
      return { redactor, read, rewriter: (take) => createRewriter(lineOf, lineEnd, take) };
    },
  };
}

/** Redacts a log that is in memory. */
export function redactLog(bytes: Uint8Array): RedactedLog {
  const secrets = createSecretReader();
  secrets.push(bytes);
  const { redactor, rewriter } = secrets.end();
  const pieces: Uint8Array[] = [];
  const again = rewriter((piece) => pieces.push(piece));
  again.push(bytes);
  again.end();
  return { bytes: joined(pieces), redactor };
}

/** So much text is given at once, or a line more. */
const PIECE_CHARS = 64 * 1024;

function createRewriter(
  lineOf: (line: string, n: number) => string,
  lineEnd: string,
  take: (bytes: Uint8Array) => void,
) {
  const encoder = new TextEncoder();
  let n = 0;
  let text = '';
  const flush = (): void => {
    if (text !== '') take(encoder.encode(text));
    text = '';
  };
  const reader = createTextReader((line) => {
    text += lineOf(line, n) + lineEnd;
    n += 1;
    if (text.length >= PIECE_CHARS) flush();
  });
  return {
    push: reader.push,
    end() {
      reader.end();
      flush();
    },
  };
}

type Find = (text: string) => readonly Finding[];

/** Notes the secrets that a line betrays; true for a line of no program that betrays none. */
function learn(text: string, found: FoundSecrets): boolean {
  const program = programOf(text);
  const { start: from, end: to } = program?.host ?? { start: 0, end: 0 };
  if (isName(text.slice(from, to))) found.add('host', text.slice(from, to));
  // What user space wrote is masked: there is nothing to learn from it but mistakes.
  if (program?.userSpace === true) return false;
  let isQuiet = program === null;
  for (const reading of readings(text))
    for (const { start, end, kind } of findSecrets(reading)) {
      isQuiet = false;
      found.add(kind, text.slice(start, end));
    }
  return isQuiet;
}

const wordsIn = (text: string, words: Words): readonly Finding[] =>
  text.includes('\\') ? readings(text).flatMap((one) => [...words.find(one)]) : words.find(text);

function createRedactor(find: Find, words: Words, pseudonyms: Pseudonyms): Redactor {
  const text = (given: string): string => {
    const found = readings(given).flatMap((reading) => [...find(reading), ...words.find(reading)]);
    return replaced(given, found, pseudonyms);
  };
  const value = (given: unknown): unknown => {
    if (typeof given === 'string') return text(given);
    if (Array.isArray(given)) return given.map(value);
    if (typeof given !== 'object' || given === null) return given;
    return Object.fromEntries(Object.entries(given).map(([key, item]) => [text(key), value(item)]));
  };
  return { text, value, counts: pseudonyms.counts };
}

/** Where findings overlap, the one that begins first counts, and of those the longest. */
function replaced(text: string, found: readonly Finding[], { of }: Pseudonyms): string {
  if (found.length === 0) return text;
  const ordered = [...found].sort((a, b) => a.start - b.start || b.end - a.end);
  let result = '';
  let at = 0;
  for (const { start, end, kind } of ordered) {
    if (start < at) continue;
    result += text.slice(at, start) + of(kind, text.slice(start, end));
    at = end;
  }
  return result + text.slice(at);
}

function textLine(line: string, redactor: Redactor, { of }: Pseudonyms): string {
  const program = programOf(line);
  if (program === null) return redactor.text(line);
  const { host, body, userSpace } = program;
  const given = line.slice(host.start, host.end);
  const name = isName(given) ? of('host', given) : given;
  const head = line.slice(0, host.start) + name + redactor.text(line.slice(host.end, body));
  return head + (userSpace ? masked(line.slice(body)) : redactor.text(line.slice(body)));
}

const masked = (text: string): string => text.replace(/[\p{L}\p{N}]/gu, 'x');

const LITERAL = /"(?:[^"\\]|\\.)*"/g;
/** The journal's form of text that is no UTF-8. */
const BYTES = /\[\s*\d{1,3}\s*(?:,\s*\d{1,3}\s*)+\]/g;
/** What stands before the literal that is the host's name. */
const HOST_KEY = /"_HOSTNAME"\s{0,4}:\s{0,4}$/;

/** The texts in a line of JSON. */
function literalsOf(line: string): readonly string[] {
  const literals = line.match(LITERAL) ?? [];
  const arrays = line.match(BYTES) ?? [];
  return [...literals.map(textOfLiteral), ...arrays.map(textOfBytes)];
}

/** Every text of the line is redacted once: a stand-in is in the shape of a secret. */
function jsonLine(line: string, redactor: Redactor, { of }: Pseudonyms): string {
  let result = '';
  let at = 0;
  for (const { 0: literal, index } of line.matchAll(LITERAL)) {
    const before = line.slice(at, index);
    const text = textOfLiteral(literal);
    const isHost = HOST_KEY.test(line.slice(0, index)) && isName(text);
    const redacted = isHost ? of('host', text) : redactor.text(text);
    result += betweenLiterals(before, redactor);
    result += redacted === text ? literal : JSON.stringify(redacted);
    at = index + literal.length;
  }
  return result + betweenLiterals(line.slice(at), redactor);
}

function betweenLiterals(text: string, redactor: Redactor): string {
  const arrays = text.match(BYTES);
  if (arrays === null) return redactor.text(text);
  return text.replace(BYTES, (array) => {
    const given = textOfBytes(array);
    const redacted = redactor.text(given);
    return redacted === given ? array : JSON.stringify([...new TextEncoder().encode(redacted)]);
  });
}

function textOfLiteral(literal: string): string {
  try {
    const value: unknown = JSON.parse(literal);
    return typeof value === 'string' ? value : '';
  } catch {
    return '';
  }
}

function textOfBytes(array: string): string {
  const bytes = array.match(/\d+/g) ?? [];
  return new TextDecoder().decode(Uint8Array.from(bytes, Number));
}
