/**
 * The guide of a replayed log: it lays the lines that the model prints over the lines that the log
 * has, and so tells each event where in the log it happened.
 */

import type { Label } from '../engine/scheduling.ts';
import type { EventOf, KernelEvent } from '../events/event.ts';
import { TRACED_ROW } from './ftrace-events.ts';
import { isDebug, keyOf, observePrintk } from './message-key.ts';
import type { Observation } from './observation.ts';
import { shownLine } from './record.ts';

/**
 * A line that the log has and the model did not print, or the other way round; or what a file beside the
 * log says that the model has otherwise, after that line of the log.
 */
export interface Divergence {
  readonly line: number;
  readonly expected: string;
  readonly observed: string;
  /** Number of the event at which it was noticed. */
  readonly event: number;
  /** The file beside the log that says otherwise, and its line; absent where the log does. */
  readonly evidence?: {
    readonly file: string;
    readonly line: number | null;
    readonly about: 'driver' | 'group' | 'module' | 'deferred' | 'call' | 'result';
  };
}

export interface Guide {
  /** Labels each event of the run. */
  readonly label: (event: KernelEvent) => Label;
  /** Observations that the model should print and has not printed yet, in the log's order. */
  unmatched(before: number): readonly Observation[];
  /** Is the observation one that the model should print and has not printed yet? */
  isUnmatched(observation: Observation): boolean;
  /** The observation that the line will meet when it is printed; null for none. */
  expected(line: EventOf<'printk'>): Observation | null;
  /** Takes an observation as explained. */
  explain(observation: Observation): void;
  /** Moves the place in the log forward to that observation. */
  moveTo(observation: Observation): void;
  /** Lines the model printed and the log does not have, since the last call. */
  takeUnobserved(): readonly { readonly text: string; readonly event: number }[];
  /** While set, events without a line of their own count as assumed. */
  assuming: boolean;
  /** Lines from this one on are not met yet: what made them has not happened. */
  horizon: number;
  /** While set, the state is made to follow this line, and what happens then has its line. */
  following: Observation | null;
}

/** Does it leave out who had the device: seen by a tracer, or a line of kernels that do not say so? */
function isAnonymous({ row, kind, prefix }: Observation): boolean {
  const isOldLine = prefix === null && GROUP_LINES.includes(kind);
  return isOldLine || row.startsWith(TRACED_ROW);
}

interface Meeting {
  readonly printed: Observation | null;
  readonly observation: Observation | null;
}

const GROUP_LINES: readonly string[] = ['iommu.group.added', 'iommu.group.removed'];

/** The key under which such an observation meets the line that the model prints. */
function anonymousKey(observation: Observation): string | null {
  const key = keyOf({ ...observation, prefix: null });
  return key === null ? null : `anonymous ${key}`;
}

const keyOfLogged = (observation: Observation): string | null =>
  isAnonymous(observation) ? anonymousKey(observation) : keyOf(observation);

/**
 * Is a line that the model prints and the log lacks a sign of anything? Some consoles leave the lines
 * out that describe functions: nobody knows what they say.
 */
function missedAmong(observations: readonly Observation[]): (printed: Observation) => boolean {
  const described = new Set(
    observations.flatMap(({ kind, dev }) => (kind === 'pci.device' ? [dev] : [])),
  );
  return ({ kind, dev }) => !isDebug(kind) && (kind !== 'pci.device' || described.has(dev));
}

/** A guide over the observations of one boot. */
export function createGuide(observations: readonly Observation[]): Guide {
  const waiting = new Map<string, Observation[]>();
  const open = new Set<Observation>();
  for (const observation of observations) {
    const key = keyOfLogged(observation);
    if (key === null) continue;
    const list = waiting.get(key) ?? [];
    list.push(observation);
    waiting.set(key, list);
    if (!isDebug(observation.kind)) open.add(observation);
  }
  let at: Observation | null = null;
  let count = 0;
  let unobserved: { text: string; event: number }[] = [];

  const isMissed = missedAmong(observations);
  const explain = (observation: Observation): void => {
    const list = waiting.get(keyOfLogged(observation) ?? '') ?? [];
    const i = list.indexOf(observation);
    if (i >= 0) list.splice(i, 1);
    open.delete(observation);
  };
  const moveTo = (observation: Observation): void => {
    if (at === null || observation.record.line > at.record.line) at = observation;
  };

  /** What the line says, where the model's kind of line is compared, and what it meets in the log. */
  const meetingOf = (line: EventOf<'printk'>): Meeting => {
    const printed = observePrintk(line);
    const key = printed === null ? null : keyOf(printed);
    if (printed === null || key === null) return { printed: null, observation: null };
    const observation = waiting.get(key)?.[0] ?? waiting.get(anonymousKey(printed) ?? '')?.[0];
    const isAhead = observation === undefined || observation.record.line >= guide.horizon;
    return { printed, observation: isAhead ? null : observation };
  };

  const guide: Guide = {
    assuming: false,
    horizon: Number.POSITIVE_INFINITY,
    following: null,
    label(event) {
      count += 1;
      const place = (guide.following ?? at)?.record ?? null;
      const line = place === null ? null : shownLine(place);
      const timeUs = place?.timeUs ?? null;
      const unseen: Label = { origin: guide.assuming ? 'assumed' : 'implied', line, timeUs };
      if (event.type !== 'printk') return unseen;
      const { printed, observation } = meetingOf(event);
      if (printed === null) return unseen;
      if (observation === null) {
        if (isMissed(printed)) unobserved.push({ text: event.text, event: count - 1 });
        return unseen;
      }
      explain(observation);
      moveTo(observation);
      const { record } = observation;
      return { origin: 'observed', line: shownLine(record), timeUs: record.timeUs };
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
    expected: (line) => meetingOf(line).observation,
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
