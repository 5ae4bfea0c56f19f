/**
 * One line of a log of any format that has a stamp, a priority or a header on every line.
 *
 * Each line is read on its own, so that a file may change its format half way, as mails and captures
 * of shell sessions do.
 */
import { PRINTK_LEVELS, type PrintkLevel } from '../events/terms.ts';
import { readKmsgLine } from './format-kmsg.ts';
import { levelOfPriority, type Reading, reading } from './format-reading.ts';
import { FRACTION_AT, readIso, readStamp } from './format-stamp.ts';
import { readLogcatLine, readSyslogLine } from './format-syslog.ts';
import type { LogFormat } from './record.ts';

/** `<6>` of `dmesg -r` and of pstore. */
const PRIORITY = /^<(\d{1,3})>(?:\d{1,3}>)?/;
/** `kern  :info  : ` of `dmesg -x`. */
const DECODED = /^([a-z]{2,8}\d?) *: ?(emerg|alert|crit|err|warn|notice|info|debug) *: /;
/** `host kernel: text`, what `journalctl -o short-monotonic` has after the stamp. */
const AFTER_MONOTONIC = /^[\w.-]{1,64} kernel: /;
/** A kernel stamp anywhere in a line: a serial console mixes the kernel's text with others'. */
const STAMP_INSIDE = /\[ {0,9}\d{1,9}\.\d{6}(?: <[ +\d.]{1,20}>)?\]/g;

const ZERO = 48;
const NINE = 57;

/** What the line says, or null when nothing at its start tells of a log. */
export function readLine(line: string): Reading | null {
  const first = line.charCodeAt(0);
  if (line.startsWith('[')) return readStampedLine(line, 'dmesg', null);
  if (line.startsWith('<')) return readPriorityLine(line);
  if (first >= ZERO && first <= NINE) {
    return readKmsgLine(line) ?? readLogcatLine(line) ?? readIsoLine(line) ?? readSyslogLine(line);
  }
  return readDecodedLine(line) ?? readSyslogLine(line);
}

/** Where the first kernel stamp in `line` begins, from the index `from` on; -1 if there is none. */
export function stampInside(line: string, from: number): number {
  if (line.indexOf('[', from) < 0) return -1;
  STAMP_INSIDE.lastIndex = from;
  return STAMP_INSIDE.exec(line)?.index ?? -1;
}

function readStampedLine(
  line: string,
  format: LogFormat,
  level: PrintkLevel | null,
): Reading | null {
  const stamp = readStamp(line);
  if (stamp === null) return null;
  const { clock, timeUs, caller, text } = stamp;
  const mayHaveHost = format === 'dmesg' && clock === 'kernel' && secondWordIsKernel(text);
  const monotonic = mayHaveHost ? AFTER_MONOTONIC.exec(text) : null;
  if (monotonic !== null) {
    const rest = text.slice(monotonic[0].length);
    return reading({ format: 'journal', clock, timeUs, level, caller, text: rest });
  }
  const own = format === 'dmesg' && clock !== 'kernel' ? 'dmesg-T' : format;
  return reading({ format: own, clock, timeUs, level, caller, text });
}

function secondWordIsKernel(text: string): boolean {
  return text.startsWith('kernel: ', text.indexOf(' ') + 1);
}

function readPriorityLine(line: string): Reading | null {
  const match = PRIORITY.exec(line);
  if (match === null) return null;
  const level = levelOfPriority(match[1] ?? '');
  const rest = line.slice(match[0].length);
  return (
    readStampedLine(rest, 'dmesg-r', level) ?? reading({ format: 'dmesg-r', level, text: rest })
  );
}

function readDecodedLine(line: string): Reading | null {
  const match = DECODED.exec(line);
  if (match === null) return null;
  const level = PRINTK_LEVELS.find((name) => name === match[2]) ?? null;
  const rest = line.slice(match[0].length);
  return (
    readStampedLine(rest, 'dmesg-x', level) ??
    readIsoLine(rest, 'dmesg-x', level) ??
    reading({ format: 'dmesg-x', level, text: rest })
  );
}

/** `dmesg --time-format=iso` puts a comma before the fraction and no host after the zone. */
function readIsoLine(
  line: string,
  format: LogFormat = 'dmesg-T',
  level: PrintkLevel | null = null,
): Reading | null {
  const iso = line.charAt(FRACTION_AT) === ',' ? readIso(line) : null;
  if (iso === null) return null;
  return reading({ format, clock: 'wall', timeUs: iso.timeUs, level, text: iso.rest });
}
