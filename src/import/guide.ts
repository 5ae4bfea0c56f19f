/**
 * The guide of a replayed log: it lays the lines that the model prints over the lines that the log
 * has, and so tells each event where in the log it happened.
 */

import type { Label } from '../engine/scheduler.ts';
import type { KernelEvent } from '../events/event.ts';
import { isDebug, keyOf, observePrintk } from './message-key.ts';
import type { Observation } from './observation.ts';

/** A line that the log has and the model did not print, or the other way round. */
export interface Divergence {
  readonly line: number;
  readonly expected: string;
  readonly observed: string;
  /** Number of the event at which it was noticed. */
  readonly event: number;
}

export interface Guide {
  /** Labels each event of the run. */
  readonly label: (event: KernelEvent) => Label;
  /** Observations that the model should print and has not printed yet, in the log's order. */
  unmatched(before: number): readonly Observation[];
  /** Is the observation one that the model should print and has not printed yet? */
  isUnmatched(observation: Observation): boolean;
  /** Takes an observation as explained. */
  explain(observation: Observation): void;
  /** Moves the place in the log forward to that observation. */
  moveTo(observation: Observation): void;
  /** Lines the model printed and the log does not have, since the last call. */
  takeUnobserved(): readonly { readonly text: string; readonly event: number }[];
  /** While set, events without a line of their own count as assumed. */
  assuming: boolean;
  /** While set, the state is made to follow this line, and what happens then has its line. */
  following: Observation | null;
}

/** A guide over the observations of one boot. */
export function createGuide(observations: readonly Observation[]): Guide {
  const waiting = new Map<string, Observation[]>();
  const open = new Set<Observation>();
  for (const observation of observations) {
    const key = keyOf(observation);
    if (key === null) continue;
    const list = waiting.get(key) ?? [];
    list.push(observation);
    waiting.set(key, list);
    if (!isDebug(observation.kind)) open.add(observation);
  }
  let at: Observation | null = null;
  let count = 0;
  let unobserved: { text: string; event: number }[] = [];

  const explain = (observation: Observation): void => {
    const list = waiting.get(keyOf(observation) ?? '') ?? [];
    const i = list.indexOf(observation);
    if (i >= 0) list.splice(i, 1);
    open.delete(observation);
  };
  const moveTo = (observation: Observation): void => {
    if (at === null || observation.record.line > at.record.line) at = observation;
  };

  const guide: Guide = {
    assuming: false,
    following: null,
    label(event) {
      count += 1;
      const { line = null, timeUs = null } = (guide.following ?? at)?.record ?? {};
      const unseen: Label = { origin: guide.assuming ? 'assumed' : 'implied', line, timeUs };
      if (event.type !== 'printk') return unseen;
      const printed = observePrintk(event);
      const key = printed === null ? null : keyOf(printed);
      if (printed === null || key === null) return unseen;
      const observation = waiting.get(key)?.[0];
      if (observation === undefined) {
        if (!isDebug(printed.kind)) unobserved.push({ text: event.text, event: count - 1 });
        return unseen;
      }
      explain(observation);
      moveTo(observation);
      const { record } = observation;
      return { origin: 'observed', line: record.line, timeUs: record.timeUs };
    },
    unmatched(before) {
      const found: Observation[] = [];
      for (const observation of open) {
        if (observation.record.line >= before) break;
        found.push(observation);
      }
      return found;
    },
    isUnmatched: (observation) => open.has(observation),
    explain,
    moveTo,
    takeUnobserved() {
      const taken = unobserved;
      unobserved = [];
      return taken;
    },
  };
  return guide;
}
