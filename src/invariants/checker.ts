/** Checks invariants along a run and remembers which are broken. */
import type { EventType, Recorded } from '../events/event.ts';
import { describeStimulus } from '../events/stimulus.ts';
import type { TraceHeader } from '../events/trace.ts';
import type { Facts } from '../model/context.ts';
import { kernelOps } from '../model/kernel/ops.ts';
import { reduce } from '../model/state/reduce.ts';
import { initialState, type ReadState } from '../model/state/state.ts';
import { patchesOf } from '../model/versions/profile.ts';
import { INVARIANTS } from './all.ts';
import { createFlights, type Flights } from './flights.ts';
import type { Breach, Invariant, Violation } from './invariant.ts';

/** What a checker needs to know of a run beside its events. */
type Setting = Pick<TraceHeader, 'kernel' | 'machine'>;

export interface Checker {
  /** To be called after each event with the state it led to; returns what that event broke. */
  onEvent(recorded: Recorded, index: number): readonly Violation[];
  /** Everything that was ever broken, in order. */
  readonly violations: readonly Violation[];
  /** Which of them ended, and how. */
  readonly healed: ReadonlyMap<Violation, Healing>;
}

/** The end of a violation. */
export interface Healing {
  readonly event: number;
  /** A log overruled the model there: the kernel it is of never was in the violating state. */
  readonly byLog: boolean;
}

/** A checker for a run whose state is `state` at every call. */
export function createChecker(
  setting: Setting,
  state: ReadState,
  invariants: readonly Invariant[] = INVARIANTS,
  flights: Flights = createFlights(),
): Checker {
  const patches = patchesOf(setting.kernel);
  const k: Facts = {
    state,
    machine: setting.machine,
    ops: kernelOps,
    has: (patch) => patches.has(patch),
  };
  const watchers = watchersOf(invariants);
  const stimuli = new Map<string, string>();
  const violations: Violation[] = [];
  const broken = new Map<string, Violation>();
  const healed = new Map<Violation, Healing>();
  let lastStimulus = '';
  let byLog = false;

  const judge = (invariant: Invariant, subject: string, at: Recorded, index: number): void => {
    const breach = invariant.check(subject, k);
    if (breach === null && broken.size === 0) return;
    const key = `${invariant.id} ${subject}`;
    const violation = broken.get(key);
    if (breach === null) {
      if (violation !== undefined) healed.set(violation, { event: index, byLog });
      broken.delete(key);
    } else if (violation === undefined && !byLog) {
      const stimulus = stimuli.get(at.task) ?? lastStimulus;
      const found = violationOf(invariant, subject, breach, at, index, stimulus);
      broken.set(key, found);
      violations.push(found);
    }
  };

  const isDue = ({ when }: Invariant, subject: string): boolean => {
    if (when === 'settled') return flights.hasQueuedDeferrals();
    return when === 'always' || isQuiet(subject, k, flights);
  };

  return {
    violations,
    healed,
    onEvent(recorded, index) {
      const { event, task } = recorded;
      // A log moves one device after the other: what that breaks on the way is no kernel's doing.
      if (event.type === 'log.diverged') byLog = true;
      if (event.type === 'task.started') {
        byLog = false;
        lastStimulus = describeStimulus(event.stimulus);
        stimuli.set(task, lastStimulus);
      }
      flights.note(recorded);
      const before = violations.length;
      for (const invariant of watchers[event.type] ?? []) {
        for (const subject of invariant.subjects(event, k))
          if (isDue(invariant, subject)) judge(invariant, subject, recorded, index);
      }
      return violations.length === before ? [] : violations.slice(before);
    },
  };
}

/** Is nothing under way on the device, or on the group and any device of it? */
function isQuiet(subject: string, k: Facts, flights: Flights): boolean {
  const group = k.state.groups[subject];
  if (group === undefined) return flights.isQuiet(subject);
  return flights.isSettled(group.id) && group.devices.every(flights.isQuiet);
}

type Watchers = Partial<Record<EventType, readonly Invariant[]>>;

const OF_LISTS = new WeakMap<readonly Invariant[], Watchers>();

/** The invariants that watch each type of event; made once for each list. */
function watchersOf(invariants: readonly Invariant[]): Watchers {
  const known = OF_LISTS.get(invariants);
  if (known !== undefined) return known;
  const watchers: Partial<Record<EventType, Invariant[]>> = {};
  for (const invariant of invariants) {
    for (const type of invariant.watches) {
      const list = watchers[type] ?? [];
      list.push(invariant);
      watchers[type] = list;
    }
  }
  OF_LISTS.set(invariants, watchers);
  return watchers;
}

function violationOf(
  invariant: Invariant,
  subject: string,
  breach: Breach,
  at: Recorded,
  event: number,
  stimulus: string,
): Violation {
  return {
    invariant: invariant.id,
    subject: invariant.name(subject),
    event,
    line: at.line,
    message: breach.message,
    values: breach.values,
    stack: at.stack,
    stimulus,
  };
}

/** The violations of a trace, and how those that ended did. */
export interface Checked {
  /** In order, without those that the log of the trace overrules. */
  readonly violations: readonly Violation[];
  /** Those that it overrules: the model broke an invariant where the kernel did not. */
  readonly overruled: readonly Violation[];
  readonly healed: ReadonlyMap<Violation, Healing>;
}

/** Folds a trace and checks every event. Cost: one pass. */
export function checkEvents(
  setting: Setting,
  events: readonly Recorded[],
  invariants: readonly Invariant[] = INVARIANTS,
): Checked {
  const state = initialState();
  const checker = createChecker(setting, state, invariants);
  for (const [index, recorded] of events.entries()) {
    reduce(state, recorded.event);
    checker.onEvent(recorded, index);
  }
  const { healed } = checker;
  const isOverruled = (violation: Violation) => healed.get(violation)?.byLog === true;
  return {
    violations: checker.violations.filter((violation) => !isOverruled(violation)),
    overruled: checker.violations.filter(isOverruled),
    healed,
  };
}

/** The violations of a trace that its log, where it has one, does not overrule. */
export function checkTrace(
  setting: Setting,
  events: readonly Recorded[],
  invariants: readonly Invariant[] = INVARIANTS,
): readonly Violation[] {
  return checkEvents(setting, events, invariants).violations;
}
