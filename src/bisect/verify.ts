/** Verifying a finding: both ends are looked at again, and the run is repeated without its cause. */
import { canonicalJson } from '../events/canonical.ts';
import type { Recorded } from '../events/event.ts';
import { describeStimulus, type Stimulus } from '../events/stimulus.ts';
import type { Trace } from '../events/trace.ts';
import type { Violation } from '../invariants/invariant.ts';
import { claimOf, type Ends, endsOf } from './claim.ts';
import { sameViolation } from './first-violation.ts';
import type { Judge } from './judge.ts';
import { inputsWithout, type Omission, rerunTrace, violationsOf } from './rerun.ts';

export interface Verification {
  readonly verified: boolean;
  /** What was done and what came of it, one sentence. */
  readonly how: string;
}

/** The stimulus an event belongs to, and its position among the stimuli; null for none. */
export function stimulusOf(
  { events, header }: Trace,
  event: number,
): { readonly stimulus: Stimulus; readonly index: number | null } | null {
  const task = events[event]?.task;
  let count = -1;
  let found: { stimulus: Stimulus; count: number; own: boolean } | null = null;
  for (const recorded of events.slice(0, event + 1)) {
    if (recorded.event.type !== 'task.started') continue;
    count += 1;
    const own = recorded.task === task;
    if (own || found?.own !== true) found = { stimulus: recorded.event.stimulus, count, own };
  }
  if (found === null) return null;
  const { stimulus } = found;
  const given = header.stimuli[found.count];
  const known = given !== undefined && canonicalJson(given) === canonicalJson(stimulus);
  return { stimulus, index: known ? found.count : null };
}

/**
 * Checks that the state before the event is good and the one after it bad, then repeats the run
 * without what caused it: the stimulus, or for a boot the driver or the device that was probed.
 *
 * Cost: up to three runs of the trace's inputs.
 */
export function verifyViolation(
  trace: Trace,
  violation: Violation,
  ends: Ends = endsOf(trace, violation.event),
): Verification {
  const wrong = wrongEnd(trace, violation, ends);
  if (wrong !== null) return { verified: false, how: wrong };
  const again = (without: Omission | null): boolean =>
    violationsOf(rerunTrace(trace, {}, without)).some((one) => sameViolation(one, violation));
  if (!again(null)) {
    const how =
      'both ends were checked; a run without the log does not show it, so no cause was left out';
    return { verified: false, how };
  }
  const tried: string[] = [];
  for (const [omission, what] of omissionsFor(trace, violation.event)) {
    if (!again(omission))
      return { verified: true, how: `both ends were checked, and ${goneWithout(what)}` };
    tried.push(what);
  }
  return { verified: false, how: `both ends were checked, ${stayed(tried)}` };
}

/**
 * The same for what another judge calls bad: its inputs are judged again, and without what caused
 * the event. Cost: up to three runs that are judged.
 */
export async function verifyJudged(
  trace: Trace,
  event: number,
  judge: Judge,
): Promise<Verification> {
  const verdictOf = async (omission: Omission | null, what: string) =>
    (await judge(inputsWithout(trace.header, omission), what)).verdict;
  if ((await verdictOf(null, 'the whole run again')) !== 'bad')
    return { verified: false, how: 'the run as a whole, done again, does not end badly' };
  const tried: string[] = [];
  for (const [omission, what] of omissionsFor(trace, event)) {
    if ((await verdictOf(omission, `without ${what}`)) === 'good')
      return { verified: true, how: `the run was judged again, and ${goneWithout(what)}` };
    tried.push(what);
  }
  return { verified: false, how: `the run was judged again, ${stayed(tried)}` };
}

const goneWithout = (what: string): string => `without ${what} it does not happen`;

function stayed(tried: readonly string[]): string {
  if (tried.length === 0) return 'but no stimulus of the trace is known to have caused it';
  return `but it also happens without ${tried.join(', and without ')}`;
}

/** Which end is not as it should be, in words; null when both are. */
function wrongEnd(trace: Trace, violation: Violation, ends: Ends): string | null {
  const claim = claimOf(trace, violation, ends);
  if (typeof claim === 'string') return claim;
  if (claim.breach(ends.after) === null) return 'the state after the event is good';
  // In the middle of a probe such a claim does not have to hold.
  if (claim.invariant.when !== 'always') return null;
  return claim.breach(ends.before) === null ? null : 'the state before the event is bad';
}

/** What to leave out, most telling first, each with its name in a sentence. */
function omissionsFor(trace: Trace, event: number): readonly (readonly [Omission, string])[] {
  const origin = stimulusOf(trace, event);
  if (origin === null) return [];
  if (origin.stimulus.do !== 'boot') {
    if (origin.index === null) return [];
    const what = `\`${describeStimulus(origin.stimulus)}\``;
    return [[{ kind: 'stimulus', index: origin.index }, what]];
  }
  const probe = probeAt(trace.events, event);
  if (probe === null) return [];
  return [
    [{ kind: 'driver', name: probe.drv }, `the driver ${probe.drv}`],
    [{ kind: 'device', name: probe.dev }, `the device ${probe.dev}`],
  ];
}

/** The probe that was under way: the last that the task of the event started. */
function probeAt(events: readonly Recorded[], event: number) {
  const task = events[event]?.task;
  for (let i = event; i >= 0; i -= 1) {
    const recorded = events[i];
    if (recorded?.task === task && recorded?.event.type === 'probe.started') return recorded.event;
  }
  return null;
}
