/** Stamps and callers in front of a kernel message. */
import type { Clock } from './format-reading.ts';
import { monthOf } from './month-table.ts';

export interface Stamp {
  readonly clock: Clock;
  /** Microseconds since boot, since 1970 or since the line before, as `clock` says. */
  readonly timeUs: number;
  readonly caller: string | null;
  /** What follows stamp and caller. */
  readonly text: string;
}

/**
 * `[    1.234567]`, of `dmesg -d` with a delta: `[    1.234567 <    0.000012>]`, of some vendors with
 * a CPU: `[    1.234567@0]`, or a wall clock: `[    1.567824 / 01-01 00:00:01.520]`.
 */
const KERNEL =
  /^\[ {0,9}(\d{1,9})\.(\d{6})(?: <[ +\d.]{1,20}>| \/ \d\d-\d\d [\d:.]{8,15}|[@,]\d{1,3})?\] ?/;
/**
 * Of PRINTK_CALLER `[    T1]`, `[   C0]`; of vendors `[pid:916,cpu7,bash]`, `(0)[1:swapper/0]`,
 * `[4:    kworker/4:1:   71]`, `(CPU0)`, `(CPU:3-pid:71:insmod)`.
 */
const CALLER =
  /^(?:\[ {0,6}([TC]\d{1,9})\]|\[(pid:[^\]]{1,60})\]|\(\d{1,3}\)\[(\d{1,7}:[^\]]{1,40})\]|\[(\d{1,3}: {0,16}[^\s\]][^\]]{0,40}: {0,8}\d{1,7})\]|\((CPU[: ]?\d{1,4}(?:[-:][^)]{1,60})?)\)) ?/;
/** A vendor's CPU number, right after the stamp. */
const CPU = /^\[(\d{1,3})\] ?/;

/**
 * `[Tue Jan 20 10:17:44 2026]` of `dmesg -T`, with weekday and month in the user's language; with `-d`
 * a delta stands before the bracket.
 */
const CTIME =
  /^\[[^\s\d[\]]{1,12} {1,2}(\d{0,2}[^\s\d[\]]{1,12}) {1,2}(\d{1,2}) (\d\d):(\d\d):(\d\d) (\d{4})(?: <[ +\d.]{1,20}>)?\] ?/;
/** `[Jan20 10:17]` and `[  +0.000123]` of `dmesg -e` and `-H`. */
const MINUTE = /^\[([^\s\d[\]]{3,10}) {0,2}(\d{1,2}) (\d\d):(\d\d)\] ?/;
const DELTA = /^\[ {0,6}\+ {0,6}(\d{1,6})\.(\d{6})\] ?/;
/** `2025-10-07T11:51:22,602465-07:00`, with or without a fraction and a zone. */
const ISO =
  /^(\d{4})-(\d\d)-(\d\d)[T ](\d\d):(\d\d):(\d\d)(?:[.,](\d{1,9}))?(Z|[+-]\d\d:?\d\d)?(?= )/;

/** A stamp in brackets at the start of `text`, or null. */
export function readStamp(text: string): Stamp | null {
  return readPlainStamp(text) ?? readAnyStamp(text);
}

/** `[    1.234567] `, which most lines of most logs have, without the cost of a regular expression. */
function readPlainStamp(text: string): Stamp | null {
  if (text.charCodeAt(0) !== OPEN) return null;
  let at = 1;
  while (text.charCodeAt(at) === BLANK) at++;
  const first = at;
  let timeUs = 0;
  for (let digit = digitAt(text, at); digit >= 0; digit = digitAt(text, ++at))
    timeUs = timeUs * 10 + digit;
  const dot = at++;
  for (let digit = digitAt(text, at); digit >= 0; digit = digitAt(text, ++at))
    timeUs = timeUs * 10 + digit;
  const isSound = first <= 10 && dot > first && dot - first <= 9 && at - dot === 7;
  if (!isSound || text.charCodeAt(dot) !== DOT || text.charCodeAt(at) !== CLOSE) return null;
  if (text.charCodeAt(at + 1) !== BLANK) return null;
  return withCaller('kernel', timeUs, text.slice(at + 2));
}

const OPEN = 0x5b;
const CLOSE = 0x5d;
const BLANK = 0x20;
const DOT = 0x2e;
const ZERO = 0x30;

/** The digit there; -1 if there is none. */
function digitAt(text: string, at: number): number {
  const digit = text.charCodeAt(at) - ZERO;
  return digit >= 0 && digit <= 9 ? digit : -1;
}

function readAnyStamp(text: string): Stamp | null {
  const kernel = KERNEL.exec(text);
  if (kernel === null) return text.startsWith('[') ? readOtherStamp(text) : null;
  const timeUs = Number(kernel[1]) * 1_000_000 + Number(kernel[2]);
  const rest = text.slice(kernel[0].length);
  const cpu = rest.startsWith('[') && kernel[0].endsWith(']') ? CPU.exec(rest) : null;
  if (cpu === null) return withCaller('kernel', timeUs, rest);
  const caller = cpu[1] ?? null;
  return { clock: 'kernel', timeUs, caller, text: rest.slice(cpu[0].length) };
}

/** A caller at the start of `text` and what follows it. */
export function readCaller(text: string): { caller: string | null; text: string } {
  const match = text.startsWith('[') || text.startsWith('(') ? CALLER.exec(text) : null;
  if (match === null) return { caller: null, text };
  const caller = match.slice(1).find((one) => one !== undefined) ?? null;
  return { caller, text: text.slice(match[0].length) };
}

function withCaller(clock: Clock, timeUs: number, text: string): Stamp {
  const { caller, text: rest } = readCaller(text);
  return { clock, timeUs, caller, text: rest };
}

function readOtherStamp(text: string): Stamp | null {
  const ctime = CTIME.exec(text);
  if (ctime !== null) {
    const [whole, month = '', day, hour, minute, second, year] = ctime;
    const timeUs = wallTimeUs(Number(year), monthOf(month), [day, hour, minute, second]);
    return timeUs === null ? null : withCaller('wall', timeUs, text.slice(whole.length));
  }
  const delta = DELTA.exec(text);
  if (delta !== null) {
    const timeUs = Number(delta[1]) * 1_000_000 + Number(delta[2]);
    return withCaller('delta', timeUs, text.slice(delta[0].length));
  }
  const match = MINUTE.exec(text);
  if (match === null) return null;
  const timeUs = wallTimeUs(LEAP_YEAR, monthOf(match[1] ?? ''), [match[2], match[3], match[4]]);
  return timeUs === null ? null : withCaller('wall', timeUs, text.slice(match[0].length));
}

/** The year of stamps that name none: it has every day of the calendar. */
export const LEAP_YEAR = 1972;

/** Microseconds since 1970 of a date with day, hour, minute and second as read; null if it is none. */
export function wallTimeUs(
  year: number,
  month: number,
  [day, hour, minute, second]: readonly (string | undefined)[],
): number | null {
  if (month < 0 || month > 11) return null;
  const [d, h, m, s] = [
    Number(day ?? 0),
    Number(hour ?? 0),
    Number(minute ?? 0),
    Number(second ?? 0),
  ];
  return Date.UTC(year, month, d, h, m, s) * 1000;
}

/** Where the fraction of an ISO stamp begins, which dmesg puts behind a comma. */
export const FRACTION_AT = '2025-10-07T11:51:22'.length;

/** An ISO 8601 stamp at the start of `text`: microseconds since 1970, and what follows it. */
export function readIso(text: string): { timeUs: number; zone: string; rest: string } | null {
  const match = ISO.exec(text);
  if (match === null) return null;
  const [whole, year, month, day, hour, minute, second, fraction = '', zone = ''] = match;
  const utc = wallTimeUs(Number(year), Number(month) - 1, [day, hour, minute, second]);
  if (utc === null) return null;
  const micros = Number(fraction.padEnd(6, '0').slice(0, 6));
  return {
    timeUs: utc + micros - minutesOf(zone) * 60_000_000,
    zone,
    rest: text.slice(whole.length + 1),
  };
}

/** Minutes that the clocks of a zone `+02:00`, `-0700` or `Z` are ahead. */
function minutesOf(zone: string): number {
  if (zone.length < 5) return 0;
  const minutes = Number(zone.slice(1, 3)) * 60 + Number(zone.slice(-2));
  return zone.startsWith('-') ? -minutes : minutes;
}
