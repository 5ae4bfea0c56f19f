import { writeFile } from 'node:fs/promises';
import { resolve } from 'node:path';
import { Args, Flags } from '@oclif/core';
import { ReprobeError } from '../error.ts';
import type { Trace } from '../events/trace.ts';
import { writeTrace } from '../events/trace-file.ts';
import { checkTrace } from '../invariants/checker.ts';
import { type Import as Imported, importLines, importSummary } from '../report/import-summary.ts';
import { line } from '../report/line.ts';
import { BaseCommand } from './base.ts';
import { joinSignedValues } from './kernel-flags.ts';
import { painted } from './print.ts';
import { type LoadedSource, loadSource, sourceFlags } from './source.ts';
import { painter } from './terminal.ts';

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
  };

  async run(): Promise<object> {
    const { argv, flags } = await this.parse(Import, joinSignedValues(this.argv));
    if (flags.output !== undefined && argv.length > 1) {
      throw new ReprobeError('USAGE', '--output takes the trace of one source.');
    }
    if (flags.output !== undefined && argv.some((path) => isSameFile(String(path), flags.output)))
      throw new ReprobeError('USAGE', '--output is the source itself, which it would overwrite.');
    const paint = painter();
    const documents: object[] = [];
    for (const path of argv) {
      const source = await loadSource(String(path), flags, { mayBeEmpty: true });
      const summary = importSummary(importOf(source, flags.kernel !== undefined));
      if (flags.output !== undefined) await writeTo(flags.output, source.trace);
      if (argv.length > 1) this.log(painted([line(source.file, 'head')], paint));
      this.log(painted(importLines(summary), paint));
      documents.push(summary);
    }
    const [only] = documents;
    return documents.length === 1 && only !== undefined ? only : { sources: documents };
  }
}

function importOf(
  { kind, trace, imported, divergences, doubts }: LoadedSource,
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
  };
}

const isSameFile = (a: string, b = ''): boolean => resolve(a) === resolve(b);

async function writeTo(path: string, trace: Trace): Promise<void> {
  try {
    await writeFile(path, writeTrace(trace, { gzip: path.endsWith('.gz') }));
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    throw new ReprobeError('UNWRITABLE', `The trace cannot be written: ${reason}.`, { file: path });
  }
}
