/** Lines put together to messages: wrapped lines are joined, what is no message is counted. */
import { shellCommand } from './action.ts';
import type { JsonReading } from './format-json.ts';
import type { Line } from './format-lines.ts';
import { type Reading, reading } from './format-reading.ts';
import { readCaller } from './format-stamp.ts';
import type { Layout } from './format-survey.ts';
import { isJournalNote } from './format-syslog.ts';
import { continues } from './format-wrap.ts';

/** A message before boots are told apart. */
export interface Draft {
  readonly line: number;
  readonly reading: Reading;
  text: string;
  /** A line before it says that a boot begins, or the boot's id has changed. */
  readonly afterBootNote: boolean;
}

export interface Drafter<T> {
  push(item: T): void;
  end(): void;
  /** Lines that are no message, so far. */
  skipped(): number;
}

const KERNEL_LINE = /^Linux version \d/;
/** What is left of a stamp after bits have flipped, in logs that lived through a reset in RAM. */
const DAMAGED_STAMP = /^.{0,2} {0,5}[\d. \ufffd]{6,14}[\]\ufffd]{1,2} ?/;

/** The messages of a log that is text. */
export function createDrafter(layout: Layout, take: (draft: Draft) => void): Drafter<Line> {
  const joined = createJoiner(layout.wrapped, take);
  let leftOut = 0;
  return {
    push(line) {
      if (layout.plain) {
        if (line.text !== '') joined.push(asPlain(line));
      } else if (layout.quoted || !line.quoted || line.text === '') joined.push(line);
      else leftOut++;
    },
    end: joined.end,
    skipped: () => joined.skipped() + leftOut,
  };
}

function createJoiner(wrapped: boolean, take: (draft: Draft) => void): Drafter<Line> {
  let skipped = 0;
  let note = false;
  let any = false;
  /** The last message, while lines may follow that belong to it. */
  let open: Draft | null = null;
  /** The open message's last line, as it stands in the file. */
  let tail = '';
  const close = (): void => {
    if (open !== null) take(open);
    open = null;
  };
  return {
    push(line) {
      const found = line.reading ?? unstamped(line.text);
      if (open !== null && wrapped && belongs(line, tail)) {
        open.text += `${open.text.endsWith(' ') ? '' : ' '}${line.text}`;
        tail = line.raw;
        return;
      }
      if (open !== null && found?.continues === true) {
        open.text += found.text;
        return;
      }
      close();
      if (found !== null && !found.userSpace) {
        const drafts = draftsOf(line.line, found, note);
        open = drafts.pop() ?? null;
        tail = line.raw;
        for (const draft of drafts) take(draft);
        any = true;
        note = false;
      } else if (line.text !== '') {
        note ||= any && isJournalNote(line.text);
        skipped++;
      }
    },
    end: close,
    skipped: () => skipped,
  };
}

/** The messages of a log as JSON. */
export function createJsonDrafter(take: (draft: Draft) => void): Drafter<JsonReading> {
  let boot: string | null = null;
  let skipped = 0;
  return {
    push({ line, bootId, reading: found }) {
      const afterBootNote = bootId !== null && boot !== null && bootId !== boot;
      boot = bootId ?? boot;
      if (found.userSpace) skipped++;
      else for (const draft of draftsOf(line, found, afterBootNote)) take(draft);
    },
    end: () => {},
    skipped: () => skipped,
  };
}

function asPlain(line: Line): Line {
  return line.reading === null
    ? { ...line, reading: reading(readCaller(line.text)) }
    : { ...line, reading: reading({ text: line.text }) };
}

/** Whether the line continues a message whose last line is `tail`. */
function belongs(line: Line, tail: string): boolean {
  const isStamped = line.reading !== null && line.reading.format !== 'plain';
  return !isStamped && shellCommand(line.text) === null && continues(tail, line.text);
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
function draftsOf(line: number, found: Reading, afterBootNote: boolean): Draft[] {
  const { text } = found;
  if (!text.includes('\n')) return [{ line, reading: found, text, afterBootNote }];
  return text.split('\n').map((part, i) => ({
    line,
    reading: found,
    text: part,
    afterBootNote: afterBootNote && i === 0,
  }));
}
