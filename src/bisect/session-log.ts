/**
 * The log of a bisection, as text that a person can edit: one line for each verdict, first the
 * verdict, then what it is of, then what that is in words.
 *
 *     # reprobe bisect log 1 of 3f2a9c1d7e5b4a60
 *     good start
 *     bad #168
 *     skip 9c1d7e5b4a603f2a # 6.1.53
 */
import { ReprobeError } from '../error.ts';
import type { Verdict } from './search.ts';

const FIRST = '# reprobe bisect log 1 of ';
const LINE = /^(\S+)\s+(\S+)\s*(?:#.*)?$/;
const VERDICTS: readonly Verdict[] = ['good', 'bad', 'skip'];

/** The first line: which bisection the verdicts are of. */
export function printLogHead(of: string): string {
  return `${FIRST}${of}\n`;
}

/** One verdict. `what` is for people, and may be empty. */
export function printLogLine(verdict: Verdict, key: string, what: string): string {
  const words = what.replace(/\s+/g, ' ').trim();
  return words === '' ? `${verdict} ${key}\n` : `${verdict} ${key} # ${words}\n`;
}

/**
 * The verdicts of a log by what they are of; a later line on the same thing counts. A line that a
 * dying program left unfinished, the last one without its end, is not counted.
 *
 * @throws ReprobeError BAD_LOG, with the line: it is none, is of another bisection, or has a line that
 * is no verdict.
 */
export function parseLog(text: string, file: string, of: string): ReadonlyMap<string, Verdict> {
  const lines = text.split('\n');
  const torn = lines.pop();
  const [first = torn ?? ''] = lines;
  const fail = (line: number, message: string, hint: string): ReprobeError =>
    new ReprobeError('BAD_LOG', message, {
      ...{ file, line, column: 1, sourceLine: lines[line - 1] ?? null, hint },
    });
  if (!first.startsWith(FIRST))
    throw fail(1, 'This is no log of a bisection.', `it begins with '${FIRST}…'`);
  if (first.slice(FIRST.length).trim() !== of)
    throw fail(1, 'The log is of another bisection.', `that of this source and check is ${of}`);
  const verdicts = new Map<string, Verdict>();
  for (const [i, line] of lines.entries()) {
    if (line.trim() === '' || line.startsWith('#')) continue;
    const [, word = '', key = ''] = LINE.exec(line) ?? [];
    const verdict = VERDICTS.find((one) => one === word);
    if (verdict === undefined)
      throw fail(i + 1, 'This line is no verdict.', 'write good, bad or skip, then what it is of');
    verdicts.set(key, verdict);
  }
  return verdicts;
}
