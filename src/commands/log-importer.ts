import type { Divergence } from '../bisect/rerun.ts';
import { ReprobeError } from '../error.ts';
import type { Machine } from '../events/machine.ts';
import type { Trace } from '../events/trace.ts';
import type { Observation } from '../import/observation.ts';
import type { ParsedLog } from '../import/record.ts';

export interface ImportOptions {
  readonly name: string;
  readonly version: string | null;
  readonly config: Readonly<Record<string, string>>;
  readonly patches: Readonly<Record<string, boolean>>;
  readonly machine: Machine | null;
}

export interface Imported {
  readonly trace: Trace;
  readonly log: ParsedLog;
  readonly divergences: readonly Divergence[];
  readonly unrecognised: readonly {
    readonly shape: string;
    readonly count: number;
    readonly line: number;
  }[];
  readonly observations: readonly Observation[];
}

/** Reads a log. */
export function importLog(bytes: Uint8Array, options: ImportOptions): Imported {
  const size = `${bytes.length} bytes`;
  throw new ReprobeError('BAD_LOG', `This is not a trace or a scenario (${size}).`, {
    file: options.name,
  });
}
