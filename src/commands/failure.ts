import { ReprobeError, renderError } from '../error.ts';
import { EXIT, exitFor } from './exit.ts';
import { escapeControls } from './terminal.ts';

/** What oclif adds to the errors it throws. */
interface OclifFailure extends Error {
  readonly code?: string;
  readonly oclif?: { readonly exit?: number };
}

/**
 * Reports a failure once, as text on stderr or as one JSON document on stdout, and sets the exit
 * code. Every failure of the program ends here.
 */
export function reportFailure(thrown: unknown, json: boolean): void {
  const error = misuse(thrown instanceof Error ? thrown : new Error(String(thrown)));
  process.exitCode = exitOf(error);
  if (error.code === 'EEXIT') return;
  if (json) process.stdout.write(`${JSON.stringify({ error: describe(error) }, null, 2)}\n`);
  else process.stderr.write(`${render(error)}\n`);
  if (process.env['REPROBE_DEBUG']) process.stderr.write(`${escapeControls(error.stack ?? '')}\n`);
}

/** Wrong usage that oclif gives no exit code of its own. */
const BAD_VALUE = /^Flag --\S+ expects a value$|^Expected .* to be one of: /;

/**
 * What oclif says of wrong usage, as an error of ours. Its text is a heading, what is wrong in lines
 * of their own, and advice that does not fit every command.
 */
function misuse(error: OclifFailure): OclifFailure {
  const isMisuse = error.oclif?.exit === EXIT.usage || BAD_VALUE.test(error.message);
  if (error instanceof ReprobeError || !isMisuse) return error;
  const [text = ''] = error.message.split(/\n+(?:Note:|See more help)/);
  const whole = text.startsWith('Missing ') ? text.replace(/\n {2,}/g, ' ') : text;
  const lines = whole.split('\n').map((line) => line.trim().replace(/\s{2,}/, ' ('));
  const wrong = lines
    .filter((line) => line !== '' && line !== 'The following error occurred:')
    .map((line) => (line.includes(' (') ? `${line})` : line))
    .map((line) => line.replace(/^Missing required flag (\S+)$/, 'Missing required flag --$1'));
  return new ReprobeError('USAGE', `${wrong.join('; ').replace(/:; /g, ': ')}.`, {
    hint: '--help lists the arguments and flags of a command',
  });
}

/** An error of oclif carries its exit code; an error nobody foresaw is never 1, which means "bad". */
function exitOf(error: OclifFailure): number {
  if (error instanceof ReprobeError) return exitFor(error);
  return error.oclif?.exit ?? EXIT.fatal;
}

function codeOf(error: OclifFailure): string {
  if (error instanceof ReprobeError) return error.code;
  if (error.oclif === undefined) return 'INTERNAL';
  return error.code ?? 'FAILED';
}

function describe(error: OclifFailure): object {
  const base = { code: codeOf(error), message: error.message };
  if (!(error instanceof ReprobeError)) {
    return { ...base, file: null, line: null, column: null, hint: null };
  }
  const { file, line, column, hint } = error;
  return { ...base, file, line, column, hint };
}

function render(error: OclifFailure): string {
  if (error instanceof ReprobeError) return renderError(error, escapeControls);
  const message = escapeControls(error.message);
  if (codeOf(error) !== 'INTERNAL') return message;
  return `internal error: ${message}\nhint: set REPROBE_DEBUG=1 to see where it happened`;
}
