import { doubtsOf, evidenceOf } from '../bisect/doubt.ts';
import { type Change, mergedChange, type RerunResult } from '../bisect/rerun.ts';
import { ReprobeError } from '../error.ts';
import { foreignMachine } from '../import/foreign-machine.ts';
import { type Imported, type ImportOptions, importRead } from '../import/import.ts';
import type { BootChoice, ReadLog } from '../import/read-log.ts';
import type { Redactor } from '../import/redact.ts';
import { expectUnchanged } from '../import/redact-check.ts';
import { type EvidenceText, evidenceIn, withConfigs } from './read-evidence.ts';
import { refuseOtherBoot } from './read-log.ts';
import { type RedactedFile, redactSource } from './redact-file.ts';
import { warn } from './terminal.ts';

/** The machine of a log, or what its firmware says of it. */
export type GivenMachine = Pick<ImportOptions, 'machine' | 'firmware'>;
/** What is given beside a log. */
type BesideLog = GivenMachine & {
  readonly evidence: readonly EvidenceText[];
  readonly boot: BootChoice;
};

/** A log, run under the kernel that the flags ask for. */
interface LoadedLog extends RerunResult {
  readonly kind: 'log';
  readonly file: string;
  readonly log: { readonly read: ReadLog; readonly options: ImportOptions };
  readonly imported: Imported;
  readonly redacted: Redactor | null;
  readonly scenario: null;
  readonly rerun: (change: Change) => RerunResult;
}

/** Where a log to be redacted comes from, and where it goes. */
interface Redacting {
  /** As given: `-` is standard input. */
  readonly path: string;
  readonly file: string;
  readonly pieces: AsyncIterable<Uint8Array>;
  readonly output: RedactedFile | null;
}

/** What is loaded is the log without its secrets; that it says the same is checked before it is kept. */
export async function loadRedacted(
  { path, file: given, pieces, output }: Redacting,
  beside: BesideLog,
  change: Change,
  mayBeEmpty: boolean,
): Promise<LoadedLog> {
  const {
    redactor,
    plain: read,
    shared: hidden,
  } = await redactSource(path, pieces, beside.boot, output);
  const evidence = beside.evidence.map(({ file: name, text }) => ({
    file: redactor.text(name),
    text: text.split('\n').map(redactor.text).join('\n'),
  }));
  const plain = loadLog({ file: given, read }, beside, change, mayBeEmpty);
  const shared = loadLog(
    { file: redactor.text(given), read: hidden },
    { ...beside, evidence },
    change,
    mayBeEmpty,
  );
  expectUnchanged(redactor, plain.imported, shared.imported);
  await output?.keep();
  return { ...shared, redacted: redactor };
}

export function loadLog(
  { file, read }: { readonly file: string; readonly read: ReadLog },
  { evidence: texts, boot, ...machine }: BesideLog,
  given: Change,
  mayBeEmpty: boolean,
): LoadedLog {
  refuseOtherBoot(read, boot, file);
  const evidence = evidenceIn(texts);
  const change = withConfigs(given, evidence);
  const optionsFor = (asked: Change): ImportOptions => ({
    name: file,
    version: asked.version ?? null,
    config: asked.config ?? {},
    patches: asked.patches ?? {},
    ...machine,
    evidence,
  });
  const options = optionsFor(change);
  const imported = importRead(read, options);
  if (!mayBeEmpty) refuseEmpty(imported, file);
  const isGiven = machine.machine !== null || (machine.firmware ?? null) !== null;
  const foreign = isGiven ? foreignMachine(imported, options) : null;
  if (foreign !== null) warn(`--machine: ${foreign.what}`);
  const doubts = foreign?.isOther === true ? [foreign.what] : [];
  const run = (made: Imported): RerunResult => {
    const guided = guidedRun(made);
    return { ...guided, doubts: [...doubts, ...guided.doubts] };
  };
  const rerun = (more: Change) => run(importRead(read, optionsFor(mergedChange(change, more))));
  const log = { read, options };
  const none = { redacted: null, scenario: null };
  return { kind: 'log', file, ...run(imported), log, imported, ...none, rerun };
}

/** @throws ReprobeError NO_EVIDENCE for a log that says nothing. */
function refuseEmpty({ observations }: Imported, file: string): void {
  if (observations.length > 0) return;
  throw new ReprobeError('NO_EVIDENCE', 'Nothing in this log is about devices or drivers.', {
    file,
    hint: 'give the kernel log of a whole boot; `reprobe import` says how it was read',
  });
}

function guidedRun(imported: Imported): RerunResult {
  const { log, trace, divergences } = imported;
  const doubts = doubtsOf(trace, evidenceOf(imported));
  if (log.leftOut === null) return { trace, divergences, doubts };
  const end = `the boot says too much: from line ${log.leftOut} on, lines are counted, not followed`;
  return { trace, divergences, doubts: [end, ...doubts] };
}
