/** Checks invariants along a run and remembers which are broken. */
import type { EventType, KernelEvent, Recorded } from '../events/event.ts';
import { describeStimulus } from '../events/stimulus.ts';
import type { TraceHeader } from '../events/trace.ts';
import type { Facts } from '../model/context.ts';
import { reduce } from '../model/state/reduce.ts';
import { initialState, type ReadState } from '../model/state/state.ts';
import { patchesOf } from '../model/versions/profile.ts';
import { INVARIANTS } from './all.ts';
import type { Breach, Invariant, Violation } from './invariant.ts';

/** What a checker needs to know of a run beside its events. */
type Setting = Pick<TraceHeader, 'kernel' | 'machine'>;

export interface Checker {
  /** To be called after each event with the state it led to; returns what that event broke. */
  onEvent(recorded: Recorded, index: number): readonly Violation[];
  /** Everything that was ever broken, in order. */
  readonly violations: readonly Violation[];
  /** What is broken now: `invariant subject`. */
  readonly broken: ReadonlySet<string>;
}

/** Devices with a probe or an unbind under way, with how many. */
function createFlights() {
  const flights = new Map<string, number>();
  const add = (dev: string, by: number) => flights.set(dev, (flights.get(dev) ?? 0) + by);
  return {
    note(event: KernelEvent): void {
      if (event.type === 'probe.matched' || event.type === 'driver.unbinding') add(event.dev, 1);
      if (event.type === 'probe.finished' || event.type === 'driver.unbound') add(event.dev, -1);
      if (event.type === 'device.added') flights.delete(event.dev);
    },
    quiet: (dev: string): boolean => (flights.get(dev) ?? 0) <= 0,
  };
}

/** A checker for a run whose state is `state` at every call. */
export function createChecker(
  setting: Setting,
  state: ReadState,
  invariants: readonly Invariant[] = INVARIANTS,
): Checker {
  const patches = patchesOf(setting.kernel);
  const k: Facts = { state, machine: setting.machine, has: (patch) => patches.has(patch) };
  const watchers = watchersOf(invariants);
  const flights = createFlights();
  const stimuli = new Map<string, string>();
  const violations: Violation[] = [];
  const broken = new Set<string>();
  let lastStimulus = '';

  const judge = (invariant: Invariant, subject: string, at: Recorded, index: number): void => {
    const key = `${invariant.id} ${subject}`;
    const breach = invariant.check(subject, k);
    if (breach === null) broken.delete(key);
    else if (!broken.has(key)) {
      broken.add(key);
      const stimulus = stimuli.get(at.task) ?? lastStimulus;
      violations.push(violationOf(invariant, subject, breach, at, index, stimulus));
    }
  };

  return {
    violations,
    broken,
    onEvent(recorded, index) {
      const { event, task } = recorded;
      if (event.type === 'task.started') {
        lastStimulus = describeStimulus(event.stimulus);
        stimuli.set(task, lastStimulus);
      }
      flights.note(event);
      const before = violations.length;
      for (const invariant of watchers[event.type] ?? []) {
        for (const subject of invariant.subjects(event, k))
          if (invariant.when === 'always' || isQuiet(subject, k, flights.quiet))
            judge(invariant, subject, recorded, index);
      }
      return violations.length === before ? [] : violations.slice(before);
    },
  };
}

/** Is nothing under way on the device, or on any device of the group? */
function isQuiet(subject: string, k: Facts, quiet: (dev: string) => boolean): boolean {
  return (k.state.groups[subject]?.devices ?? [subject]).every(quiet);
}

function watchersOf(
  invariants: readonly Invariant[],
): Partial<Record<EventType, readonly Invariant[]>> {
  const watchers: Partial<Record<EventType, Invariant[]>> = {};
  for (const invariant of invariants) {
    for (const type of invariant.watches) {
      const list = watchers[type] ?? [];
      list.push(invariant);
      watchers[type] = list;
    }
  }
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

/** Folds a trace and returns every violation. Cost: one pass. */
export function checkTrace(
  setting: Setting,
  events: readonly Recorded[],
  invariants: readonly Invariant[] = INVARIANTS,
): readonly Violation[] {
  const state = initialState();
  const checker = createChecker(setting, state, invariants);
  for (const [index, recorded] of events.entries()) {
    reduce(state, recorded.event);
    checker.onEvent(recorded, index);
  }
  return checker.violations;
}
