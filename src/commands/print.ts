import type { Trace } from '../events/trace.ts';
import { shellWords } from '../import/action-shell.ts';
import type { Line, Tone } from '../report/line.ts';
import type { KernelFlags } from './kernel-flags.ts';
import { escapeControls, type Paint, type Style } from './terminal.ts';
import { tokenOf } from './token.ts';

const STYLES: Readonly<Record<Tone, Style>> = {
  bad: 'red',
  good: 'green',
  head: 'bold',
  dim: 'dim',
};

/** Lines as text for a terminal: foreign text escaped, then coloured. */
export function painted(lines: readonly Line[], paint: Paint): string {
  return lines
    .map(({ text, tone }) => {
      const safe = escapeControls(text).replace(/[\n\t]/g, ' ');
      return tone === undefined ? safe : paint(STYLES[tone], safe);
    })
    .join('\n');
}

/**
 * The command that shows an event again: `reprobe replay FILE --to 17`, with the flags that made this
 * run. Where there is no file that gives the run, a token, if it is short enough.
 */
export function againCommand(
  file: string,
  flags: AgainFlags,
  event: number,
  run: Trace | null = null,
): string {
  const isFile = file !== '<stdin>' && file !== '';
  const again = isFile || run === null ? null : tokenCommand(run);
  return again ?? shellWords([...commandWords('replay', file, flags), '--to', String(event)]);
}

/** `reprobe run --token …`, which makes the same run anywhere; null where that is too long a line. */
export function tokenCommand({ header, events }: Trace): string | null {
  const token = tokenOf(header, events);
  return token === null ? null : `reprobe run --token ${token}`;
}

/** The words of a command on that source, with the flags that made this run. */
export function commandWords(command: string, file: string, flags: AgainFlags): readonly string[] {
  const words = ['reprobe', command, file === '<stdin>' ? '-' : file];
  if (flags.kernel !== undefined) words.push('--kernel', flags.kernel);
  for (const one of flags.config ?? []) words.push('--config', one);
  for (const one of flags.patch ?? []) words.push(`--patch=${one}`);
  for (const one of flags.evidence ?? []) words.push('--evidence', one);
  if (flags.boot !== undefined) words.push('--boot', flags.boot);
  if (flags.machine !== undefined) words.push('--machine', flags.machine);
  return words;
}

type AgainFlags = KernelFlags & {
  readonly machine?: string | undefined;
  readonly evidence?: readonly string[] | undefined;
  readonly boot?: string | undefined;
};
