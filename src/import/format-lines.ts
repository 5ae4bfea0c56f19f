/** Lines of a file, each with what it says on its own. */
import { readKmsgDict } from './format-kmsg.ts';
import { unwrapLava } from './format-lava.ts';
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

export interface LineReader {
  /** Takes the next line of the file, whose number is `line`. */
  push(raw: string, line: number): void;
  end(): void;
}

const QUOTE = /^>(?:[> ]{0,40}>)? ?/;
const BLANK = /^\s*$/;
const SPACE = 0x20;

/** Reads lines one by one; ` KEY=value` lines go into the record before them. */
export function createLineReader(take: (line: Line) => void): LineReader {
  /** A record that such lines may follow. */
  let held: Line | null = null;
  const release = (): void => {
    if (held !== null) take(held);
    held = null;
  };
  return {
    push(raw, line) {
      const quote = raw.startsWith('>') ? QUOTE.exec(raw) : null;
      const text = textOf(unwrapLava(quote === null ? raw : raw.slice(quote[0].length)));
      if (held !== null) {
        const longer = text.startsWith(' ') ? withDict(held, text) : null;
        if (longer === null) release();
        else held = longer;
        if (longer !== null) return;
      }
      const quoted = quote !== null;
      const { torn, last } = readingsOf(text);
      for (const reading of torn) take({ line, raw, text, quoted, reading });
      const entry = { line, raw, text, quoted, reading: last };
      if (last?.format === 'kmsg') held = entry;
      else take(entry);
    },
    end: release,
  };
}

/** Empty for a line of blanks. */
function textOf(text: string): string {
  return text.charCodeAt(0) > SPACE || !BLANK.test(text) ? text : '';
}

/** What stands before the last stamp of a line, and from it on. */
interface Readings {
  readonly torn: readonly Reading[];
  readonly last: Reading | null;
}

const NONE: readonly Reading[] = [];

/** Splits a line at every stamp inside it. */
function readingsOf(text: string): Readings {
  const first = text === '' ? null : readLine(text);
  if (first !== null) return splits(first) ? split(text, first) : { torn: NONE, last: first };
  const at = stampInside(text, 1);
  if (at < 0) return { torn: NONE, last: null };
  const rest = text.slice(at);
  const reading = readLine(rest);
  return reading === null ? { torn: NONE, last: null } : split(rest, reading);
}

function split(text: string, first: Reading): Readings {
  const torn: Reading[] = [];
  let last: Reading | null = first;
  let rest = text;
  while (last !== null && splits(last)) {
    const start = rest.length - last.text.length;
    const at = stampInside(rest, start);
    if (at < 0) break;
    torn.push({ ...last, text: rest.slice(start, at).trimEnd() });
    rest = rest.slice(at);
    last = readLine(rest);
  }
  return { torn, last };
}

/** Only consoles tear lines. */
function splits({ clock, format }: Reading): boolean {
  return clock === 'kernel' && (format === 'dmesg' || format === 'dmesg-r');
}

/** The record with the ` KEY=value` line in it; null when the line is none. */
function withDict(line: Line, text: string): Line | null {
  const entry = readKmsgDict(text);
  const { reading } = line;
  if (entry === null || reading === null) return null;
  if (entry.key === 'SUBSYSTEM')
    return { ...line, reading: { ...reading, subsystem: entry.value } };
  if (entry.key !== 'DEVICE') return line;
  return { ...line, reading: { ...reading, device: deviceOfUevent(entry.value) } };
}
