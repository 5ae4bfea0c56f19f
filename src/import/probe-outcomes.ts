/** What drivers' probes returned, as the lines of failures tell it, between one user action and the next. */
import type { Recorded } from '../events/event.ts';
import type { DriverSpec } from '../events/machine.ts';
import type { Stimulus } from '../events/stimulus.ts';
import { emptyTable } from '../events/table.ts';
import type { Trace } from '../events/trace.ts';
import { ENODEV } from '../model/errno.ts';
import { resultIn } from './gather-evidence.ts';
import { outcomesOf } from './infer-drivers.ts';
import type { Observation } from './observation.ts';
import type { LoggedAction } from './replay.ts';

/** The answers to a run's questions what a probe returns. */
export interface LoggedOutcomes {
  /** What the probe returns; null where the log speaks of no result of the pair. */
  readonly answer: (dev: string, drv: string) => number | null;
  /** From here on the answers are those after action `n`; 0 is the boot. */
  begin(n: number): void;
  /** The trace of a machine with the answers that were given, so that a run without the log gets the same. */
  readonly learnt: (trace: Trace) => Trace;
}

/** This driver's probe is known from inside. */
const KNOWN = 'vfio-pci';
const keyOf = (dev: string, drv: string): string => `${drv} ${dev}`;

/** Reads the outcomes out of a boot's observations. Cost: linear in them, and in the actions squared. */
export function loggedOutcomes(
  observations: readonly Observation[],
  actions: readonly LoggedAction[],
): LoggedOutcomes {
  const results = resultsBy(observations, actions);
  for (const [key, byAction] of results) {
    for (const n of silentFailures(key, byAction, actions)) byAction.set(n, [-ENODEV]);
  }
  const given = new Map<string, number[]>();
  const left = new Map<string, number[]>();
  let action = 0;
  return {
    answer(dev, drv) {
      const key = keyOf(dev, drv);
      const byAction = results.get(key);
      if (byAction === undefined) return null;
      const errors = left.get(key) ?? [...(byAction.get(action) ?? [])];
      left.set(key, errors);
      const answer = errors.shift() ?? 0;
      given.set(key, [...(given.get(key) ?? []), answer]);
      return answer;
    },
    begin(n) {
      action = n;
      left.clear();
    },
    learnt: (trace) => withAnswers(trace, given),
  };
}

/** Pair to action to the results behind it. */
function resultsBy(
  observations: readonly Observation[],
  actions: readonly LoggedAction[],
): Map<string, Map<number, number[]>> {
  const results = new Map<string, Map<number, number[]>>();
  let action = 0;
  for (const observation of observations) {
    const { dev, drv, record } = observation;
    while (record.line >= (actions[action]?.observation.record.line ?? Number.POSITIVE_INFINITY))
      action += 1;
    const result = resultIn(observation);
    if (result === null || dev === null || drv === null || drv === KNOWN) continue;
    const key = keyOf(dev, drv);
    const byAction = results.get(key) ?? new Map<number, number[]>();
    byAction.set(action, [...(byAction.get(action) ?? []), result]);
    results.set(key, byAction);
  }
  return results;
}

/**
 * The actions that bound the pair and were declined without a line: a later one probed it again, and
 * nobody had unbound it.
 */
function silentFailures(
  key: string,
  byAction: ReadonlyMap<number, readonly number[]>,
  actions: readonly LoggedAction[],
): readonly number[] {
  const found: number[] = [];
  let open: number[] = [];
  for (const [i, { stimulus }] of actions.entries()) {
    const n = i + 1;
    if (endsBinding(stimulus, key)) open = [];
    if (byAction.has(n)) {
      found.push(...open);
      open = [];
    } else if (stimulus.do === 'bind' && keyOf(stimulus.dev, stimulus.drv) === key) open.push(n);
  }
  return found;
}

function endsBinding(stimulus: Stimulus, key: string): boolean {
  switch (stimulus.do) {
    case 'unbind':
    case 'remove':
      return key.endsWith(` ${stimulus.dev}`);
    case 'rmmod':
      return true;
    default:
      return false;
  }
}

/** The trace as if its machine had had the answers: a driver is in it where it registers, too. */
function withAnswers(trace: Trace, given: ReadonlyMap<string, readonly number[]>): Trace {
  if (given.size === 0) return trace;
  const learn = (driver: DriverSpec): DriverSpec => {
    if (driver.outcomes === undefined) return driver;
    const outcomes = emptyTable<readonly number[]>();
    for (const [dev, listed] of Object.entries(driver.outcomes)) {
      const answers = given.get(keyOf(dev, driver.name));
      outcomes[dev] = answers === undefined ? listed : outcomesOf(answers);
    }
    return { ...driver, outcomes };
  };
  const { header } = trace;
  const machine = { ...header.machine, drivers: header.machine.drivers.map(learn) };
  const events = trace.events.map((recorded): Recorded => {
    const { event } = recorded;
    if (event.type !== 'driver.registered') return recorded;
    return { ...recorded, event: { ...event, spec: learn(event.spec) } };
  });
  return { ...trace, header: { ...header, machine }, events };
}
