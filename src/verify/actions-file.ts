import { ReprobeError } from '../error.ts';
import { errnoOfText } from './errno-text.ts';
import { parseVfio, type VfioOutput } from './vfio-output.ts';

/** A command that the session's script ran, and what came of it. */
export interface SessionAction {
  readonly n: number;
  readonly uptimeUs: number;
  /** It ran beside the actions that follow it. */
  readonly background: boolean;
  readonly command: string;
  /** Exit status; null when it never finished. */
  readonly rc: number | null;
  /** Positive error number that stderr (of a background action: its output) names, or null. */
  readonly errno: number | null;
  /** Of a background action: all it printed, both streams, as far as the file shows it. */
  readonly stdout: readonly string[];
  readonly stderr: readonly string[];
  /** Snapshot files taken after it and before the next action began. */
  readonly snapshots: readonly string[];
  /** Of a background action: the last action begun before it was seen to have finished. */
  readonly finishedAfter: number | null;
  /** What a VFIO user printed; null for other commands. */
  readonly vfio: VfioOutput | null;
}

/** What the script did, in the order in which it did it. */
export type TimelineEntry =
  | { readonly kind: 'action'; readonly n: number; readonly uptimeUs: number }
  /** A file named twice was overwritten: only its last entry stands here. */
  | { readonly kind: 'snapshot'; readonly file: string; readonly uptimeUs: number }
  | {
      readonly kind: 'finished';
      readonly n: number;
      readonly rc: number;
      readonly uptimeUs: number;
    }
  | { readonly kind: 'note'; readonly text: string; readonly uptimeUs: number };

export interface ActionsFile {
  /** The session's name and `uname -r -v` as the first line has them. */
  readonly name: string | null;
  readonly kernel: string | null;
  readonly actions: readonly SessionAction[];
  readonly timeline: readonly TimelineEntry[];
}

type Draft = { -readonly [K in keyof SessionAction]: SessionAction[K] } & {
  stdout: string[];
  stderr: string[];
  snapshots: string[];
};

interface Reading {
  readonly actions: Draft[];
  readonly timeline: TimelineEntry[];
  /** The action that indented lines belong to. */
  current: Draft | null;
}

const HEADER = /^# session (\S+) kernel (.*)$/;
const ENTRY = /^(\d{1,9})\.(\d\d) (INIT|SNAPSHOT|ACTION|BACKGROUND|NOTE)\b ?(.*)$/;
const ACTION = /^(\d{1,9})( \(background, output in \S+\))?: (.*)$/;
const FINISHED = /^(\d{1,9}) finished rc=(-?\d{1,9})$/;
const DETAIL = /^ {4}(?:(stdout|stderr|bg): (.*)|-> rc=(-?\d{1,9})\b.*)$/;
const OUTPUT_END = /^ {4}(stdout|stderr|bg):$/;

/** The actions of an `actions.txt`. */
export function parseActions(text: string, file = 'actions.txt'): SessionAction[] {
  return [...parseActionsFile(text, file).actions];
}

/**
 * Reads an `actions.txt`. A last line without its line end may be torn and is passed over when it
 * cannot be read; any other line that is not of the format is an error.
 *
 * @throws ReprobeError BAD_SESSION with the line.
 */
export function parseActionsFile(text: string, file = 'actions.txt'): ActionsFile {
  const lines = text.split('\n');
  const header = HEADER.exec(lines[0] ?? '');
  const reading: Reading = { actions: [], timeline: [], current: null };
  for (const [index, raw] of lines.entries()) {
    const line = raw.replace(/\r$/, '');
    if (line === '' || line.startsWith('#')) continue;
    if (readLine(reading, line) || index === lines.length - 1) continue;
    throw new ReprobeError('BAD_SESSION', 'not a line of an action log', {
      file,
      line: index + 1,
      sourceLine: line,
      hint: 'Expected UPTIME ACTION N: COMMAND, SNAPSHOT, NOTE or an indented result.',
    });
  }
  const timeline = withoutOverwritten(reading.timeline);
  let last: Draft | undefined;
  for (const entry of timeline) {
    if (entry.kind === 'action') last = reading.actions.find((action) => action.n === entry.n);
    if (entry.kind === 'snapshot') last?.snapshots.push(entry.file);
  }
  for (const action of reading.actions) finish(action);
  return {
    name: header?.[1] ?? null,
    kernel: header?.[2] ?? null,
    actions: reading.actions,
    timeline,
  };
}

function readLine(reading: Reading, line: string): boolean {
  const detail = DETAIL.exec(line) ?? OUTPUT_END.exec(line);
  if (detail !== null) return readDetail(reading, detail);
  const entry = ENTRY.exec(line);
  if (entry === null) return false;
  const [, seconds = '', hundredths = '', kind, rest = ''] = entry;
  const uptimeUs = (Number(seconds) * 100 + Number(hundredths)) * 10_000;
  switch (kind) {
    case 'ACTION':
      return startAction(reading, rest, uptimeUs);
    case 'BACKGROUND':
      return finishBackground(reading, rest, uptimeUs);
    case 'SNAPSHOT':
      reading.timeline.push({ kind: 'snapshot', file: rest, uptimeUs });
      return true;
    case 'NOTE':
      reading.timeline.push({ kind: 'note', text: rest, uptimeUs });
      return true;
    default:
      return true;
  }
}

function readDetail(reading: Reading, detail: RegExpExecArray): boolean {
  const [, stream, text = '', rc] = detail;
  const action = reading.current;
  if (action === null) return false;
  if (rc !== undefined) action.rc = Number(rc);
  else if (stream === 'stderr') action.stderr.push(text);
  else action.stdout.push(text);
  return true;
}

function startAction(reading: Reading, rest: string, uptimeUs: number): boolean {
  const match = ACTION.exec(rest);
  if (match === null) return false;
  const n = Number(match[1]);
  const action: Draft = {
    n,
    uptimeUs,
    background: match[2] !== undefined,
    command: match[3] ?? '',
    rc: null,
    errno: null,
    stdout: [],
    stderr: [],
    snapshots: [],
    finishedAfter: null,
    vfio: null,
  };
  reading.actions.push(action);
  reading.timeline.push({ kind: 'action', n, uptimeUs });
  reading.current = action;
  return true;
}

/** The output is shown again in full when a background action has finished: it replaces the first. */
function finishBackground(reading: Reading, rest: string, uptimeUs: number): boolean {
  const match = FINISHED.exec(rest);
  if (match === null) return false;
  const n = Number(match[1]);
  const action = reading.actions.findLast((candidate) => candidate.n === n);
  if (action === undefined) return false;
  action.rc = Number(match[2]);
  action.finishedAfter = reading.actions.at(-1)?.n ?? n;
  action.stdout.length = 0;
  reading.timeline.push({ kind: 'finished', n, rc: action.rc, uptimeUs });
  reading.current = action;
  return true;
}

/** Sets what follows from the output. */
function finish(action: Draft): void {
  const complaints = action.background ? action.stdout : action.stderr;
  action.errno = complaints.map(errnoOfText).find((errno) => errno !== null) ?? null;
  if (/^(?:\S*\/)?lab vfio\b/.test(action.command)) action.vfio = parseVfio(action.stdout);
}

function withoutOverwritten(timeline: readonly TimelineEntry[]): TimelineEntry[] {
  const seen = new Set<string>();
  const kept = timeline.toReversed().filter((entry) => {
    if (entry.kind !== 'snapshot') return true;
    if (seen.has(entry.file)) return false;
    seen.add(entry.file);
    return true;
  });
  return kept.toReversed();
}
