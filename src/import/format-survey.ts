/** What the lines of a log, taken together, say about how it must be read. */
import type { Line } from './format-lines.ts';
import { isTooLong, isWrapped } from './format-wrap.ts';
import type { LogFormat } from './record.ts';

/** With fewer stamped lines than both of these, the stamps are part of some text. */
const STAMPED_MIN = 10;
const STAMPED_SHARE = 0.02;
/** Above this share of unstamped lines a log is a capture of a console. */
const JUNK_SHARE = 0.3;
const MAIL = /^(?:On .{5,120} wrote:|From: .{3,120}|> ?.*)$/;

/** How a log is read that is text, not JSON. */
export interface Layout {
  /** It has no stamps. */
  readonly plain: boolean;
  /** Its lines are those that a mail quotes. */
  readonly quoted: boolean;
  /** A mail program broke its lines. */
  readonly wrapped: boolean;
}

export interface Survey {
  /** Lines of the file. */
  lines: number;
  longLines: number;
  /** A mail's head or quotes are in it. */
  mail: boolean;
  /** Entries that are not empty, and those with a stamp or a header. */
  filled: number;
  filledQuoted: number;
  stamped: number;
  stampedQuoted: number;
  stampedLong: number;
  /** How many entries have each format, the first one met first. */
  readonly formats: Map<LogFormat, number>;
}

export function createSurvey(): Survey {
  const lines = { lines: 0, longLines: 0, mail: false };
  const filled = { filled: 0, filledQuoted: 0 };
  const stamped = { stamped: 0, stampedQuoted: 0, stampedLong: 0 };
  return { ...lines, ...filled, ...stamped, formats: new Map() };
}

export function countLine(survey: Survey, raw: string): void {
  survey.lines++;
  if (isTooLong(raw)) survey.longLines++;
  if (!survey.mail) survey.mail = MAIL.test(raw);
}

export function countEntry(survey: Survey, { raw, text, quoted, reading }: Line): void {
  if (text === '') return;
  survey.filled++;
  if (quoted) survey.filledQuoted++;
  if (reading === null) return;
  survey.stamped++;
  if (quoted) survey.stampedQuoted++;
  if (isTooLong(raw)) survey.stampedLong++;
  survey.formats.set(reading.format, (survey.formats.get(reading.format) ?? 0) + 1);
}

export function layoutOf(survey: Survey): Layout {
  const { lines, longLines, filled, stamped, stampedQuoted, stampedLong } = survey;
  const sparse = stamped < STAMPED_MIN && stamped < filled * STAMPED_SHARE;
  if (stamped === 0 || sparse)
    return { plain: true, quoted: false, wrapped: isWrapped(longLines, lines) };
  const quoted = stampedQuoted * 2 > stamped;
  return { plain: false, quoted, wrapped: isWrapped(stampedLong, stamped) };
}

/** The format of most lines; of equals, the one that comes first. */
export function formatOf(
  survey: Survey,
  { plain, quoted }: Layout,
  { skipped, fromTerminal }: { readonly skipped: number; readonly fromTerminal: boolean },
): LogFormat {
  if (plain) return 'plain';
  if (quoted) return 'quoted';
  let main: LogFormat = 'dmesg';
  for (const [format, count] of survey.formats) {
    if (count > (survey.formats.get(main) ?? 0)) main = format;
  }
  const junk = skipped > survey.filled * JUNK_SHARE && !survey.mail;
  return main === 'dmesg' && (fromTerminal || junk) ? 'serial' : main;
}
