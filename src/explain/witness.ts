/** Runs of what a log or a recording tells, under assumptions, and what speaks against each. */
import { evidenceOf, unseenDoubts } from '../bisect/doubt.ts';
import { NO_LINE } from '../events/disagreement.ts';
import type { Trace } from '../events/trace.ts';
import type { Divergence } from '../import/guide.ts';
import {
  type Imported,
  type ImportOptions,
  importRead,
  type UnloggedAction,
} from '../import/import.ts';
import type { ReadLog } from '../import/read-log.ts';
import type { Derived } from '../verify/machine.ts';
import type { Session } from '../verify/session.ts';
import type { Mismatch } from '../verify/tally.ts';
import { compareSession } from '../verify/verify.ts';
import { type Assumption, assuming, type UnloggedActions } from './assumption.ts';
import { RECORDED } from './troubles.ts';
import { unloggedFor } from './unlogged.ts';

/** One thing that was seen and that the run does not give, or the other way round. */
export type Disagreement =
  | {
      readonly kind: 'line';
      readonly line: number;
      /** What the model printed; null where it printed nothing. */
      readonly expected: string | null;
      /** What the log has; null where it has nothing. */
      readonly observed: string | null;
      /** The file beside the log that has it, and its line; absent where the log has. */
      readonly evidence?: Divergence['evidence'];
    }
  | { readonly kind: 'doubt'; readonly text: string }
  | { readonly kind: 'recorded'; readonly mismatch: Mismatch };

export interface Testimony {
  readonly trace: Trace;
  readonly disagreements: readonly Disagreement[];
  /** What users may have done unseen that could do away with some of them, the likeliest first. */
  readonly unlogged?: readonly UnloggedActions[];
}

/** Runs everything again under the assumptions. */
export type Witness = (assumptions: readonly Assumption[]) => Testimony;

/** The witness of a log: `first` is its import as it is, whose machine stays. */
export function logWitness(log: ReadLog, options: ImportOptions, first: Imported): Witness {
  return (assumptions) => {
    if (assumptions.length === 0) return testimonyOf(first);
    const unlogged = assumptions.flatMap(actionsIn).sort((a, b) => a.before - b.before);
    const given = unlogged.length === 0 ? options : { ...options, unlogged };
    // Actions name drivers and modules: the machine is made out again.
    const seen = unlogged.length === 0 ? first : importRead(log, given);
    if (assumptions.every(({ kind }) => kind === 'action')) return testimonyOf(seen);
    const { kernel, machine } = assuming(seen.trace.header, assumptions);
    const { config, patches, version } = kernel;
    const isSame = version === first.trace.header.kernel.version;
    const imported = importRead(log, {
      ...given,
      ...{ config, patches, machine },
      version: isSame ? options.version : version,
    });
    return testimonyOf(imported);
  };
}

function actionsIn(assumption: Assumption): readonly UnloggedAction[] {
  if (assumption.kind !== 'action') return [];
  return assumption.stimuli.map((stimulus) => ({ before: assumption.before, stimulus }));
}

function testimonyOf(imported: Imported): Testimony {
  const { trace, divergences } = imported;
  const lines = divergences.map(({ line, expected, observed, evidence }): Disagreement => {
    const said = (text: string) => (text === NO_LINE ? null : text);
    const beside = evidence === undefined ? {} : { evidence };
    return { kind: 'line', line, expected: said(expected), observed: said(observed), ...beside };
  });
  const doubts = unseenDoubts(trace, evidenceOf(imported));
  return {
    trace,
    disagreements: [...lines, ...doubts.map((text): Disagreement => ({ kind: 'doubt', text }))],
    unlogged: unloggedFor(imported),
  };
}

/**
 * The witness of a recorded session: beside its log it knows what each command returned, and what the
 * recording saw of devices, groups and counts.
 */
export function sessionWitness(session: Session, derived: Derived): Witness {
  return (assumptions) => {
    const { mismatches, emulation } = compareSession(session, assuming(derived, assumptions));
    return {
      trace: emulation.run.trace({ name: session.name, format: RECORDED }),
      disagreements: mismatches.map((mismatch) => ({ kind: 'recorded', mismatch })),
    };
  };
}
