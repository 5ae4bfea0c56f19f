import { Args, Flags } from '@oclif/core';
import { isSameRun, whereRunsPart } from '../bisect/parting.ts';
import { type Change, diffStates } from '../engine/diff.ts';
import { createHistory, stateAfter } from '../engine/history.ts';
import { ReprobeError } from '../error.ts';
import type { Trace } from '../events/trace.ts';
import { aligned, type Line, line, shown } from '../report/line.ts';
import { partingLines } from '../report/parting-lines.ts';
import { BaseCommand } from './base.ts';
import { EXIT } from './exit.ts';
import { joinSignedValues } from './kernel-flags.ts';
import { eventNumber } from './position.ts';
import { painted } from './print.ts';
import { loadSource, sourceArg, sourceFlags } from './source.ts';
import { painter } from './terminal.ts';

/** What changed between two events of a source, or where two sources part, by cause. */
export default class Diff extends BaseCommand {
  static override summary = 'Compare the states after two events, or two runs.';
  static override args = {
    source: sourceArg,
    other: Args.string({ description: 'a second source, to find where the two part' }),
  };
  static override flags = {
    ...sourceFlags,
    from: Flags.string({ description: 'compare the state after this event', helpValue: 'N|TIME' }),
    to: Flags.string({ description: 'with the state after this one', helpValue: 'N|TIME' }),
  };

  async run(): Promise<object> {
    const { args, flags } = await this.parse(Diff, joinSignedValues(this.argv));
    const { from, to } = flags;
    if (args.other !== undefined) {
      if (from !== undefined || to !== undefined) throw misused();
      const a = await loadSource(args.source, flags);
      const b = await loadSource(args.other, flags);
      return this.compareRuns(a.trace, b.trace);
    }
    if (from === undefined || to === undefined) throw misused();
    const { trace } = await loadSource(args.source, flags);
    return this.compareStates(trace, eventNumber(from, trace), eventNumber(to, trace));
  }

  private compareStates(trace: Trace, from: number, to: number): object {
    const history = createHistory(trace.events);
    const changes = diffStates(stateAfter(history, from + 1), stateAfter(history, to + 1));
    const lines = changes.length === 0 ? [line('no change')] : changeLines(changes);
    this.log(painted(lines, painter()));
    return { from, to, changes };
  }

  private compareRuns(a: Trace, b: Trace): object {
    const parting = whereRunsPart(a.events, b.events);
    if (!isSameRun(parting)) process.exitCode = EXIT.violated;
    this.log(painted(partingLines(parting, a.events, b.events), painter()));
    const [first] = parting.differences;
    const [inA, inB] = [first?.a[0], first?.b[0]];
    return {
      event: inA ?? inB ?? null,
      a: inA === undefined ? null : a.events[inA],
      b: inB === undefined ? null : b.events[inB],
      ...parting,
    };
  }
}

function misused(): ReprobeError {
  return new ReprobeError('USAGE', 'diff needs --from and --to, or a second source.', {
    hint: '`reprobe diff SOURCE --from N --to M`, or `reprobe diff A B`',
  });
}

/** One row a value; what came or went as a whole is told without its insides. */
function changeLines(changes: readonly Change[]): readonly Line[] {
  return aligned(
    changes.map(({ path, before, after }) => [
      path.join('.'),
      `${brief(before)} -> ${brief(after)}`,
    ]),
  );
}

function brief(value: unknown): string {
  const isRecord = typeof value === 'object' && value !== null && !Array.isArray(value);
  return isRecord ? '{…}' : shown(value);
}
