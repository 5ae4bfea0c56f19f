/** A log file of any format, to records. */
import { shellCommand } from './action.ts';
import { placeBoots } from './format-boot.ts';
import { looksLikeJson, readJsonLog } from './format-json.ts';
import { type Line, readLines } from './format-lines.ts';
import { type Reading, reading } from './format-reading.ts';
import { readCaller } from './format-stamp.ts';
import { isJournalNote } from './format-syslog.ts';
import { cleanText } from './format-text.ts';
import { continues, isWrapped } from './format-wrap.ts';
import type { LogFormat, LogRecord, ParsedLog } from './record.ts';

/** Microseconds in a leap year: stamps without a year jump back by one at New Year. */
const YEAR_US = 366 * 86_400 * 1_000_000;
/** With fewer stamped lines than both of these, the stamps are part of some text. */
const STAMPED_MIN = 10;
const STAMPED_SHARE = 0.02;
/** Above this share of unstamped lines a log is a capture of a console. */
const JUNK_SHARE = 0.3;
const MAIL = /^(?:On .{5,120} wrote:|From: .{3,120}|> ?.*)$/;
const KERNEL_LINE = /^Linux version \d/;
/** What is left of a stamp after bits have flipped, in logs that lived through a reset in RAM. */
const DAMAGED_STAMP = /^.{0,2} {0,5}[\d. \ufffd]{6,14}[\]\ufffd]{1,2} ?/;

/** A record before boots are told apart. */
interface Draft {
  readonly line: number;
  readonly reading: Reading;
  /** The line as it stands in the file; of a wrapped message, its last. */
  tail: string;
  text: string;
  afterBootNote: boolean;
}

interface Kept {
  readonly drafts: readonly Draft[];
  readonly skipped: number;
}

/**
 * Reads a log in whatever format it is, which is told from its content.
 *
 * Total: any bytes give a result. Linear in the bytes. Every line that is not empty is a record,
 * part of one, or counted as skipped; `journalctl` lines of user space are skipped.
 */
export function parseLog(bytes: Uint8Array): ParsedLog {
  const { lines, fromTerminal } = cleanText(bytes);
  if (looksLikeJson(lines)) {
    const json = parseJson(lines);
    if (json !== null) return json;
  }
  const read = readLines(lines);
  const stamped = read.filter((line) => line.reading !== null);
  const filled = read.filter((line) => line.text !== '');
  const sparse = stamped.length < STAMPED_MIN && stamped.length < filled.length * STAMPED_SHARE;
  if (stamped.length === 0 || sparse) {
    return finish('plain', lines.length, keep(filled.map(asPlain), isWrapped(lines)));
  }
  const quoted = stamped.filter((line) => line.quoted).length * 2 > stamped.length;
  const wrapped = isWrapped(stamped.map((line) => line.raw));
  const kept = keep(
    read.filter((line) => quoted || !line.quoted || line.text === ''),
    wrapped,
  );
  const leftOut = quoted ? 0 : filled.filter((line) => line.quoted).length;
  const all = { drafts: kept.drafts, skipped: kept.skipped + leftOut };
  const junk = all.skipped > filled.length * JUNK_SHARE && !lines.some((line) => MAIL.test(line));
  const format = quoted ? 'quoted' : mainFormat(stamped, fromTerminal || junk);
  return finish(format, lines.length, all);
}

function parseJson(lines: readonly string[]): ParsedLog | null {
  const { readings, skipped } = readJsonLog(lines);
  if (readings.length === 0) return null;
  let bootId = readings[0]?.bootId ?? null;
  const drafts: Draft[] = [];
  let userSpace = 0;
  for (const item of readings) {
    const afterBootNote = item.bootId !== null && bootId !== null && item.bootId !== bootId;
    bootId = item.bootId ?? bootId;
    if (item.reading.userSpace) userSpace++;
    else pushDrafts(drafts, item.line, item.reading, '', afterBootNote);
  }
  return finish('journal-json', lines.length, { drafts, skipped: skipped + userSpace });
}

function asPlain(line: Line): Line {
  return line.reading === null
    ? { ...line, reading: reading(readCaller(line.text)) }
    : { ...line, reading: reading({ text: line.text }) };
}

/** Puts lines together to drafts: wrapped lines are joined, what is no message is counted. */
function keep(lines: readonly Line[], wrapped: boolean): Kept {
  const drafts: Draft[] = [];
  let skipped = 0;
  let open: Draft | undefined;
  let note = false;
  for (const line of lines) {
    const found = line.reading ?? unstamped(line.text);
    const joins =
      open !== undefined && wrapped && !isStamped(line) && shellCommand(line.text) === null;
    if (open !== undefined && joins && continues(open.tail, line.text)) {
      open.text += `${open.text.endsWith(' ') ? '' : ' '}${line.text}`;
      open.tail = line.raw;
    } else if (found !== null && !found.userSpace) {
      open = pushDrafts(drafts, line.line, found, line.raw, note);
      note = false;
    } else {
      open = undefined;
      if (line.text === '') continue;
      note ||= isJournalNote(line.text) && drafts.length > 0;
      skipped++;
    }
  }
  return { drafts, skipped };
}

function isStamped(line: Line): boolean {
  return line.reading !== null && line.reading.format !== 'plain';
}

/**
 * Of lines without a stamp, those that matter: the first one of a kernel, a user's command, and what
 * follows a damaged stamp.
 */
function unstamped(text: string): Reading | null {
  const damaged = text.includes('\ufffd') ? DAMAGED_STAMP.exec(text) : null;
  if (damaged !== null) return reading({ text: text.slice(damaged[0].length) });
  const matters = KERNEL_LINE.test(text) || shellCommand(text) !== null;
  return matters ? reading({ text }) : null;
}

/** A message of several lines becomes as many records, as the console prints it. */
function pushDrafts(
  drafts: Draft[],
  line: number,
  found: Reading,
  tail: string,
  afterBootNote: boolean,
): Draft | undefined {
  let note = afterBootNote;
  for (const text of found.text.includes('\n') ? found.text.split('\n') : [found.text]) {
    drafts.push({ line, reading: found, tail, text, afterBootNote: note });
    note = false;
  }
  return drafts.at(-1);
}

/** The format of most lines; of equals, the one that comes first. */
function mainFormat(stamped: readonly Line[], console: boolean): LogFormat {
  const counts = new Map<LogFormat, number>();
  for (const { reading: found } of stamped) {
    if (found !== null) counts.set(found.format, (counts.get(found.format) ?? 0) + 1);
  }
  let main: LogFormat = 'dmesg';
  for (const [format, count] of counts) {
    if (count > (counts.get(main) ?? 0)) main = format;
  }
  return main === 'dmesg' && console ? 'serial' : main;
}

function finish(format: LogFormat, lines: number, { drafts, skipped }: Kept): ParsedLog {
  const timed = drafts.map((draft) => ({
    bootTimeUs: draft.reading.clock === 'kernel' ? draft.reading.timeUs : null,
    text: draft.text,
    afterBootNote: draft.afterBootNote,
  }));
  const places = placeBoots(timed);
  const times = timesOf(drafts);
  const records = drafts.map((draft, index): LogRecord => {
    const { level, caller, subsystem, device } = draft.reading;
    const { boot, replay } = places[index] ?? { boot: 0, replay: false };
    const timeUs = times[index] ?? null;
    const { line, text } = draft;
    return { line, timeUs, level, caller, text, subsystem, device, boot, replay };
  });
  return { format, lines, records, skipped };
}

/** Microseconds of each draft: wall clocks count from the first of them. */
function timesOf(drafts: readonly Draft[]): readonly (number | null)[] {
  let base: number | null = null;
  let last = 0;
  let years = 0;
  return drafts.map(({ reading: { clock, timeUs } }) => {
    if (timeUs === null || clock === 'kernel' || clock === 'none') return timeUs;
    if (clock === 'delta') last += timeUs;
    else {
      base ??= timeUs;
      let since = timeUs - base + years * YEAR_US;
      if (last - since > YEAR_US / 2) {
        years++;
        since += YEAR_US;
      }
      last = since;
    }
    return last;
  });
}
