import { bisectAnswers } from '../bisect/answers.ts';
import { type Cause, causesOf } from '../bisect/causes.ts';
import { causesOfViolation, type Ends, endsOf } from '../bisect/claim.ts';
import { reasonOf } from '../bisect/doubt.ts';
import { type FirstViolation, firstViolation } from '../bisect/first-violation.ts';
import type { BisectOutcome } from '../bisect/outcome.ts';
import { type Answer, describeAnswer } from '../bisect/question.ts';
import { rerunTrace } from '../bisect/rerun.ts';
import { scanStates } from '../bisect/scan.ts';
import { searchPrefixes } from '../bisect/search.ts';
import { stimulusOf, type Verification, verifyJudged, verifyViolation } from '../bisect/verify.ts';
import { type WhatChanges, whatChanges } from '../bisect/what-changes.ts';
import { createHistory, stateAfter } from '../engine/history.ts';
import { errnoName } from '../events/errno.ts';
import { describeStimulus } from '../events/stimulus.ts';
import { shellWords } from '../import/action-shell.ts';
import type { Violation } from '../invariants/invariant.ts';
import { bisectStory, type Story } from '../report/bisect-story.ts';
import { exitForOutcome, type Means, type Told } from './bisect-means.ts';
import { runCheck } from './check-command.ts';
import { againCommand } from './print.ts';
import { type LoadedSource, lineReader, pasteable } from './source.ts';

type AgainFlags = Parameters<typeof againCommand>[1];

/** The first bad event of a run. */
export async function bisectEvents(means: Means, flags: AgainFlags): Promise<Told> {
  const { source, predicate } = means;
  const { trace } = source;
  const { outcome, answers } = await searchEvents(means);
  const ends = outcome.kind === 'found' ? endsOf(trace, outcome.event) : null;
  const violation = outcome.kind === 'found' ? outcome.violation : null;
  const story: Story = {
    trace,
    outcome,
    verification: await verificationOf(outcome, means, ends),
    changes: violation === null ? null : changesOf(source, violation),
    causes: causesFor(outcome, means, ends),
    answers,
    doubts: predicate.kind === 'command' ? [] : source.doubts,
    contradictions: source.divergences.length,
    wasThere: predicate.kind !== 'when' || predicate.when.wasThere(),
    logText: lineReader(source),
    sourceName: shellWords([source.file === '<stdin>' ? '-' : source.file]),
    again: (event) => againCommand(source.file, flags, event, pasteable(source)),
  };
  return { lines: bisectStory(story), json: eventsJson(story), exit: exitForOutcome(outcome) };
}

interface SearchedEvents {
  readonly outcome: BisectOutcome;
  readonly answers: Story['answers'];
}

async function searchEvents(means: Means): Promise<SearchedEvents> {
  const { source, predicate, memory, confirm } = means;
  const { trace, doubts } = source;
  switch (predicate.kind) {
    case 'violation':
      return { outcome: doubted(firstViolation(trace, predicate), doubts), answers: null };
    case 'when':
      return { outcome: scanStates(trace, predicate.when), answers: null };
    case 'ask': {
      const { outcome, ...answers } = await bisectAnswers(
        trace,
        predicate.question,
        memory,
        confirm,
      );
      return { outcome, answers };
    }
    case 'command': {
      const { command, interesting } = predicate;
      const history = createHistory(trace.events);
      const judge = (count: number) =>
        memory.verdict(count, '', () => runCheck(command, stateAfter(history, count), interesting));
      return {
        outcome: await searchPrefixes(trace.events.length, { judge, confirm }),
        answers: null,
      };
    }
  }
}

/** A run that breaks nothing and is in doubt decides nothing. */
function doubted(outcome: FirstViolation, doubts: readonly string[]): BisectOutcome {
  if (outcome.kind === 'found' || doubts.length === 0) return outcome;
  return { kind: 'inconclusive', reason: reasonOf(doubts), evaluations: outcome.evaluations };
}

async function verificationOf(
  outcome: BisectOutcome,
  means: Means,
  ends: Ends | null,
): Promise<Verification | null> {
  if (outcome.kind !== 'found' || ends === null) return null;
  const { source, predicate, judge, confirm } = means;
  if (outcome.violation !== null) return verifyViolation(source.trace, outcome.violation, ends);
  // A command is asked no more often than it has to be, unless the user wants it to be.
  if (predicate.kind === 'command' && !confirm) return null;
  return await verifyJudged(source.trace, outcome.event, judge);
}

function causesFor(
  outcome: BisectOutcome,
  { source, predicate }: Means,
  ends: Ends | null,
): readonly Cause[] {
  if (outcome.kind !== 'found' || ends === null) return [];
  const { trace } = source;
  if (outcome.violation !== null) return causesOfViolation(trace, outcome.violation, ends);
  if (predicate.kind !== 'when') return [];
  const { event } = outcome;
  const recorded = trace.events[event] ?? null;
  const stimulus = stimulusOf(trace, event)?.stimulus ?? null;
  const look = (state: Parameters<typeof predicate.when>[0]['state']) =>
    predicate.when({ state, n: event, recorded, stimulus });
  return causesOf(trace.events, { event, last: ends.after, look, names: [] });
}

/**
 * A log tells what its kernel did, and would contradict any that does better: what helps is looked
 * for without it, unless only the log brings the violation about.
 */
function changesOf({ kind, trace, rerun }: LoadedSource, violation: Violation): WhatChanges {
  const unguided = whatChanges((change) => {
    return { trace: rerunTrace(trace, change), divergences: [], doubts: [] };
  }, violation);
  if (unguided.reproduced || kind !== 'log') return unguided;
  return whatChanges(rerun, violation);
}

function eventsJson(story: Story): object {
  const { trace, outcome, verification, changes, again, causes, answers } = story;
  const found = outcome.kind === 'found' ? outcome : null;
  const bad = found === null ? undefined : trace.events[found.event];
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
            stimulus: stimulusText(story, found.event),
          },
    lastGood: found?.lastGood ?? null,
    violation: found?.violation ?? null,
    evaluations: outcome.evaluations,
    events: trace.events.length,
    reason: 'reason' in outcome ? outcome.reason : null,
    also: found?.also ?? [],
    healed: found?.healed ?? null,
    causes: causes.map(({ event, parts, made }) => ({
      event,
      type: trace.events[event]?.event.type ?? null,
      stack: trace.events[event]?.stack ?? [],
      stimulus: stimulusText(story, event),
      parts,
      made,
    })),
    answers:
      answers === null
        ? null
        : { first: answers.first, before: answerJson(answers.yes), after: answerJson(answers.no) },
    verification,
    changes,
    again: found === null ? null : again(found.event),
  };
}

function stimulusText({ trace }: Story, event: number): string | null {
  const origin = stimulusOf(trace, event);
  return origin === null ? null : describeStimulus(origin.stimulus);
}

function answerJson(answer: Answer | null): object | null {
  if (answer === null) return null;
  const errno = answer.kind === 'no' && answer.ret !== 0 ? errnoName(answer.ret) : null;
  return { ...answer, errno, text: describeAnswer(answer) };
}
