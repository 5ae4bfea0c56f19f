/** How far the emulator agrees with a recorded session, as text. */
import { errnoName } from '../events/errno.ts';
import { CHECKS, type CheckName, type Mismatch } from '../verify/tally.ts';
import type { FoundSchedule, Verdict } from '../verify/verify.ts';
import { aligned, counted, type Line, line } from './line.ts';

/** How many mismatches of a check are listed unless all are asked for. */
const LISTED_MAX = 10;

interface Listed {
  readonly first: Mismatch;
  readonly count: number;
}

/** The counts, the first difference in time, then the mismatches of each check in time. */
export function verifyLines(
  {
    session,
    checks,
    mismatches,
    schedule,
  }: Pick<Verdict, 'session' | 'checks' | 'mismatches' | 'schedule'>,
  all: boolean,
): readonly Line[] {
  const rows = CHECKS.map((check) => {
    const { ok, of } = checks[check];
    const verdict = of === 0 ? 'nothing recorded' : ok === of ? 'equal' : 'differs';
    return [check, `${ok}`, `${of}`, verdict];
  });
  const inTime = [...mismatches].sort((a, b) => momentOf(a.at) - momentOf(b.at));
  const [first] = inTime;
  return [
    line(session, 'head'),
    ...aligned([['check', 'equal', 'of', ''], ...rows], [1, 2]),
    ...(schedule === null ? [] : [line(scheduleInWords(schedule))]),
    ...(first === undefined ? [] : [line(`first difference: ${mismatchSentence(first)}`, 'bad')]),
    ...CHECKS.flatMap((check) => checkLines(check, inTime, all)),
  ];
}

/** Says that luck made the run what it is, and how much of it. */
function scheduleInWords({ choices, notDefault }: FoundSchedule): string {
  return `schedule found: ${counted(choices, 'choice')}, ${notDefault} not the default`;
}

function checkLines(
  check: CheckName,
  mismatches: readonly Mismatch[],
  all: boolean,
): readonly Line[] {
  const own = mismatches.filter((one) => one.check === check);
  const listed = all ? own.map((first) => ({ first, count: 1 })) : distinct(own);
  const shown = all ? listed : listed.slice(0, LISTED_MAX);
  const more = listed.length - shown.length;
  return [
    ...shown.map(({ first, count }) => line(`  ${mismatchSentence(first)}${times(count)}`)),
    ...(more === 0 ? [] : [line(`  ${check}: and ${more} more; --all prints them`, 'dim')]),
  ];
}

/** Those that differ in the moment only count as one. */
function distinct(mismatches: readonly Mismatch[]): readonly Listed[] {
  const groups = new Map<string, { first: Mismatch; count: number }>();
  for (const mismatch of mismatches) {
    const { subject, expected, actual } = mismatch;
    const key = JSON.stringify([subject, expected, actual]);
    const known = groups.get(key);
    if (known === undefined) groups.set(key, { first: mismatch, count: 1 });
    else known.count += 1;
  }
  return [...groups.values()];
}

/** Orders `boot`, `action 3`, the snapshot `sysfs-3.txt` after it, and `sysfs-end.txt`. */
function momentOf(at: string): number {
  if (at === 'boot') return -1;
  const [, action, snapshot] = /^action (\d+)|^sysfs-(\d+(?:\.\d+)?)/.exec(at) ?? [];
  if (action !== undefined) return Number(action);
  return snapshot === undefined ? Number.POSITIVE_INFINITY : Number(snapshot) + 0.5;
}

/** What a recording and a run do not agree on. */
export function mismatchSentence({ check, at, subject, expected, actual }: Mismatch): string {
  const about = `${check}, ${at}: ${subject}`;
  if (check === 'message' && actual === null) return `${about}: not emulated: ${inWords(expected)}`;
  if (check === 'message') return `${about}: only emulated: ${inWords(actual)}`;
  const said = check === 'errno' ? (value: unknown) => resultInWords(value, subject) : inWords;
  return `${about}: kernel ${said(expected)}, emulated ${said(actual)}`;
}

/** The result of a command, or of a call of a user: `success` where it has no errno. */
function resultInWords(result: unknown, subject: string): string {
  if (typeof result === 'number') return fieldInWords('errno', result);
  if (typeof result !== 'object' || result === null || !('errno' in result)) return inWords(result);
  const { errno, ...rest } = result;
  const ended = errno === null ? 'success' : fieldInWords('errno', errno);
  const others = Object.values(rest).filter((field) => field !== subject && field !== '');
  return [ended, ...others.map(inWords)].join(', ');
}

function times(count: number): string {
  return count === 1 ? '' : ` (${counted(count, 'time')})`;
}

/** `drv nvme, ret -EINVAL` for a record; a field without a value is left out. */
function inWords(value: unknown): string {
  if (value === null || value === undefined) return 'nothing';
  if (Array.isArray(value)) return value.map(inWords).join(' ') || 'none';
  if (typeof value !== 'object') return String(value).trim();
  const fields = Object.entries(value).filter(([, field]) => field !== null && field !== '');
  return (
    fields.map(([name, field]) => `${name} ${fieldInWords(name, field)}`).join(', ') || 'nothing'
  );
}

function fieldInWords(name: string, field: unknown): string {
  if (name === 'ret' && typeof field === 'number' && field < 0) return errnoName(field);
  // Recordings have errnos as user space sees them.
  if (name === 'errno' && typeof field === 'number') return errnoName(-field);
  if (typeof field === 'boolean') return field ? 'yes' : 'no';
  return inWords(field);
}
