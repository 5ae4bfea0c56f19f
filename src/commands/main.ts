import { Config, run } from '@oclif/core';
import { ReprobeError } from '../error.ts';
import { EXIT } from './exit.ts';
import { reportFailure } from './failure.ts';
import { COMMANDS } from './index.ts';

const TOP_LEVEL_FLAGS: readonly string[] = ['--help', '-h', '--version'];

/** Runs the program. `root` is the URL of a module inside the package. */
export async function main(argv: readonly string[], root: string): Promise<void> {
  const json = asksForJson(argv);
  endQuietlyWhenPipeCloses();
  process.on('uncaughtException', (error) => {
    reportFailure(error, json);
    process.exit();
  });
  try {
    const args = helpAsFlag(argv);
    checkCommandName(args[0]);
    await run([...args], await Config.load(root));
  } catch (error) {
    reportFailure(error, json);
  }
}

/** `reprobe help run` means `reprobe run --help`. */
function helpAsFlag(argv: readonly string[]): readonly string[] {
  return argv[0] === 'help' ? [...argv.slice(1), '--help'] : argv;
}

/** oclif calls an unknown command a failure; it is wrong usage, and a typing error mostly. */
function checkCommandName(name: string | undefined): void {
  const known = [...new Set(Object.keys(COMMANDS).map((id) => id.split(':')[0] ?? id))];
  if (name === undefined || known.includes(name) || TOP_LEVEL_FLAGS.includes(name)) return;
  const hidden = (id: string) => COMMANDS[id]?.hidden === true;
  const nearest = nearestName(
    name,
    known.filter((id) => !hidden(id)),
  );
  const kind = name.startsWith('-') ? 'flag' : 'command';
  throw new ReprobeError('USAGE', `Unknown ${kind} '${name}'.`, {
    hint:
      kind === 'command' && nearest !== null
        ? `did you mean 'reprobe ${nearest}'?`
        : "'reprobe --help' lists what there is",
  });
}

/** The candidate at most a third of its letters (and two at least) away from `name`. */
export function nearestName(name: string, candidates: readonly string[]): string | null {
  const word = name.slice(0, 64).toLowerCase();
  if (word === '') return null;
  let best: string | null = null;
  let bestDistance = Number.POSITIVE_INFINITY;
  for (const candidate of candidates) {
    const distance = candidate.startsWith(word) ? 1 : editDistance(word, candidate.toLowerCase());
    const limit = Math.max(2, Math.floor(candidate.length / 3));
    if (distance > limit || distance >= bestDistance) continue;
    best = candidate;
    bestDistance = distance;
  }
  return best;
}

/** Levenshtein distance, in O(length of a × length of b). */
function editDistance(a: string, b: string): number {
  let row = Array.from({ length: b.length + 1 }, (_, j) => j);
  for (let i = 1; i <= a.length; i += 1) {
    const next = [i];
    for (let j = 1; j <= b.length; j += 1) {
      const replaced = (row[j - 1] ?? 0) + (a[i - 1] === b[j - 1] ? 0 : 1);
      next.push(Math.min(replaced, (row[j] ?? 0) + 1, (next[j - 1] ?? 0) + 1));
    }
    row = next;
  }
  return row[b.length] ?? 0;
}

function asksForJson(argv: readonly string[]): boolean {
  const end = argv.indexOf('--');
  return (end === -1 ? argv : argv.slice(0, end)).includes('--json');
}

/** `reprobe … | head` must not end in an error. The exit code stays what was found so far. */
function endQuietlyWhenPipeCloses(): void {
  for (const stream of [process.stdout, process.stderr]) {
    stream.on('error', (error: NodeJS.ErrnoException) => {
      if (error.code === 'EPIPE') process.exit();
      else process.exit(EXIT.fatal);
    });
  }
}
