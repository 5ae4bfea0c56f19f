/** Lines of a file, each with what it says on its own. */
import { readKmsgDict } from './format-kmsg.ts';
import { readLine, stampInside } from './format-line.ts';
import { deviceOfUevent, type Reading } from './format-reading.ts';

export interface Line {
  /** Counted from 1. A line that two consoles wrote into gives several entries. */
  readonly line: number;
  /** As it stands in the file. */
  readonly raw: string;
  /** Without quote marks; empty for a line of blanks. */
  readonly text: string;
  readonly quoted: boolean;
  readonly reading: Reading | null;
}

const QUOTE = /^>(?:[> ]{0,40}>)? ?/;
const BLANK = /^\s*$/;

/** Reads every line; ` KEY=value` lines go into the record before them. */
export function readLines(lines: readonly string[]): readonly Line[] {
  const read: Line[] = [];
  for (const [index, raw] of lines.entries()) {
    const quote = raw.startsWith('>') ? QUOTE.exec(raw) : null;
    const unquoted = quote === null ? raw : raw.slice(quote[0].length);
    const text = BLANK.test(unquoted) ? '' : unquoted;
    const quoted = quote !== null;
    if (text.startsWith(' ') && attachDict(read, text)) continue;
    const line = { line: index + 1, raw, text, quoted };
    if (!pushReadings(read, line, text)) read.push({ ...line, reading: null });
  }
  return read;
}

/** Splits a line at every stamp inside it; false when the line has none. */
function pushReadings(read: Line[], line: Omit<Line, 'reading'>, text: string): boolean {
  let reading = text === '' ? null : readLine(text);
  let rest = text;
  if (reading === null) {
    const at = stampInside(text, 1);
    if (at < 0) return false;
    rest = text.slice(at);
    reading = readLine(rest);
  }
  while (reading !== null) {
    const at = splits(reading) ? stampInside(rest, rest.length - reading.text.length) : -1;
    if (at < 0) break;
    const own = reading.text.slice(0, at - (rest.length - reading.text.length)).trimEnd();
    read.push({ ...line, reading: { ...reading, text: own } });
    rest = rest.slice(at);
    reading = readLine(rest);
  }
  read.push({ ...line, reading });
  return true;
}

/** Only consoles tear lines. */
function splits({ clock, format }: Reading): boolean {
  return clock === 'kernel' && (format === 'dmesg' || format === 'dmesg-r');
}

/** Puts a ` KEY=value` line into the kmsg record before it; false when there is none. */
function attachDict(read: Line[], text: string): boolean {
  const last = read.at(-1);
  if (last?.reading?.format !== 'kmsg') return false;
  const entry = readKmsgDict(text);
  if (entry === null) return false;
  const { reading } = last;
  if (entry.key === 'SUBSYSTEM') {
    read[read.length - 1] = { ...last, reading: { ...reading, subsystem: entry.value } };
  } else if (entry.key === 'DEVICE') {
    const device = deviceOfUevent(entry.value);
    read[read.length - 1] = { ...last, reading: { ...reading, device } };
  }
  return true;
}
