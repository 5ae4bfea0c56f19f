/** A log without what tells of its owner: the same log, with stand-ins for names, addresses and serials. */

import { parseLog } from './format.ts';
import { looksLikeJson } from './format-json.ts';
import { programOf } from './format-syslog.ts';
import { createTextReader } from './format-text.ts';
import { recognise } from './recognise.ts';
import { type Finding, findSecrets, isName, readings, type SecretKind } from './redact-find.ts';
import { createPseudonyms, keyOf, type Pseudonyms } from './redact-pseudonym.ts';
import { createWords, vocabularyOf, type Words } from './redact-words.ts';

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

/**
 * Replaces MAC and IP addresses, UUIDs, serial numbers, labels, and the names of hosts, users and
 * their files by pseudonyms of the same shape and, where there is room, length. Lines of user space in a
 * syslog or journal keep their length and lose their text: import does not read them.
 *
 * Names of devices and drivers and the kernel's release stay. A secret is known by its shape or by the
 * words around it; where it stands once, it is found everywhere. Total: any bytes give a log. Linear in
 * the bytes.
 */
export function redactLog(bytes: Uint8Array): RedactedLog {
  const lines: string[] = [];
  const reader = createTextReader((line) => void lines.push(line));
  reader.push(bytes);
  reader.end();
  const json = looksLikeJson(lines.find((line) => line.trim() !== '') ?? '');
  const observations = parseLog(bytes).records.flatMap((record) => recognise(record) ?? []);
  const words = createWords(vocabularyOf(observations));
  const devices = new Set(observations.map(({ dev }) => dev?.toLowerCase()));
  const find = (text: string): readonly Finding[] =>
    findSecrets(text).filter(
      ({ start, end, kind }) =>
        kind !== 'serial' || !devices.has(text.slice(start, end).toLowerCase()),
    );
  const secrets = new Set<string>();
  const texts = json ? lines.flatMap((line) => [line, ...literalsOf(line)]) : lines;
  for (const text of texts) learn(text, find, words, secrets);
  const pseudonyms = createPseudonyms((key) => secrets.has(key));
  const redactor = createRedactor(find, words, pseudonyms);
  const end = reader.isFromTerminal() ? '\r\n' : '\n';
  const redacted = lines.map((line) =>
    json ? jsonLine(line, redactor, pseudonyms) : textLine(line, redactor, pseudonyms),
  );
  return { bytes: new TextEncoder().encode(redacted.map((line) => line + end).join('')), redactor };
}

type Find = (text: string) => readonly Finding[];

function learn(text: string, find: Find, words: Words, secrets: Set<string>): void {
  const note = (kind: SecretKind, value: string): void => {
    words.learn(kind, value);
    secrets.add(keyOf(kind, value));
  };
  const program = programOf(text);
  const { start: from, end: to } = program?.host ?? { start: 0, end: 0 };
  if (isName(text.slice(from, to))) note('host', text.slice(from, to));
  // What user space wrote is masked: there is nothing to learn from it but mistakes.
  if (program?.userSpace === true) return;
  for (const reading of readings(text))
    for (const { start, end, kind } of find(reading)) note(kind, text.slice(start, end));
}

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
