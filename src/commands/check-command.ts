import { spawn } from 'node:child_process';
import { once } from 'node:events';
import type { Verdict } from '../bisect/search.ts';
import { ReprobeError } from '../error.ts';
import type { ReadState } from '../model/state/state.ts';

const SKIP = 125;
const ABORT = 128;

/**
 * Runs a check of the user's, with the state as JSON on its standard input, and reads its exit code
 * as `git bisect run` does: 0 good, 125 skip, 1 to 127 otherwise bad. An interestingness test says it
 * as reducers want it: 0 is interesting, and so bad; anything else up to 127 is good.
 *
 * What it prints goes to standard error: standard output belongs to the result.
 *
 * @throws ReprobeError CHECK_ABORTED for 128 and above, a signal, or a command that cannot be run.
 */
export async function runCheck(
  command: readonly string[],
  state: ReadState,
  interesting = false,
): Promise<Verdict> {
  return runCheckOn(command, JSON.stringify(state), interesting);
}

/** The same, with any text on standard input. */
export async function runCheckOn(
  command: readonly string[],
  input: string,
  interesting = false,
): Promise<Verdict> {
  const [program = '', ...args] = command;
  const child = spawn(program, args, { stdio: ['pipe', 2, 2] });
  // A check may answer without reading its input.
  child.stdin?.on('error', () => {});
  child.stdin?.end(input);
  const [code, signal]: unknown[] = await once(child, 'close').catch((error: unknown) => {
    const reason = error instanceof Error ? error.message : String(error);
    throw new ReprobeError('CHECK_ABORTED', `The check cannot be run: ${reason}.`, {
      hint: 'what follows -- is a program and its arguments; for shell syntax use sh -c',
    });
  });
  if (code === 0) return interesting ? 'bad' : 'good';
  if (code === SKIP && !interesting) return 'skip';
  if (typeof code === 'number' && code < ABORT) return interesting ? 'good' : 'bad';
  const how = typeof code === 'number' ? `exit code ${code}` : `signal ${String(signal)}`;
  throw new ReprobeError('CHECK_ABORTED', `The check ended with ${how}.`, {
    hint: 'exit codes of 128 and above end a bisection',
  });
}
