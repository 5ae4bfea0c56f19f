/** The claim that a violation is about, as a question that any state of its run answers. */

import { thaw } from '../engine/history.ts';
import type { Recorded } from '../events/event.ts';
import type { Trace } from '../events/trace.ts';
import { findInvariant } from '../invariants/all.ts';
import type { Breach, Invariant, Violation } from '../invariants/invariant.ts';
import type { Facts } from '../model/context.ts';
import { kernelOps } from '../model/kernel/ops.ts';
import { reduce } from '../model/state/reduce.ts';
import { initialState, type ReadState, type State } from '../model/state/state.ts';
import { patchesOf } from '../model/versions/profile.ts';
import { type Cause, causesOf } from './causes.ts';
import { oopsLooks } from './oops-looks.ts';

export interface Claim {
  readonly invariant: Invariant;
  readonly breach: (state: ReadState) => Breach | null;
  /** Devices and groups that the violation is about. */
  readonly names: readonly string[];
}

/** The states before and after an event. */
export interface Ends {
  readonly before: ReadState;
  readonly after: ReadState;
}

/** Folds a run up to an event. Cost: one pass, and a copy of a state. */
export function endsOf({ events }: Trace, event: number): Ends {
  const state = initialState();
  for (let n = 0; n < event; n += 1) foldInto(state, events, n);
  const before = thaw(state);
  foldInto(state, events, event);
  return { before, after: state };
}

function foldInto(state: State, events: readonly Recorded[], n: number): void {
  const recorded = events[n];
  if (recorded !== undefined) reduce(state, recorded.event);
}

/** Why there is no claim to ask, in words; else the claim. */
export function claimOf(trace: Trace, violation: Violation, ends: Ends): Claim | string {
  const invariant = findInvariant(violation.invariant);
  const recorded = trace.events[violation.event];
  if (invariant === undefined || recorded === undefined) return 'the event is not in the trace';
  const factsOf = factsFor(trace);
  const subject = [ends.after, ends.before]
    .flatMap((state) => invariant.subjects(recorded.event, factsOf(state)))
    .find((one) => invariant.name(one) === violation.subject);
  if (subject === undefined) return `the event has nothing to do with ${violation.subject}`;
  const values = Object.values(violation.values).filter((value) => typeof value === 'string');
  return {
    invariant,
    breach: (state) => invariant.check(subject, factsOf(state)),
    names: [...new Set([subject, ...values])],
  };
}

function factsFor({ header: { kernel, machine } }: Trace): (state: ReadState) => Facts {
  const patches = patchesOf(kernel);
  return (state) => ({ state, machine, ops: kernelOps, has: (patch) => patches.has(patch) });
}

/** The events that a violation goes back to; see causesOf. */
export function causesOfViolation(
  trace: Trace,
  violation: Violation,
  ends: Ends,
): readonly Cause[] {
  const claim = claimOf(trace, violation, ends);
  if (typeof claim === 'string') return [];
  if (trace.events[violation.event]?.event.type === 'kernel.oopsed') {
    const looks = oopsLooks(trace.events, violation.event, trace.header.machine, ends.before);
    return causesOf(trace.events, { event: violation.event, last: ends.after, ...looks });
  }
  const { breach: look, names } = claim;
  return causesOf(trace.events, { event: violation.event, last: ends.after, look, names });
}
