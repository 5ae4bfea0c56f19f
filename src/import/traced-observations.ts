/** What a trace saw, laid beside what the log says, by their common clock. */
import type { Traced, TracedFact } from './ftrace-events.ts';
import type { Observation } from './observation.ts';

export interface Merged {
  /** Those of the log and, at their times, those that it lacks. */
  readonly observations: readonly Observation[];
  /** How many of the trace's the log has too. */
  readonly inLog: number;
  /** How many it lacks. */
  readonly added: number;
}

/** A line is printed at once, but consoles are slow. */
const SAME_US = 1_000_000;

/**
 * Adds what the log does not say. An added observation has the line of the log after which it came:
 * of those with one line the log's is the first. Without stamps in the log all come last.
 *
 * Cost: both once, and each fact with the observations of its device and kind.
 */
export function withTraced(observations: readonly Observation[], { facts }: Traced): Merged {
  const known = new Map<string, Observation[]>();
  for (const observation of observations) {
    const key = keyOf(observation.kind, observation.dev);
    const list = known.get(key);
    if (list === undefined) known.set(key, [observation]);
    else list.push(observation);
  }
  const merged: Observation[] = [];
  let inLog = 0;
  let next = 0;
  let last: Observation | null = null;
  for (const fact of facts) {
    const list = known.get(keyOf(fact.kind, fact.dev)) ?? [];
    const at = list.findIndex((observation) => saysSame(observation, fact));
    if (at >= 0) {
      list.splice(at, 1);
      inLog += 1;
      continue;
    }
    for (; next < observations.length; next += 1) {
      const observation = observations[next];
      const { timeUs } = observation?.record ?? {};
      if (observation === undefined || (timeUs != null && timeUs > fact.timeUs)) break;
      merged.push(observation);
      last = observation;
    }
    merged.push(observationOf(fact, last ?? observations[0] ?? null));
  }
  const all = [...merged, ...observations.slice(next)];
  return { observations: all, inLog, added: facts.length - inLog };
}

const keyOf = (kind: string, dev: string | null): string => `${kind} ${dev}`;

function saysSame({ group, drv, error, record }: Observation, fact: TracedFact): boolean {
  const { timeUs } = record;
  const isNear = timeUs === null || Math.abs(timeUs - fact.timeUs) <= SAME_US;
  const isDrv = drv === null || fact.drv === null || drv === fact.drv;
  const isError = error === null || fact.error === null || error === fact.error;
  return isNear && isDrv && isError && (fact.group === null || group === fact.group);
}

function observationOf(fact: TracedFact, after: Observation | null): Observation {
  const { kind, row, dev, drv, group, error, fields, timeUs, text } = fact;
  const { line, boot } = after?.record ?? { line: 1, boot: 0 };
  const stamp = { line, timeUs, boot, level: null, caller: null, replay: false };
  const record = { ...stamp, text, subsystem: null, device: null };
  return { kind, row, record, prefix: null, dev, drv, group, error, fields };
}
