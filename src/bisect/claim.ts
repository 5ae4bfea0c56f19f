/** The claim that a violation is about, as a question that any state of its run answers. */

import type { Trace } from '../events/trace.ts';
import { findInvariant } from '../invariants/all.ts';
import type { Breach, Invariant, Violation } from '../invariants/invariant.ts';
import type { Facts } from '../model/context.ts';
import { kernelOps } from '../model/kernel/ops.ts';
import { reduce } from '../model/state/reduce.ts';
import { initialState, type ReadState, type State } from '../model/state/state.ts';
import { patchesOf } from '../model/versions/profile.ts';
import { type Cause, causesOf } from './causes.ts';

export interface Claim {
  readonly invariant: Invariant;
  readonly breach: (state: ReadState) => Breach | null;
  /** Devices and groups that the violation is about. */
  readonly names: readonly string[];
}

/** The states before and after an event. The first is a state of its own. */
interface Ends {
  readonly before: State;
  readonly after: State;
}

/** Folds a run up to an event. Cost: one pass. */
export function endsOf({ events }: Trace, event: number): Ends {
  const before = initialState();
  const after = initialState();
  for (let n = 0; n < event; n += 1) {
    const recorded = events[n];
    if (recorded === undefined) continue;
    reduce(before, recorded.event);
    reduce(after, recorded.event);
  }
  const last = events[event];
  if (last !== undefined) reduce(after, last.event);
  return { before, after };
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
export function causesOfViolation(trace: Trace, violation: Violation): readonly Cause[] {
  const claim = claimOf(trace, violation, endsOf(trace, violation.event));
  if (typeof claim === 'string') return [];
  return causesOf(trace.events, violation.event, claim.breach, claim.names);
}
