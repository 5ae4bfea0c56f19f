import { Flags } from '@oclif/core';
import { reasonOf } from '../bisect/doubt.ts';
import { type FirstViolation, firstViolation } from '../bisect/first-violation.ts';
import type { BisectOutcome } from '../bisect/outcome.ts';
import { rerunTrace } from '../bisect/rerun.ts';
import { searchPrefixes } from '../bisect/search.ts';
import { stimulusOf, verifyViolation } from '../bisect/verify.ts';
import { type WhatChanges, whatChanges } from '../bisect/what-changes.ts';
import { createHistory, stateAfter } from '../engine/history.ts';
import { ReprobeError } from '../error.ts';
import { describeStimulus } from '../events/stimulus.ts';
import type { Trace } from '../events/trace.ts';
import { shellWords } from '../import/action-shell.ts';
import type { Violation } from '../invariants/invariant.ts';
import { bisectStory, type Story } from '../report/bisect-story.ts';
import { BaseCommand } from './base.ts';
import { runCheck } from './check-command.ts';
import { EXIT } from './exit.ts';
import { joinSignedValues } from './kernel-flags.ts';
import { againCommand, painted } from './print.ts';
import {
  type LoadedSource,
  lineReader,
  loadSource,
  pasteable,
  sourceArg,
  sourceFlags,
} from './source.ts';
import { invariantNamed } from './split-command.ts';
import { painter } from './terminal.ts';

/** Finds the first event that breaks an invariant, or that a command calls bad. */
export default class Bisect extends BaseCommand {
  static override summary = 'Find the first event that breaks an invariant.';
  static override description =
    'A command after -- decides instead of the invariants: it gets the state as JSON on its ' +
    'standard input and exits as under `git bisect run`: 0 good, 125 skip, else bad, 128 stops.';
  static override args = { source: sourceArg };
  static override flags = {
    ...sourceFlags,
    invariant: Flags.string({ description: 'look at this one only', helpValue: 'ID' }),
    confirm: Flags.boolean({
      default: false,
      description: 'ask the command twice about the answer',
    }),
  };

  async run(): Promise<object> {
    const { argv, command } = splitCommand(this.argv);
    const { args, flags } = await this.parse(Bisect, argv);
    const invariant = flags.invariant === undefined ? undefined : invariantNamed(flags.invariant);
    if (command !== null && (command.length === 0 || invariant !== undefined)) {
      throw new ReprobeError('USAGE', 'Give either --invariant or a command after --.');
    }
    const source = await loadSource(args.source, flags);
    const { trace } = source;
    const outcome: BisectOutcome =
      command === null
        ? doubted(firstViolation(trace, { invariant }), source.doubts)
        : await searchWith(command, trace, flags.confirm);
    process.exitCode = exitFor(outcome);

    const violation = outcome.kind === 'found' ? outcome.violation : null;
    const story: Story = {
      trace,
      outcome,
      verification: violation === null ? null : verifyViolation(trace, violation),
      changes: violation === null ? null : changesOf(source, violation),
      doubts: command === null ? source.doubts : [],
      contradictions: source.divergences.length,
      logText: lineReader(source),
      sourceName: shellWords([source.file === '<stdin>' ? '-' : source.file]),
      again: (event) => againCommand(source.file, flags, event, pasteable(source)),
    };
    this.log(painted(bisectStory(story), painter()));
    return bisectJson(story);
  }
}

/** What stands before `--`, and the command after it; null without one. */
function splitCommand(given: readonly string[]) {
  const at = given.indexOf('--');
  if (at < 0) return { argv: joinSignedValues(given), command: null };
  return { argv: joinSignedValues(given.slice(0, at)), command: given.slice(at + 1) };
}

function searchWith(
  command: readonly string[],
  trace: Trace,
  confirm: boolean,
): Promise<BisectOutcome> {
  const history = createHistory(trace.events);
  const judge = (count: number) => runCheck(command, stateAfter(history, count));
  return searchPrefixes(trace.events.length, { judge, confirm });
}

/** A run that breaks nothing and is in doubt decides nothing. */
function doubted(outcome: FirstViolation, doubts: readonly string[]): BisectOutcome {
  if (outcome.kind === 'found' || doubts.length === 0) return outcome;
  return { kind: 'inconclusive', reason: reasonOf(doubts), evaluations: outcome.evaluations };
}

/**
 * A log tells what its kernel did, and would contradict any that does better: what helps is looked
 * for without it, unless only the log brings the violation about.
 */
function changesOf({ trace, rerun }: LoadedSource, violation: Violation): WhatChanges {
  const unguided = whatChanges((change) => {
    return { trace: rerunTrace(trace, change), divergences: [], doubts: [] };
  }, violation);
  return unguided.reproduced ? unguided : whatChanges(rerun, violation);
}

function exitFor({ kind }: BisectOutcome): number {
  if (kind === 'holds') return EXIT.holds;
  return kind === 'found' || kind === 'badFromStart' ? EXIT.violated : EXIT.inconclusive;
}

function bisectJson({ trace, outcome, verification, changes, again }: Story): object {
  const found = outcome.kind === 'found' ? outcome : null;
  const bad = found === null ? undefined : trace.events[found.event];
  const origin = found === null ? null : stimulusOf(trace, found.event);
  return {
    outcome: outcome.kind,
    firstBad:
      found === null || bad === undefined
        ? null
        : {
            event: found.event,
            type: bad.event.type,
            line: bad.line,
            time: bad.timeUs === null ? null : bad.timeUs / 1e6,
            stack: bad.stack,
            stimulus: origin === null ? null : describeStimulus(origin.stimulus),
          },
    lastGood: found?.lastGood ?? null,
    violation: found?.violation ?? null,
    evaluations: outcome.evaluations,
    events: trace.events.length,
    reason: 'reason' in outcome ? outcome.reason : null,
    also: found?.also ?? [],
    healed: found?.healed ?? null,
    verification,
    changes,
    again: found === null ? null : again(found.event),
  };
}
