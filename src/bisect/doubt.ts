/** Why a run that breaks no invariant says little about the kernel whose log guided it. */
import type { Trace } from '../events/trace.ts';
import type { Divergence } from '../import/guide.ts';
import type { Imported } from '../import/import.ts';
import type { Observation, ObservationKind } from '../import/observation.ts';
import { shownLine } from '../import/record.ts';

/** A line of a log. */
export interface LogLine {
  readonly line: number;
  readonly text: string;
}

/** Beside the trace: what the log shows and the model does not act on. */
export interface LogEvidence {
  /** Oopses, panics and hung tasks; null where only the trace is left of the log. */
  readonly crashes: readonly LogLine[] | null;
  /** DMA that was refused and that is not in the run. */
  readonly lostFaults: readonly LogLine[];
  /** What files beside the log have and the run has not. */
  readonly unlike: readonly Divergence[];
}

/**
 * Sentences, the gravest first; none when nothing speaks against the run. A run without a log is
 * never in doubt: the model is all there is.
 */
export function doubtsOf(trace: Trace, evidence: LogEvidence | null): readonly string[] {
  if (evidence === null) return [];
  return [
    ...unseenDoubts(trace, evidence),
    ...nothingSeen(trace),
    ...overruled(trace),
    ...unlikeFiles(evidence),
  ];
}

/** What speaks against a trace by itself, without the log that it came from. */
export function doubtsInTrace(trace: Trace): readonly string[] {
  const isOfLog = trace.header.source !== null;
  return doubtsOf(trace, isOfLog ? { crashes: null, lostFaults: [], unlike: [] } : null);
}

/** What an import knows beside its trace. */
export function evidenceOf({ observations, faults, evidence }: Imported): LogEvidence {
  return {
    crashes: observations.flatMap((one) => (CRASHES.includes(one.kind) ? lineOf(one) : [])),
    lostFaults: faults.flatMap(({ isReplayed, dma }) =>
      isReplayed ? [] : lineOf(dma.observation),
    ),
    unlike: evidence.flatMap(({ differs }) => differs),
  };
}

const CRASHES: readonly ObservationKind[] = ['kernel.oops', 'kernel.panic', 'kernel.hung_task'];
const lineOf = ({ record }: Observation): LogLine => ({
  line: shownLine(record),
  text: record.text,
});

/** What the log shows and the model does not have, or the other way round, beside lines. */
export function unseenDoubts(trace: Trace, evidence: LogEvidence): readonly string[] {
  return [...crashOnOneSide(trace, evidence), ...faultsWithoutIommu(evidence)];
}

function faultsWithoutIommu({ lostFaults }: LogEvidence): readonly string[] {
  const [first] = lostFaults;
  if (first === undefined) return [];
  const many = lostFaults.length > 1;
  const what = many ? `${lostFaults.length} faults of DMA are` : 'a fault of DMA is';
  const where = `${many ? 'first ' : ''}at line ${first.line}: ${first.text}`;
  const why = 'the model has not the device behind that IOMMU as the log has it';
  return [`${what} not in the run, ${where} (${why})`];
}

/** Which driver has what, who is in which group, what a function returned: what else differs decides nothing. */
function unlikeFiles({ unlike }: LogEvidence): readonly string[] {
  const grave = unlike.filter(({ evidence }) => GRAVE.includes(evidence?.about ?? ''));
  const [first] = grave;
  if (first?.evidence === undefined) return [];
  const { file, line } = first.evidence;
  const where = line === null ? file : `${file}:${line}`;
  const often = grave.length === 1 ? 'in one place' : `in ${grave.length} places, first`;
  return [`the run is otherwise than ${where} has it ${often}: ${first.observed}`];
}

const GRAVE: readonly string[] = ['driver', 'group', 'result'];

/** Why a run that breaks nothing decides nothing, as one sentence. */
export function reasonOf(doubts: readonly string[]): string {
  return `no invariant is broken, but ${doubts.join('; ')}`;
}

function nothingSeen({ header }: Trace): readonly string[] {
  return header.machine.devices.length > 0 ? [] : ['the log shows no device that the model knows'];
}

/** A task that hangs in the model is blocked to the end, and no sign of a crash. */
function crashOnOneSide({ events }: Trace, { crashes }: LogEvidence): readonly string[] {
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
