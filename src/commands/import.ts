import { Args, Flags } from '@oclif/core';
import { doubtsInTrace } from '../bisect/doubt.ts';
import { ReprobeError } from '../error.ts';
import { writeTrace } from '../events/trace-file.ts';
import { shellWords } from '../import/action-shell.ts';
import { checkTrace } from '../invariants/checker.ts';
import { importLines } from '../report/import-lines.ts';
import { type Import as Imported, importSummary } from '../report/import-summary.ts';
import { line } from '../report/line.ts';
import { machineText } from '../report/machine-text.ts';
import { BaseCommand } from './base.ts';
import { joinSignedValues } from './kernel-flags.ts';
import { commandWords, painted } from './print.ts';
import { openRedacted } from './redact-file.ts';
import { type LoadedSource, loadSource, sourceFlags } from './source.ts';
import { painter } from './terminal.ts';
import { checkOutputs, writeTo } from './write-file.ts';

/** Makes a trace of a log and says what was recognised, inferred and contradicted. */
export default class Import extends BaseCommand {
  static override summary = 'Make a trace of a log and say what was understood.';
  static override strict = false;
  static override args = {
    source: Args.string({ required: true, description: 'a log, or -; more may follow' }),
  };
  static override flags = {
    ...sourceFlags,
    output: Flags.string({ char: 'o', description: 'write the trace here', helpValue: 'T.jsonl' }),
    'machine-out': Flags.string({
      description: 'write the machine that the log implies here, to be corrected and given back',
      helpValue: 'M.yaml',
    }),
    redact: Flags.boolean({
      description:
        'put stand-ins for addresses, UUIDs, serial numbers, labels, and names of hosts and users ' +
        'into all that is printed and written; the verdict stays',
    }),
    'redacted-log': Flags.string({
      description: 'write the log with these stand-ins here, to be shared; implies --redact',
      helpValue: 'FILE',
    }),
  };

  async run(): Promise<object> {
    const { argv, flags } = await this.parse(Import, joinSignedValues(this.argv));
    const sharedLog = flags['redacted-log'];
    const redact = flags.redact || sharedLog !== undefined;
    const outputs: [string, string][] = [];
    for (const flag of ['output', 'machine-out', 'redacted-log'] as const) {
      const path = flags[flag];
      if (path === undefined) continue;
      if (argv.length > 1)
        throw new ReprobeError('USAGE', `--${flag} takes what one source gives.`);
      outputs.push([`--${flag}`, path]);
    }
    await checkOutputs(argv.map(String), outputs);
    const paint = painter();
    const documents: object[] = [];
    for (const path of argv) {
      const redactedTo = sharedLog === undefined ? null : await openRedacted(sharedLog);
      const source = await loadSource(String(path), flags, {
        mayBeEmpty: true,
        redact,
        redactedTo,
      }).finally(() => redactedTo?.discard());
      const summary = importSummary(importOf(source, flags.kernel !== undefined));
      if (flags.output !== undefined) await writeTo(flags.output, traceBytes(flags.output, source));
      const file = flags['machine-out'];
      if (file !== undefined) await writeTo(file, machineFile(file, source, flags));
      if (argv.length > 1) this.log(painted([line(source.file, 'head')], paint));
      this.log(painted(importLines(summary), paint));
      documents.push(summary);
    }
    const [only] = documents;
    return documents.length === 1 && only !== undefined ? only : { sources: documents };
  }
}

function importOf(
  { kind, trace, imported, redacted, divergences, doubts }: LoadedSource,
  isKernelAsked: boolean,
): Imported {
  return {
    kind,
    trace,
    log: imported?.log ?? null,
    isKernelAsked,
    boot: imported?.boot ?? 0,
    boots: imported?.boots ?? 1,
    observations: imported?.observations ?? [],
    faults: imported?.faults ?? [],
    unrecognised: imported?.unrecognised ?? [],
    divergences,
    violations: checkTrace(trace.header, trace.events),
    doubts,
    waiting: imported?.waiting ?? [],
    evidence: imported?.evidence ?? [],
    redacted: redacted?.counts() ?? null,
  };
}

/** What speaks against the run goes with it: who reads the trace has no log. */
function traceBytes(path: string, { trace, doubts }: LoadedSource): Uint8Array {
  const { header, events } = trace;
  const { source } = header;
  const inTrace = doubtsInTrace(trace);
  const beside = doubts.filter((one) => !inTrace.includes(one));
  const told = source === null || beside.length === 0 ? source : { ...source, doubts: beside };
  return writeTrace(
    { events, header: { ...header, source: told } },
    { gzip: path.endsWith('.gz') },
  );
}

function machineFile(
  path: string,
  { file, trace }: LoadedSource,
  flags: Parameters<typeof commandWords>[2],
): string {
  const again = commandWords('bisect', file, { ...flags, machine: path });
  return machineText(trace.header.machine, file, shellWords(again));
}
