/** Why a run that breaks no invariant says little about the kernel whose log guided it. */
import type { Trace } from '../events/trace.ts';
import type { Observation } from '../import/observation.ts';

/** A line of a log. */
export interface LogLine {
  readonly line: number;
  readonly text: string;
}

/** Beside the trace: what the log shows and the model does not act on. */
export interface LogEvidence {
  /** Oopses, panics and hung tasks; null where only the trace is left of the log. */
  readonly crashes: readonly LogLine[] | null;
}

/**
 * Sentences, the gravest first; none when nothing speaks against the run. A run without a log is
 * never in doubt: the model is all there is.
 */
export function doubtsOf(trace: Trace, evidence: LogEvidence | null): readonly string[] {
  if (evidence === null) return [];
  return [...crashDoubts(trace, evidence), ...nothingSeen(trace), ...overruled(trace)];
}

/** The lines that tell of a crash. */
export function crashesIn(observations: readonly Observation[]): readonly LogLine[] {
  return observations.flatMap(({ kind, record: { line, text } }) =>
    kind === 'kernel.oops' || kind === 'kernel.panic' || kind === 'kernel.hung_task'
      ? [{ line, text }]
      : [],
  );
}

/** Why a run that breaks nothing decides nothing, as one sentence. */
export function reasonOf(doubts: readonly string[]): string {
  return `no invariant is broken, but ${doubts.join('; ')}`;
}

function nothingSeen({ header }: Trace): readonly string[] {
  return header.machine.devices.length > 0 ? [] : ['the log shows no device that the model knows'];
}

/** A task that hangs in the model is blocked to the end, and no sign of a crash. */
export function crashDoubts({ events }: Trace, { crashes }: LogEvidence): readonly string[] {
  if (crashes === null) return [];
  const [first] = crashes;
  const oops = events.find(({ event }) => event.type === 'kernel.oopsed')?.event;
  if (first !== undefined && oops === undefined) {
    return [`the kernel is in trouble at line ${first.line} and the model is not: ${first.text}`];
  }
  if (first === undefined && oops?.type === 'kernel.oopsed') {
    return [`the model crashes in ${oops.at}, and the log shows no crash`];
  }
  return [];
}

/** What no invariant can do without: who is in which group. */
const ABOUT_GROUPS = /: (?:Adding to|Removing from) iommu group \d/;

/**
 * Where the state did not follow from the model, and had to be taken from the log, or could not be:
 * a log may put into a group what the model does not know.
 */
function overruled({ events }: Trace): readonly string[] {
  const lines: string[] = [];
  for (const [i, { event, line }] of events.entries()) {
    if (event.type !== 'log.diverged') continue;
    const next = events[i + 1]?.event.type;
    const isFollowed = next !== undefined && next !== 'log.diverged' && next !== 'task.started';
    if (!isFollowed && !ABOUT_GROUPS.test(event.observed)) continue;
    lines.push(line === null ? event.observed : `line ${line}: ${event.observed}`);
  }
  const [first] = lines;
  if (first === undefined) return [];
  const often = lines.length === 1 ? 'in one place' : `in ${lines.length} places, first`;
  return [`the log overrules the model ${often} at ${first}`];
}
