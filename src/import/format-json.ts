/**
 * Logs as JSON: `journalctl -o json` with an object a line, its pretty form, and `dmesg --json`.
 *
 * Files are read line by line and not as one document, so that a file that was cut off is read up to
 * where it ends.
 */
import { deviceOfUevent, levelOfPriority, type Reading, reading } from './format-reading.ts';

/** A reading with the line it stands on, counted from 1, and the id of its boot where there is one. */
export interface JsonReading {
  readonly line: number;
  readonly bootId: string | null;
  readonly reading: Reading;
}

export interface JsonReader {
  /** Takes the next line of the file, whose number is `line`. */
  push(raw: string, line: number): void;
  end(): void;
  /** Lines of objects that hold no message, so far. */
  skipped(): number;
}

/** `"MESSAGE" : "text",` of a pretty-printed object. */
const FIELD = /^\s{0,20}"([^"\\]{1,80})"\s{0,4}:\s{0,20}(?![[{]\s{0,20}$)(\S.*)$/;
const OBJECT_ENDS = /^\s{0,20}\}/;
const PUNCTUATION = /^\s{0,20}(?:"\w{1,80}"\s{0,4}:)?[\s{}[\],]*$/;

/** Whether a file is JSON whose first line that is not blank is `line`. */
export function looksLikeJson(line: string): boolean {
  const first = line.trim();
  if (first === '{' || first === '[' || first === '[{') return true;
  return first.startsWith('{') && objectOf(first) !== null;
}

export function createJsonReader(take: (reading: JsonReading) => void): JsonReader {
  let skipped = 0;
  let fields = new Map<string, unknown>();
  let start = 0;
  const push = (line: number, from: ReadonlyMap<string, unknown>): boolean => {
    const found = journalFields(from, line);
    if (found !== null) take(found);
    return found !== null;
  };
  return {
    push(raw, line) {
      const whole = raw.startsWith('{') && raw.length > 1 ? objectOf(raw) : null;
      const field = whole === null ? FIELD.exec(raw) : null;
      if (whole !== null) {
        const records = recordsOf(whole).filter((record) => push(line, record));
        if (records.length === 0) skipped++;
      } else if (field !== null) {
        if (fields.size === 0) start = line;
        fields.set(field[1] ?? '', jsonOf(field[2] ?? ''));
      } else if (!PUNCTUATION.test(raw)) skipped++;
      if (whole === null && OBJECT_ENDS.test(raw)) {
        push(start, fields);
        fields = new Map();
      }
    },
    end: () => push(start, fields),
    skipped: () => skipped,
  };
}

/** An object is a record, or has them in an array as `dmesg --json` has. */
function recordsOf(object: object): ReadonlyMap<string, unknown>[] {
  const own = new Map<string, unknown>(Object.entries(object));
  const list = own.get('dmesg');
  if (!Array.isArray(list)) return [own];
  const objects = list.filter((item) => typeof item === 'object' && item !== null);
  return objects.map((item) => new Map<string, unknown>(Object.entries(item)));
}

/** An entry of the journal by its fields, which begins on that line; null for one without a message. */
export function journalFields(
  fields: ReadonlyMap<string, unknown>,
  line: number,
): JsonReading | null {
  const found = readingOf(fields);
  return found === null ? null : { line, bootId: textOf(fields.get('_BOOT_ID')), reading: found };
}

function readingOf(fields: ReadonlyMap<string, unknown>): Reading | null {
  const dmesg = textOf(fields.get('msg'));
  if (dmesg !== null) {
    const seconds = Number(textOf(fields.get('time')) ?? Number.NaN);
    return reading({
      format: 'journal-json',
      clock: Number.isFinite(seconds) ? 'kernel' : 'none',
      timeUs: Number.isFinite(seconds) ? Math.round(seconds * 1_000_000) : null,
      level: levelOfPriority(textOf(fields.get('pri')) ?? ''),
      caller: textOf(fields.get('caller')),
      text: dmesg,
    });
  }
  const message = textOf(fields.get('MESSAGE'));
  return message === null ? null : journalReading(fields, message);
}

/** The kernel's own stamp where the journal kept it, else when the journal received the message. */
function journalReading(fields: ReadonlyMap<string, unknown>, message: string): Reading {
  const source = textOf(fields.get('_SOURCE_MONOTONIC_TIMESTAMP'));
  const received = textOf(fields.get('__MONOTONIC_TIMESTAMP'));
  const time = Number(source ?? received ?? Number.NaN);
  const device = textOf(fields.get('_KERNEL_DEVICE'));
  const program = textOf(fields.get('SYSLOG_IDENTIFIER')) ?? 'kernel';
  const transport = textOf(fields.get('_TRANSPORT')) ?? program;
  return reading({
    format: 'journal-json',
    clock: Number.isSafeInteger(time) ? 'kernel' : 'none',
    timeUs: Number.isSafeInteger(time) ? time : null,
    level: levelOfPriority(textOf(fields.get('PRIORITY')) ?? ''),
    text: program === 'kernel' ? message : `${program}: ${message}`,
    subsystem: textOf(fields.get('_KERNEL_SUBSYSTEM')),
    device: device === null ? null : deviceOfUevent(device),
    userSpace: transport !== 'kernel',
  });
}

/** Text of a field; numbers as they print, and arrays of bytes, the journal's form of odd text. */
function textOf(value: unknown): string | null {
  if (typeof value === 'string') return value;
  if (typeof value === 'number') return String(value);
  if (!Array.isArray(value)) return null;
  const bytes = value.filter((item) => typeof item === 'number');
  return new TextDecoder().decode(Uint8Array.from(bytes));
}

function jsonOf(text: string): unknown {
  try {
    const value: unknown = JSON.parse(text.trim().replace(/,$/, ''));
    return value;
  } catch {
    return null;
  }
}

function objectOf(text: string): object | null {
  const value = jsonOf(text);
  return typeof value === 'object' && value !== null && !Array.isArray(value) ? value : null;
}
