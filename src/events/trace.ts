/** A trace: the inputs of a run and the facts it produced. */
import type { Recorded } from './event.ts';
import type { KernelSpec, Machine } from './machine.ts';
import type { Stimulus } from './stimulus.ts';

/** Version of the event vocabulary in trace files. Raised when an old file would read wrongly. */
export const SCHEMA_VERSION = 1;

/** Where a trace came from, when it was not a scenario. */
export interface TraceSource {
  readonly name: string;
  /** The log format, as `import --json` names it. */
  readonly format: string;
  /** What of the log speaks against the run and is not in its events, in sentences; absent for nothing. */
  readonly doubts?: readonly string[];
}

/** All that a run is made from: the same inputs give the same events. */
export interface Inputs {
  readonly kernel: KernelSpec;
  readonly machine: Machine;
  /** Everything the run was given from outside, in order. */
  readonly stimuli: readonly Stimulus[];
  /**
   * The scheduler's decisions: at each point where more than one task could run, the index of the
   * one that did. Shorter than the run means 0 (stay with the current task) from there on.
   */
  readonly choices: readonly number[];
}

export interface TraceHeader extends Inputs {
  readonly schema: number;
  readonly source: TraceSource | null;
}

export interface Trace {
  readonly header: TraceHeader;
  readonly events: readonly Recorded[];
  /**
   * Names of the patches and options that the run's paths asked about: no other one can change it.
   * Absent in a trace that was read from a file.
   */
  readonly asked?: ReadonlySet<string>;
}
