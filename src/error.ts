/** What can be wrong with the input. Findings are values and bugs are assertions, not listed here. */
export type ReprobeErrorCode =
  | 'UNREADABLE'
  | 'UNWRITABLE'
  | 'TOO_LARGE'
  | 'NOT_UTF8'
  | 'BAD_TRACE'
  | 'TORN_TRACE'
  | 'EDITED_TRACE'
  | 'BAD_SCENARIO'
  | 'BAD_YAML'
  | 'BAD_MACHINE'
  | 'BAD_SESSION'
  | 'BAD_EVIDENCE'
  | 'BAD_LOG'
  | 'BAD_EXPRESSION'
  | 'BAD_TOKEN'
  | 'BAD_CAMPAIGN'
  | 'UNKNOWN_NAME'
  | 'NO_EVIDENCE'
  | 'CHECK_ABORTED'
  | 'USAGE';

/** Where in the input an error is, as far as known, and what to do about it. */
export interface ErrorPlace {
  readonly file?: string | null;
  /** Counted from 1. */
  readonly line?: number | null;
  /** Counted from 1, in UTF-16 code units. */
  readonly column?: number | null;
  /** The text of the line, shown with a caret under the column. */
  readonly sourceLine?: string | null;
  /** One sentence: what the reader can do. */
  readonly hint?: string | null;
}

/** An error in what the user gave: a file, a scenario, a log, a flag. */
export class ReprobeError extends Error {
  override readonly name = 'ReprobeError';
  readonly code: ReprobeErrorCode;
  readonly file: string | null;
  readonly line: number | null;
  readonly column: number | null;
  readonly sourceLine: string | null;
  readonly hint: string | null;

  constructor(code: ReprobeErrorCode, message: string, place: ErrorPlace = {}) {
    super(message);
    this.code = code;
    this.file = place.file ?? null;
    this.line = place.line ?? null;
    this.column = place.column ?? null;
    this.sourceLine = place.sourceLine ?? null;
    this.hint = place.hint ?? null;
  }
}

/** Of a source line, so many characters before and after the column are shown. */
const SHOWN_BEFORE = 60;
const SHOWN_AFTER = 40;

/**
 * Renders `file:line:column: message`, then the source line with a caret, then the hint.
 *
 * `show` is applied to every piece of foreign text, and the caret is placed under what it returns:
 * pass a function that makes control characters visible.
 */
export function renderError(
  error: ReprobeError,
  show: (text: string) => string = (text) => text,
): string {
  const lines = [`${renderPlace(error, show)}${show(error.message)}`];
  if (error.sourceLine !== null) lines.push(...renderSource(error.sourceLine, error.column, show));
  if (error.hint !== null) lines.push(`hint: ${show(error.hint)}`);
  return lines.join('\n');
}

function renderPlace(error: ReprobeError, show: (text: string) => string): string {
  const { file, line, column } = error;
  if (file === null && line === null) return '';
  const position = [line, line === null ? null : column].filter((part) => part !== null);
  if (file === null) return `line ${position.join(':')}: `;
  return `${[show(file), ...position].join(':')}: `;
}

function renderSource(
  source: string,
  column: number | null,
  show: (text: string) => string,
): readonly string[] {
  const at = Math.max(0, Math.min((column ?? 1) - 1, source.length));
  const start = Math.max(0, at - SHOWN_BEFORE);
  const before = `${start > 0 ? '…' : ''}${show(source.slice(start, at))}`;
  const end = Math.min(source.length, at + SHOWN_AFTER);
  const after = `${show(source.slice(at, end))}${end < source.length ? '…' : ''}`;
  const shown = `  ${before}${after}`.trimEnd();
  if (column === null) return [shown];
  return [shown, `  ${before.replace(/[^\t]/gu, ' ')}^`];
}
