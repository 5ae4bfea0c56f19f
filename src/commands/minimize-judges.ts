/** Who judges candidates of a minimisation: this thread, others, or a command of the user's. */
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Piscina } from 'piscina';
import type { Candidate } from '../minimize/search.ts';
import { type Claim, trial } from '../minimize/trial.ts';
import { runCheckOn } from './check-command.ts';

export interface Judges {
  readonly violates: (candidate: Candidate, claim: Claim) => Promise<boolean>;
  readonly done: () => Promise<void>;
}

/** So often a signal can be seen. */
const TURN_MS = 50;

/** Judges here, and lets the event loop turn at times. */
export function judgeHere(): Judges {
  let turned = performance.now();
  return {
    async violates(candidate, claim) {
      if (performance.now() - turned > TURN_MS) {
        await new Promise((resolve) => setImmediate(resolve));
        turned = performance.now();
      }
      return trial(candidate, claim) !== null;
    },
    done: async () => {},
  };
}

/** Judges in so many threads. */
export function judgeInThreads(threads: number): Judges {
  const filename = new URL('./minimize-worker.js', import.meta.url).href;
  const pool = new Piscina({ filename, minThreads: 1, maxThreads: threads });
  return {
    violates: (candidate, claim) => pool.run({ candidate, claim }),
    done: () => pool.destroy(),
  };
}

/** The word of a command that stands for the file that is judged. */
const FILE = '{}';

/**
 * A command as the judge of files: it gets the text on its standard input or, where one of its words is
 * `{}`, as a file of that name. It answers as under `git bisect run`, bad being what is looked for, or
 * where `interesting` as reducers want it, with 0 for what is.
 *
 * @throws ReprobeError CHECK_ABORTED where it does not answer.
 */
export async function judgeByCommand(
  command: readonly string[],
  text: string,
  interesting: boolean,
): Promise<boolean> {
  if (!command.includes(FILE)) return (await runCheckOn(command, text, interesting)) === 'bad';
  const folder = await mkdtemp(join(tmpdir(), 'reprobe-'));
  try {
    const file = join(folder, 'candidate.yaml');
    await writeFile(file, text);
    const words = command.map((word) => (word === FILE ? file : word));
    return (await runCheckOn(words, '', interesting)) === 'bad';
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}
