/**
 * YAML text from values, quoted so that any text comes back as it was, whatever characters are in
 * it. Values are strings of YAML already; what is undefined or null is left out.
 */

/** A value as it will be written: a scalar, a list, or a map. */
export type Yaml =
  | string
  | { readonly list: readonly Yaml[] }
  | { readonly map: readonly (readonly [key: string, value: Yaml])[] };

/** A key and its value; null where the field is left out. */
export type Entry = readonly [key: string, value: Yaml] | null;

const WIDTH = 100;

/** Text that every YAML reader takes for itself, also inside { } and [ ]. */
const PLAIN = /^[A-Za-z_/][\w./+-]*$/;
const RETURN_CODE = /^-E[A-Z\d_]+$/;
/** What neither single quotes nor a terminal bear: control, format and lone surrogate characters. */
const ESCAPED = /[\p{C}\p{Zl}\p{Zp}]/gu;

/** `value` as a scalar: bare where that is safe, else quoted. */
export function plain(value: string): string {
  if (PLAIN.test(value) || RETURN_CODE.test(value)) return value;
  const isPrintable = value.search(ESCAPED) < 0;
  if (isPrintable) return `'${value.replaceAll("'", "''")}'`;
  const escaped = value.replace(/["\\]/g, '\\$&').replace(ESCAPED, escapeCharacter);
  return `"${escaped}"`;
}

function escapeCharacter(character: string): string {
  if (character === '\n') return '\\n';
  const code = character.codePointAt(0) ?? 0;
  const digits = code.toString(16);
  return code > 0xffff ? `\\U${digits.padStart(8, '0')}` : `\\u${digits.padStart(4, '0')}`;
}

/** A number as people write it: small ones decimal, ids and addresses in hex. */
export function hex(value: number): string {
  return value < 10 ? String(value) : `0x${value.toString(16)}`;
}

/** A field that is left out where it has the value that is assumed. */
export function field(key: string, value: string, assumed?: string): Entry {
  return value === assumed ? null : [key, plain(value)];
}

/** A flag that is left out where it is false. */
export function flag(key: string, value: boolean): Entry {
  return value ? [key, 'true'] : null;
}

/** A map of the entries that are there. */
export function map(entries: readonly Entry[]): Yaml {
  return { map: entries.filter((entry) => entry !== null) };
}

export function listOf(items: readonly Yaml[]): Yaml {
  return { list: items };
}

/** A list of names, left out where it is empty. */
export function names(key: string, items: readonly string[]): Entry {
  return items.length === 0 ? null : [key, listOf(items.map(plain))];
}

/** `key: value` in one line where it fits, else with the value below, indented. */
export function entry(key: string, value: Yaml, indent = ''): readonly string[] {
  const name = plain(key);
  const oneLine = `${indent}${name}: ${inline(value)}`;
  if (typeof value === 'string' || oneLine.length <= WIDTH) return [oneLine];
  return [`${indent}${name}:`, ...below(value, `${indent}  `)];
}

/** `key:` and its items below, each a word or an entry; left out where there are none. */
export function items(
  key: string,
  list: readonly (Yaml | readonly [key: string, value: Yaml])[],
  indent = '',
): readonly string[] {
  if (list.length === 0) return [];
  const lines = list.flatMap((one) =>
    isEntry(one) ? dashed(entry(one[0], one[1], `${indent}    `)) : item(one, `${indent}  `),
  );
  return [`${indent}${key}:`, ...lines];
}

function isEntry(one: Yaml | readonly [string, Yaml]): one is readonly [string, Yaml] {
  return Array.isArray(one);
}

function item(value: Yaml, indent: string): readonly string[] {
  const oneLine = `${indent}- ${inline(value)}`;
  if (typeof value === 'string' || oneLine.length <= WIDTH) return [oneLine];
  if ('list' in value) return [`${indent}-`, ...below(value, `${indent}  `)];
  return dashed(below(value, `${indent}  `));
}

/** Puts a dash into the indentation of the first line. */
function dashed(lines: readonly string[]): readonly string[] {
  const [first = '', ...rest] = lines;
  return [first.replace(/ {2}(?=\S)/, '- '), ...rest];
}

function below(value: Exclude<Yaml, string>, indent: string): readonly string[] {
  if ('list' in value) return value.list.flatMap((one) => item(one, indent));
  return value.map.flatMap(([key, inner]) => entry(key, inner, indent));
}

function inline(value: Yaml): string {
  if (typeof value === 'string') return value;
  if ('list' in value) return `[${value.list.map(inline).join(', ')}]`;
  if (value.map.length === 0) return '{}';
  return `{ ${value.map.map(([key, inner]) => `${plain(key)}: ${inline(inner)}`).join(', ')} }`;
}

/** `key: text`, over several lines where it has some. */
export function prose(key: string, text: string): readonly string[] {
  if (text === '') return [];
  const body = text.endsWith('\n') ? text.slice(0, -1) : text;
  const lines = body.split('\n');
  const isBlock =
    lines.length > 1 &&
    lines.every((line) => line.search(ESCAPED) < 0 && (line === '' || line.trim() !== '')) &&
    /^\S/.test(body) &&
    !body.endsWith('\n');
  if (!isBlock) return [`${key}: ${plain(text)}`];
  const sign = body === text ? '|-' : '|';
  return [`${key}: ${sign}`, ...lines.map((line) => (line === '' ? '' : `  ${line}`))];
}

/** A field that is left out where it is absent, and nowhere else. */
export function maybe<T>(key: string, value: T | undefined, print: (value: T) => Yaml): Entry {
  return value === undefined ? null : [key, print(value)];
}
