import { Args, Flags } from '@oclif/core';
import { doubtsInTrace } from '../bisect/doubt.ts';
import { type Change, mergedChange, type RerunResult, rerunTrace } from '../bisect/rerun.ts';
import { ReprobeError } from '../error.ts';
import { type Inputs, SCHEMA_VERSION, type Trace } from '../events/trace.ts';
import { readTrace } from '../events/trace-file.ts';
import type { Divergence } from '../import/guide.ts';
import type { Imported, ImportOptions } from '../import/import.ts';
import type { ReadLog } from '../import/read-log.ts';
import { shownLine } from '../import/record.ts';
import type { Redactor } from '../import/redact.ts';
import { type Firmware, isFirmware, readFirmware } from '../model/firmware/firmware.ts';
import {
  beyondProfiles,
  NEWEST_PROFILE,
  OLDEST_PROFILE,
  profileOf,
} from '../model/versions/profile.ts';
import { boardScenario } from '../scenario/board.ts';
import { parseScenario } from '../scenario/parse.ts';
import type { ParsedScenario } from '../scenario/scenario.ts';
import { type KernelFlags, readChange } from './kernel-flags.ts';
import { loadLog, loadRedacted } from './load-log.ts';
import { decodeText, readMachineFile } from './machine-file.ts';
import { readEvidenceTexts } from './read-evidence.ts';
import { knowledgeOf } from './read-firmware.ts';
import { bootNamed, readLog } from './read-log.ts';
import { joined, openSource, readSource, splitAfter } from './read-source.ts';
import type { RedactedFile } from './redact-file.ts';
import { warn } from './terminal.ts';

/** What a SOURCE is, run under the kernel that the flags ask for. */
export interface LoadedSource {
  readonly kind: 'log' | 'trace' | 'scenario';
  /** The path as given, or `<stdin>`. */
  readonly file: string;
  readonly trace: Trace;
  readonly divergences: readonly Divergence[];
  /** Why a run without a violation would prove little; none but for what came from a log. */
  readonly doubts: readonly string[];
  /** A log as it was read; null for the other kinds. */
  readonly log: { readonly read: ReadLog; readonly options: ImportOptions } | null;
  /** What a log gave; null for the other kinds. */
  readonly imported: Imported | null;
  /** The log without what tells of its owner, where that is asked for: all else here is of it. */
  readonly redacted: Redactor | null;
  readonly scenario: ParsedScenario | null;
  /** Runs the same inputs under a kernel changed further. */
  readonly rerun: (change: Change) => RerunResult;
}

export const sourceArg = Args.string({
  required: true,
  description: 'a log, a trace, a scenario, a devicetree blob or IORT, or - for standard input',
});

/** Flags of every command that takes a SOURCE. */
export const sourceFlags = {
  kernel: Flags.string({
    description:
      'run under this release as it shipped; 6.1 is the newest 6.1.y, and 6.1.20 is itself',
    helpValue: '6.1',
  }),
  config: Flags.string({
    description: 'set a CONFIG_ option, or read a .config file',
    helpValue: 'K=V|FILE',
    multiple: true,
    multipleNonGreedy: true,
  }),
  patch: Flags.string({
    description: 'add (+) or take out (-) a patch',
    helpValue: '±NAME',
    multiple: true,
    multipleNonGreedy: true,
  }),
  evidence: Flags.string({
    description:
      'a file of the system that a log is of, to sharpen it: devices_deferred, a listing of ' +
      '`reprobe capture` (sysfs-N.txt), the text of a trace with iommu events or kprobes, a .config',
    helpValue: 'FILE',
    multiple: true,
    multipleNonGreedy: true,
  }),
  boot: Flags.string({
    description: 'which boot of a log that holds several; else the one that says most',
    helpValue: 'N|first|last',
  }),
  machine: Flags.string({
    description: 'the machine that a log is of: as in a scenario, or its devicetree blob or IORT',
    helpValue: 'FILE',
  }),
};

type SourceFlags = KernelFlags & {
  readonly machine?: string | undefined;
  readonly evidence?: readonly string[] | undefined;
  readonly boot?: string | undefined;
};

const TRACE_START = '{"reprobe":';
/** A scenario is never longer (scenario/yaml-source.ts). */
const SCENARIO_BYTES_MAX = 4 * 1024 * 1024;

interface LoadOptions {
  readonly mayBeEmpty?: boolean;
  readonly redact?: boolean;
  /** Takes the redacted log. */
  readonly redactedTo?: RedactedFile | null;
  /** Where the source is no log, the machine of the flags is another one, which the caller sees to. */
  readonly isOther?: boolean;
}

/**
 * Reads a source of any kind, tells the kind by its content, and runs it.
 *
 * @throws ReprobeError of its reader; UNKNOWN_NAME or USAGE for a flag that says nothing sensible;
 * NO_EVIDENCE for a log that says nothing, unless it may be empty.
 */
export async function loadSource(
  path: string,
  flags: SourceFlags,
  { mayBeEmpty = false, redact = false, redactedTo = null, isOther = false }: LoadOptions = {},
): Promise<LoadedSource> {
  const change = await readChange(flags);
  const machine =
    flags.machine === undefined ? { machine: null } : await readMachineFile(flags.machine);
  const evidence = await readEvidenceTexts(flags.evidence ?? []);
  const boot = bootNamed(flags.boot);
  const { file, pieces: unread } = await openSource(path);
  const { start, pieces } = await splitAfter(SCENARIO_BYTES_MAX + 1, unread);
  const kind = kindOf(file, start);
  if (redact && kind !== 'log')
    throw new ReprobeError('USAGE', `--redact is for logs: ${file} is a ${kind}.`);
  switch (kind) {
    case 'trace': {
      const bytes = await joined(pieces);
      refuseLogFlags(flags, 'a trace', isOther);
      return loadTrace(file, readTrace(bytes, file), change);
    }
    case 'scenario': {
      const bytes = await joined(pieces);
      refuseLogFlags(flags, 'a scenario', isOther);
      return loadScenario(file, scenarioIn(bytes, file), change);
    }
    case 'log': {
      const beside = { ...machine, evidence, boot };
      const loaded = redact
        ? await loadRedacted({ path, file, pieces, output: redactedTo }, beside, change, mayBeEmpty)
        : loadLog({ file, read: await readLog(pieces, boot) }, beside, change, mayBeEmpty);
      warnOfRelease(loaded.trace);
      return loaded;
    }
  }
}

/** A log is read all the same: much of what a kernel prints is as in its neighbours. */
function warnOfRelease({ header: { kernel } }: Trace): void {
  const { release, version } = kernel;
  const beyond = release === null ? null : beyondProfiles(release);
  if (beyond === null || version !== profileOf(release ?? '')) return;
  const which = beyond === 'older' ? `before ${OLDEST_PROFILE}` : `after ${NEWEST_PROFILE}`;
  warn(`kernels ${which} are not modelled: the log's ${release} is read as one of ${version}`);
}

/** The run, where its inputs alone make it again: that of a log is guided by the log. */
export function pasteable({ kind, trace }: LoadedSource): Trace | null {
  return kind === 'log' || trace.header.source !== null ? null : trace;
}

/** What the run of a source was made from. */
export function inputsOf({ trace }: LoadedSource): Inputs {
  const { kernel, machine, stimuli, choices } = trace.header;
  return { kernel, machine, stimuli, choices };
}

/** Finds the text of a line that the log's replay speaks of; null where there is no log. */
export function lineReader({ imported }: LoadedSource): (line: number) => string | null {
  const texts = new Map(
    imported?.observations.map(({ record }) => [shownLine(record), record.text]),
  );
  return (line) => texts.get(line) ?? null;
}

/** A line of a kernel log. */
const STAMPED = /^(?:<\d+>)?\[ *\d+\.\d{6}\]/m;
const textOf = (bytes: Uint8Array): string =>
  Buffer.from(bytes.buffer, bytes.byteOffset, Math.min(bytes.length, 65_536)).toString('latin1');

/** Reads a scenario or a board's firmware; what is neither is refused. */
export async function readScenario(
  path: string,
): Promise<{ file: string; scenario: ParsedScenario; firmware: Firmware | null }> {
  const { file, bytes } = await readSource(path);
  const kind = kindOf(file, bytes);
  if (kind === 'trace' || (kind === 'log' && STAMPED.test(textOf(bytes))))
    throw new ReprobeError('USAGE', `This is a ${kind}, not a scenario.`, {
      file,
      hint: '`reprobe export SOURCE --yaml FILE` makes a scenario of it',
    });
  const firmware = isFirmware(bytes) ? readFirmware(bytes, file) : null;
  const scenario = firmware === null ? scenarioIn(bytes, file) : boardScenario(firmware, file);
  return { file, scenario, firmware };
}

function scenarioIn(bytes: Uint8Array, file: string): ParsedScenario {
  if (isFirmware(bytes)) return boardScenario(readFirmware(bytes, file), file);
  return parseScenario(decodeText(bytes, file), file, knowledgeOf(file));
}

/** Only a log has no machine of its own, and leaves something open. */
function refuseLogFlags(
  { machine, evidence, boot }: SourceFlags,
  source: string,
  isOther: boolean,
): void {
  if (boot !== undefined)
    throw new ReprobeError('USAGE', `--boot is for logs: ${source} is one run.`);
  if (evidence !== undefined && evidence.length > 0)
    throw new ReprobeError('USAGE', `--evidence is for logs: ${source} leaves nothing open.`);
  if (machine === undefined || isOther) return;
  throw new ReprobeError('USAGE', `--machine is for logs: ${source} has its own machine.`);
}

/** The run of a scenario under a kernel. */
export function runScenario(
  { kernel, machine, steps, choices }: ParsedScenario,
  change: Change,
): Trace {
  const header = { schema: SCHEMA_VERSION, source: null, kernel, machine, stimuli: steps, choices };
  return rerunTrace({ header, events: [] }, change);
}

/** @param bytes what the file begins with: all of it where it may be a scenario. */
function kindOf(file: string, bytes: Uint8Array): LoadedSource['kind'] {
  const start = Buffer.from(bytes.buffer, bytes.byteOffset, Math.min(bytes.length, 64));
  if (start.toString('latin1').startsWith(TRACE_START) || /\.jsonl(\.gz)?$/.test(file)) {
    return 'trace';
  }
  if (/\.ya?ml$/.test(file) || isFirmware(bytes)) return 'scenario';
  if (bytes.length > SCENARIO_BYTES_MAX) return 'log';
  const text = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length).toString('latin1');
  return /^machine:/m.test(text) && /^(?:steps|kernel):/m.test(text) ? 'scenario' : 'log';
}

function isEmpty({ version, config, patches }: Change): boolean {
  return version === undefined && config === undefined && patches === undefined;
}

function loadTrace(file: string, recorded: Trace, change: Change): LoadedSource {
  const run = (trace: Trace): RerunResult => {
    const doubts = [...(trace.header.source?.doubts ?? []), ...doubtsInTrace(trace)];
    return { trace, divergences: [], doubts };
  };
  const rerun = (more: Change) => run(rerunTrace(recorded, mergedChange(change, more)));
  const first = isEmpty(change) ? run(recorded) : rerun({});
  const none = { log: null, imported: null, redacted: null, scenario: null };
  return { kind: 'trace', file, ...first, ...none, rerun };
}

function loadScenario(file: string, scenario: ParsedScenario, change: Change): LoadedSource {
  const rerun = (more: Change): RerunResult => ({
    trace: runScenario(scenario, mergedChange(change, more)),
    divergences: [],
    doubts: [],
  });
  const none = { log: null, imported: null, redacted: null };
  return { kind: 'scenario', file, ...rerun({}), ...none, scenario, rerun };
}
