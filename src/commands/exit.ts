import type { ReprobeError } from '../error.ts';

/** Exit codes, as `git bisect run` reads them: 0 good, 1 bad, 125 skip, 128 and above stop. */
export const EXIT = {
  holds: 0,
  violated: 1,
  inconclusive: 125,
  fatal: 128,
  usage: 129,
  interrupted: 130,
} as const;

/** The exit code for an input error. An unknown name is wrong usage unless it stood in a file. */
export function exitFor(error: ReprobeError): number {
  if (error.code === 'USAGE') return EXIT.usage;
  if (error.code === 'UNKNOWN_NAME' && error.file === null) return EXIT.usage;
  // An expression stands in a flag, unless it was read from a file.
  if (error.code === 'BAD_EXPRESSION' && error.file?.startsWith('--') === true) return EXIT.usage;
  if (error.code === 'NO_EVIDENCE') return EXIT.inconclusive;
  return EXIT.fatal;
}
