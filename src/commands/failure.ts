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
  const error: OclifFailure = thrown instanceof Error ? thrown : new Error(String(thrown));
  process.exitCode = exitOf(error);
  if (error.code === 'EEXIT') return;
  if (json) process.stdout.write(`${JSON.stringify({ error: describe(error) }, null, 2)}\n`);
  else process.stderr.write(`${render(error)}\n`);
  if (process.env['REPROBE_DEBUG']) process.stderr.write(`${escapeControls(error.stack ?? '')}\n`);
}

/** An error of oclif carries its exit code; an error nobody foresaw is never 1, which means "bad". */
function exitOf(error: OclifFailure): number {
  if (error instanceof ReprobeError) return exitFor(error);
  return error.oclif?.exit ?? EXIT.fatal;
}

function codeOf(error: OclifFailure): string {
  if (error instanceof ReprobeError) return error.code;
  if (error.oclif === undefined) return 'INTERNAL';
  return error.oclif.exit === EXIT.usage ? 'USAGE' : (error.code ?? 'FAILED');
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
