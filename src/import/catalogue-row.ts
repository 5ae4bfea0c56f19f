/**
 * Rows of the message catalogue, and how their templates become patterns.
 *
 * A template is the message with `{name}` or `{name:type}` where the kernel's format string has a
 * conversion. One that begins with `{prefix} {dev}: ` is printed by dev_printk; one that begins with
 * `{name}: ` has a word before the first colon.
 */
import type { PrintkLevel } from '../events/terms.ts';
import type { ObservationKind } from './observation.ts';

/** A row as it is written down. */
export type RowSource = readonly [
  /** Unique; a suffix `-old` marks a wording that was replaced. */
  id: string,
  kind: ObservationKind,
  /** null where it differs between callers. */
  level: PrintkLevel | null,
  /** Oldest kernel release of those examined that has the wording; null: the oldest has it. */
  since: string | null,
  /** Newest kernel release of those examined that has the wording; null: the newest has it. */
  until: string | null,
  /** Source file in the kernel tree. */
  file: string,
  template: string,
  /** A line as printed, without stamp. */
  example: string,
  /** Fields that every line of this row has. */
  constants?: Readonly<Record<string, string>>,
];

/** What stands before the first `: `. */
type Head = 'dev' | 'word' | 'none';

export interface CatalogueRow {
  readonly id: string;
  readonly kind: ObservationKind;
  readonly level: PrintkLevel | null;
  readonly since: string | null;
  readonly until: string | null;
  readonly file: string;
  readonly template: string;
  readonly example: string;
  readonly constants: readonly (readonly [string, string])[];
  readonly head: Head;
  /** Name of the capture that the head is, for a head of one word. */
  readonly headName: string | null;
  /** The longest text without captures: a line that does not contain it cannot match. */
  readonly literal: string;
  /** One or two constant words that the text after the head begins with; null if it varies. */
  readonly key: string | null;
  /** Matches the text after the head, without white space around it. */
  readonly pattern: RegExp;
  /** Names of the captures of `pattern`, in order. */
  readonly names: readonly string[];
}

const CAPTURE = /(\{\w+(?::\w+)?\})/;
const CAPTURE_PARTS = /^\{(\w+)(?::(\w+))?\}$/;
const DEV_HEAD = '{prefix} {dev}: ';
const WORD_HEAD = /^\{(\w+)\}: /;

/** No type matches what another one beside it can give back: a pattern takes linear time. */
const TYPES: Readonly<Record<string, string>> = {
  int: '-?\\d{1,18}',
  small: '\\d{1,9}',
  hex: '(?:0x)?[0-9a-fA-F]{1,32}',
  hex4: '[0-9a-f]{4}',
  hex16: '0x[0-9a-f]{16}',
  err: '-?(?:\\d{1,9}|E[A-Z0-9_]{1,20})',
  word: '\\S+',
  colonword: '[^\\s:]+',
  comma: '[^,]*',
  quoted: "[^']*",
  dquoted: '[^"]*',
  bracket: '[^\\]]*',
  bracketed: '[^)]*',
  paren: '[^)]*',
  vfioid: '[0-9a-f:\\[\\]]+',
  drv: '.+?',
  text: '.+',
  rest: '.*',
};
const TYPE_OF_NAME: Readonly<Record<string, string>> = {
  group: 'small',
  error: 'err',
  drv: 'drv',
};

export function compileRow(source: RowSource): CatalogueRow {
  const [id, kind, level, since, until, file, template, example, constants = {}] = source;
  const word = WORD_HEAD.exec(template);
  const head = template.startsWith(DEV_HEAD) ? 'dev' : word !== null ? 'word' : 'none';
  const headLength = head === 'dev' ? DEV_HEAD.length : (word?.[0].length ?? 0);
  const body = template.slice(headLength);
  const parts = body.split(CAPTURE);
  const literals = parts.filter((part) => !CAPTURE_PARTS.test(part)).map((part) => part.trim());
  return {
    ...{ id, kind, level, since, until, file, template, example, head },
    constants: Object.entries(constants),
    headName: word?.[1] ?? null,
    literal: literals.reduce(
      (longest, part) => (part.length > longest.length ? part : longest),
      '',
    ),
    key: keyOf(parts[0] ?? '', parts.length > 1),
    pattern: new RegExp(`^${parts.map(patternOf).join('')}$`),
    names: parts.flatMap((part) => CAPTURE_PARTS.exec(part)?.[1] ?? []),
  };
}

function patternOf(part: string, index: number, parts: readonly string[]): string {
  const capture = CAPTURE_PARTS.exec(part);
  if (capture === null) return part.replace(/[\\^$.*+?()[\]{}|/]/g, '\\$&');
  const [, name = '', type] = capture;
  const isQuoted = parts[index - 1]?.endsWith("'") && parts[index + 1]?.startsWith("'");
  const pattern = TYPES[type ?? (isQuoted ? 'quoted' : (TYPE_OF_NAME[name] ?? 'word'))];
  return `(${pattern ?? '\\S+'})`;
}

/** The words of `start` that are complete, at most two of them. */
function keyOf(start: string, varies: boolean): string | null {
  const words = start.split(' ');
  if (varies) words.pop();
  const [first, second] = words;
  if (first === undefined || first === '') return null;
  return second === undefined || second === '' ? first : `${first} ${second}`;
}
