/** Lines of /var/log/kern.log, of `journalctl` with headers of text, and of logcat. */
import type { PrintkLevel } from '../events/terms.ts';
import { type Reading, reading } from './format-reading.ts';
import {
  FRACTION_AT,
  LEAP_YEAR,
  readCaller,
  readIso,
  readStamp,
  wallTimeUs,
} from './format-stamp.ts';
import { monthOf } from './month-table.ts';

/** `May  6 08:38:08`, by the user's language, or `Jun 23 14:21:50.123456`, before that a weekday or year as journalctl may. */
const CLASSIC =
  /^(?:[^\s\d[\]]{1,12} )?(\d{0,2}[^\s\d[\]]{1,12}) {1,2}(\d{1,2}) (?:(\d{4}) )?(\d\d):(\d\d):(\d\d)(?:\.(\d{1,6}))? /;
/** `Mon 2021-06-28 09:22:12 MST`, of `journalctl -o short-full`. */
const FULL = /^\w{3} (\d{4})-(\d\d)-(\d\d) (\d\d):(\d\d):(\d\d) [A-Z+\-\d]{1,6} /;
/** `1759863083.123456`, of `journalctl -o short-unix`. */
const UNIX = /^(\d{9,11})\.(\d{6}) /;
/** Host and program: `xps-9320 kernel: `, `xps-9320 boltd[1204]: `. */
const PROGRAM = /^(\S{1,255}) ([^\s:[\]]{1,64})(?:\[\d{1,9}\])?: ?/;
/** `-- Journal begins at …`, `-- Boot 0123… --`. */
const JOURNAL_NOTE = /^-- (?:Journal begins|Logs begin|Boot [0-9a-f]{32}|No entries|Reboot)/;

interface Header {
  readonly timeUs: number;
  readonly rest: string;
  /** Written as journalctl writes it, when nothing else tells. */
  readonly journal: boolean;
}

export function isJournalNote(line: string): boolean {
  return JOURNAL_NOTE.test(line);
}

/**
 * A line of a syslog or journal. A program of user space may have printed it.
 *
 * A line whose text begins with the kernel's own stamp was written by a syslog daemon; journalctl
 * takes the stamp away.
 */
export function readSyslogLine(line: string): Reading | null {
  const header = readHeader(line);
  if (header === null) return null;
  const program = PROGRAM.exec(header.rest);
  if (program === null) return null;
  const name = program[2] ?? '';
  const body = header.rest.slice(program[0].length);
  if (name !== 'kernel') return readProgramLine(header, name, body);
  const stamp = readStamp(body);
  if (stamp !== null && stamp.clock === 'kernel') {
    return reading({ format: 'syslog', ...stamp });
  }
  const format = header.journal ? 'journal' : 'syslog';
  return reading({ format, clock: 'wall', timeUs: header.timeUs, ...readCaller(body) });
}

const isOfDmesg = (line: string): boolean =>
  line.charAt(FRACTION_AT) === ',' && readIso(line) !== null;

/** Where a line of a syslog or journal names its host, and where its message begins; null for other lines. */
export function programOf(line: string): {
  readonly host: { readonly start: number; readonly end: number };
  readonly body: number;
  readonly userSpace: boolean;
} | null {
  const header = isOfDmesg(line) ? null : readHeader(line);
  const program = header === null ? null : PROGRAM.exec(header.rest);
  if (header === null || program === null) return null;
  const start = line.length - header.rest.length;
  const [whole, host = '', name = ''] = program;
  const userSpace = readProgramLine(header, name, '').userSpace && name !== 'kernel';
  return { host: { start, end: start + host.length }, body: start + whole.length, userSpace };
}

/** What a program wrote to /dev/kmsg stands under the word before its first colon. */
function readProgramLine(header: Header, name: string, body: string): Reading {
  return reading({
    format: header.journal ? 'journal' : 'syslog',
    clock: 'wall',
    timeUs: header.timeUs,
    text: `${name}: ${body}`,
    userSpace: name !== 'reprobe-action',
  });
}

function readHeader(line: string): Header | null {
  const classic = CLASSIC.exec(line);
  if (classic !== null) {
    const [whole, month = '', day, year, hour, minute, second, fraction = ''] = classic;
    const yearNumber = year === undefined ? LEAP_YEAR : Number(year);
    const seconds = wallTimeUs(yearNumber, monthOf(month), [day, hour, minute, second]);
    if (seconds === null) return null;
    const micros = Number(fraction.padEnd(6, '0'));
    return { timeUs: seconds + micros, rest: line.slice(whole.length), journal: true };
  }
  const iso = readIso(line);
  if (iso !== null) {
    return { timeUs: iso.timeUs, rest: iso.rest, journal: !iso.zone.includes(':') };
  }
  const unix = UNIX.exec(line);
  if (unix !== null) {
    const timeUs = Number(unix[1]) * 1_000_000 + Number(unix[2]);
    return { timeUs, rest: line.slice(unix[0].length), journal: true };
  }
  const full = FULL.exec(line);
  if (full === null) return null;
  const [whole, year, month, ...time] = full;
  const timeUs = wallTimeUs(Number(year), Number(month) - 1, time);
  return timeUs === null ? null : { timeUs, rest: line.slice(whole.length), journal: true };
}

/** `01-01 04:27:48.105     0     0 I tag: text` of `logcat -v threadtime`. */
const LOGCAT =
  /^(\d\d)-(\d\d) (\d\d):(\d\d):(\d\d)\.(\d{3}) {1,6}\d{1,7} {1,6}\d{1,7} ([VDIWEF]) (.*)$/;
/** A tag that logd cut off the message, padded; none of kernel messages without one. */
const TAG = /^([^\s:[\]][^:[\]]{0,40}?) *: /;
const LOGCAT_LEVELS: ReadonlyMap<string, PrintkLevel> = new Map([
  ['V', 'debug'],
  ['D', 'debug'],
  ['I', 'info'],
  ['W', 'warn'],
  ['E', 'err'],
  ['F', 'crit'],
]);

/** A line of `logcat -b kernel`. */
export function readLogcatLine(line: string): Reading | null {
  const match = LOGCAT.exec(line);
  if (match === null) return null;
  const [, month, day, hour, minute, second, millis, letter = '', body = ''] = match;
  const level = LOGCAT_LEVELS.get(letter) ?? null;
  const message = body.replace(/^ {1,20}: /, '');
  const stamp = readStamp(message);
  if (stamp !== null) return reading({ format: 'logcat', level, ...stamp });
  const seconds = wallTimeUs(LEAP_YEAR, Number(month) - 1, [day, hour, minute, second]);
  const timeUs = seconds === null ? null : seconds + Number(millis) * 1000;
  const text = message.replace(TAG, '$1: ');
  return reading({ format: 'logcat', clock: 'wall', timeUs, level, text });
}
