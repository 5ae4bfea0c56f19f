/** What an export tells of: a run of inputs, step by step, and what it breaks. */
import { windowsOf } from '../../bisect/alike.ts';
import { sameViolation } from '../../bisect/first-violation.ts';
import { rerunTrace, violationsOf } from '../../bisect/rerun.ts';
import { type WhatChanges, whatChanges } from '../../bisect/what-changes.ts';
import { followChoices, runAll } from '../../engine/run.ts';
import type { EventOf, Recorded } from '../../events/event.ts';
import type { Stimulus } from '../../events/stimulus.ts';
import type { Inputs, Trace } from '../../events/trace.ts';
import type { Violation } from '../../invariants/invariant.ts';
import { PROFILES, parseRelease } from '../../model/versions/profile.ts';
import { type StepResult, stepResults } from '../step-results.ts';

/** One step of the run. */
export interface DoneStep {
  /** From 1. */
  readonly n: number;
  readonly stimulus: Stimulus;
  /** Null where the run ended before it. */
  readonly result: StepResult | null;
  /** Lines of the kernel, in their order. */
  readonly printed: readonly EventOf<'printk'>[];
  /** System calls that are told apart, as those of a user of VFIO. */
  readonly calls: readonly EventOf<'syscall.returned'>[];
  /** When the timeout of deferred probes was armed last, in seconds; null while it never was. */
  readonly timeoutSeconds: number | null;
  /** What it breaks first. */
  readonly violations: readonly Violation[];
}

export interface Finding {
  /** What the source is called, without folders and endings. */
  readonly name: string;
  /** One sentence; may be empty. */
  readonly title: string;
  readonly trace: Trace;
  readonly violations: readonly Violation[];
  /** The one to tell of: the first that broke; null where everything holds. */
  readonly violation: Violation | null;
  readonly steps: readonly DoneStep[];
}

/**
 * Runs the inputs alone, without any log they came from. Cost: one run.
 *
 * @param invariant the id of the one to tell of; null for whatever broke first.
 */
export function findingOf(
  name: string,
  title: string,
  inputs: Inputs,
  invariant: string | null = null,
): Finding {
  const { kernel, machine, stimuli, choices } = inputs;
  const run = runAll({ kernel, machine }, stimuli, { choose: followChoices(choices) });
  const trace = run.trace();
  const violations = violationsOf(trace);
  const isAsked = (one: Violation) => invariant === null || one.invariant === invariant;
  const violation = violations.find(isAsked) ?? null;
  return { name, title, trace, violations, violation, steps: stepsOf(trace, violations) };
}

function stepsOf(trace: Trace, violations: readonly Violation[]): readonly DoneStep[] {
  const windows = windowsOf(trace.events).filter(({ stimulus }) => stimulus !== null);
  const results = stepResults(trace);
  let timeoutSeconds: number | null = null;
  let next = 0;
  return trace.header.stimuli.map((stimulus, i) => {
    // What comes meanwhile has no window of its own.
    const { start = 0, end = 0 } = (stimulus.do === 'meanwhile' ? null : windows[next++]) ?? {};
    const own = trace.events.slice(start, end);
    timeoutSeconds = timeoutOf(own) ?? timeoutSeconds;
    return {
      n: i + 1,
      stimulus,
      result: results[i] ?? null,
      printed: own.flatMap(({ event }) => (event.type === 'printk' ? [event] : [])),
      calls: own.flatMap(({ event }) => (event.type === 'syscall.returned' ? [event] : [])),
      timeoutSeconds,
      violations: violations.filter(({ event }) => event >= start && event < end),
    };
  });
}

function timeoutOf(events: readonly Recorded[]): number | null {
  const last = events.findLast(({ event }) => event.type === 'deferred.timeout_armed')?.event;
  return last?.type === 'deferred.timeout_armed' ? last.seconds : null;
}

/** What becomes of the same inputs under a release as it shipped, its newest stable one. */
export interface Affected {
  readonly kernel: string;
  /** `other` where it breaks something else. */
  readonly verdict: 'bad' | 'good' | 'other';
}

/** What else is known of the finding. */
export interface Spread {
  readonly kernels: readonly Affected[];
  /** Stable releases with the fix, before which it is there: `6.1.53`. */
  readonly before: readonly string[];
  readonly changes: WhatChanges;
}

/**
 * Runs the inputs under each release, under the last stable ones without each fix, and with each
 * suspect switched. Cost: a run each.
 */
export function spreadOf({ trace }: Finding, violation: Violation): Spread {
  const violationsUnder = (version: string) => violationsOf(rerunTrace(trace, { version }));
  const isBad = (found: readonly Violation[]) => found.some((one) => sameViolation(one, violation));
  const kernels = PROFILES.map((version): Affected => {
    const found = violationsUnder(version);
    const verdict = isBad(found) ? 'bad' : found.length > 0 ? 'other' : 'good';
    return { kernel: version, verdict };
  });
  const changes = whatChanges(
    (change) => ({ trace: rerunTrace(trace, change), divergences: [], doubts: [] }),
    violation,
  );
  const fixes = changes.remedies.flatMap((one) =>
    one.kind === 'patch' && one.direction === 'with' ? one.stable : [],
  );
  const before = [...new Set(fixes)].filter((release) => {
    const last = releaseBefore(release);
    return last !== null && isBad(violationsUnder(last));
  });
  return { kernels, before, changes };
}

/** `6.1.52` of `6.1.53`; null where the series has none before it. */
function releaseBefore(release: string): string | null {
  const { series, patchlevel } = parseRelease(release) ?? { series: '', patchlevel: null };
  return patchlevel === null || patchlevel < 1 ? null : `${series}.${patchlevel - 1}`;
}
