import { styleText } from 'node:util';

/** Control characters (but not newline and tab), bidi controls and lone surrogates. */
const INVISIBLE = /(?![\n\t])[\p{Cc}\p{Cs}\p{Bidi_Control}]/gu;

/**
 * Makes characters visible that could steer a terminal or reorder what it shows: U+001B becomes
 * `\x1b`, U+202E becomes `\u{202e}`. Newlines and tabs stay.
 */
export function escapeControls(text: string): string {
  return text.replace(INVISIBLE, escapeOne);
}

function escapeOne(character: string): string {
  const code = character.codePointAt(0) ?? 0;
  const hex = code.toString(16);
  return code <= 0xff ? `\\x${hex.padStart(2, '0')}` : `\\u{${hex}}`;
}

/** One line on standard error. */
export function warn(what: string): void {
  process.stderr.write(`${escapeControls(`warning: ${what}`)}\n`);
}

export type Style = 'red' | 'green' | 'yellow' | 'cyan' | 'bold' | 'dim';
export type Paint = (style: Style, text: string) => string;

/** Colours text when `stream` is a terminal and neither NO_COLOR nor a dumb terminal forbids it. */
export function painter(
  stream: { readonly isTTY?: boolean } = process.stdout,
  env: Readonly<Record<string, string | undefined>> = process.env,
): Paint {
  const on = stream.isTTY === true && !env['NO_COLOR'] && env['TERM'] !== 'dumb';
  return on
    ? (style, text) => styleText(style, text, { validateStream: false })
    : (_, text) => text;
}

/** A count of steps, on standard error and only where that is a terminal. */
export function progress(
  what: string,
  stream: { readonly isTTY?: boolean; write(text: string): unknown } = process.stderr,
): { readonly step: (count: number) => void; readonly done: () => void } {
  if (stream.isTTY !== true) return { step: () => {}, done: () => {} };
  return {
    step: (count) => stream.write(`\r${what} ${count}`),
    done: () => stream.write('\r\x1b[K'),
  };
}

export interface Column {
  readonly heading: string;
  readonly align?: 'left' | 'right';
  /** Applied to each padded cell, so that colour does not disturb the alignment. */
  readonly paint?: (cell: string) => string;
}

/**
 * Aligns rows under their columns, two spaces apart, without trailing spaces or a final newline.
 * Cells are escaped, newlines too, and a tab is a space. The heading is left out when no column has one.
 */
export function table(
  rows: readonly (readonly string[])[],
  columns: readonly (Column | string)[],
): string {
  const specs = columns.map((column) =>
    typeof column === 'string' ? { heading: column } : column,
  );
  const body = rows.map((row) => specs.map((_, i) => escapeCell(row[i] ?? '')));
  const heading = specs.map((spec) => spec.heading);
  const headed = heading.some((text) => text !== '');
  const widths = specs.map((_, i) =>
    [heading, ...body].reduce((width, row) => Math.max(width, widthOf(row[i] ?? '')), 0),
  );
  const lines = body.map((row) => alignRow(row, specs, widths, true));
  if (headed) lines.unshift(alignRow(heading, specs, widths, false));
  return lines.join('\n');
}

function alignRow(
  row: readonly string[],
  specs: readonly Column[],
  widths: readonly number[],
  painted: boolean,
): string {
  // The last filled cell is not padded: painted padding would survive the removal of spaces.
  const last = row.findLastIndex((cell) => cell !== '');
  const cells = specs.slice(0, last + 1).map((spec, i) => {
    const cell = row[i] ?? '';
    const gap = ' '.repeat((widths[i] ?? 0) - widthOf(cell));
    const padded = spec.align === 'right' ? gap + cell : i === last ? cell : cell + gap;
    return painted && spec.paint ? spec.paint(padded) : padded;
  });
  return cells.join('  ');
}

function escapeCell(text: string): string {
  return escapeControls(text).replaceAll('\t', ' ').replaceAll('\n', escapeOne);
}

/** In code points: the names in a kernel log are ASCII, nearly always. */
function widthOf(text: string): number {
  return [...text].length;
}
