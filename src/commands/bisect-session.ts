import { createHash } from 'node:crypto';
import { appendFileSync, writeFileSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { setImmediate } from 'node:timers/promises';
import type { Memory } from '../bisect/judge.ts';
import type { Verdict } from '../bisect/search.ts';
import { parseLog, printLogHead, printLogLine } from '../bisect/session-log.ts';
import { ReprobeError } from '../error.ts';
import { canonicalJson } from '../events/canonical.ts';
import type { Inputs } from '../events/trace.ts';

export interface SessionFlags {
  readonly log?: string | undefined;
  readonly replay?: string | undefined;
  readonly resume?: string | undefined;
}

const DIGITS = 16;

/** The same for equal data only. */
export function fingerprint(value: unknown): string {
  return createHash('sha256').update(canonicalJson(value)).digest('hex').slice(0, DIGITS);
}

/**
 * The memory of a bisection: takes the verdicts of a log as given, and writes new ones as they are
 * reached, one line each, so that an interruption loses none.
 *
 * @throws ReprobeError USAGE for flags that contradict each other, UNREADABLE, UNWRITABLE, BAD_LOG.
 */
export async function openSession(
  { log, replay, resume }: SessionFlags,
  of: string,
): Promise<Memory> {
  if (resume !== undefined && (log !== undefined || replay !== undefined))
    throw new ReprobeError(
      'USAGE',
      '--resume reads and writes its file: leave --log and --replay out.',
    );
  const source = resume ?? replay;
  const read = source === undefined ? null : await readLog(source, resume !== undefined);
  const known = read === null || source === undefined ? new Map() : parseLog(read, source, of);
  const target = resume ?? log;
  if (target !== undefined) begin(target, resume === undefined || read === null ? '' : read, of);
  return {
    async verdict(subject, what, ask) {
      const key = keyOf(subject);
      const given = known.get(key);
      const verdict: Verdict = given ?? (await ask());
      // What is resumed stands in the file already.
      if (target !== undefined && (given === undefined || resume === undefined))
        write(() => appendFileSync(target, printLogLine(verdict, key, what)), target);
      // Signals are seen when the event loop turns.
      await setImmediate();
      return verdict;
    },
  };
}

function keyOf(subject: Inputs | number): string {
  if (typeof subject === 'number') return subject === 0 ? 'start' : `#${subject - 1}`;
  return fingerprint(subject);
}

/** @returns null where a session that may begin has no file yet. */
async function readLog(file: string, mayBegin: boolean): Promise<string | null> {
  try {
    return await readFile(file, 'utf8');
  } catch (error) {
    const isMissing = error instanceof Error && 'code' in error && error.code === 'ENOENT';
    if (mayBegin && isMissing) return null;
    const reason = error instanceof Error ? error.message : String(error);
    throw new ReprobeError('UNREADABLE', `The log cannot be read: ${reason}.`, { file });
  }
}

/** What is there stays, but for a last line that was never finished. */
function begin(file: string, before: string, of: string): void {
  const whole = before.slice(0, before.lastIndexOf('\n') + 1);
  write(() => writeFileSync(file, whole === '' ? printLogHead(of) : whole), file);
}

function write(act: () => void, file: string): void {
  try {
    act();
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    throw new ReprobeError('UNWRITABLE', `The log cannot be written: ${reason}.`, { file });
  }
}
