/** Looks for what a campaign must have met, event by event. */
import type { EventType, KernelEvent } from '../events/event.ts';
import type { Machine } from '../events/machine.ts';
import type { ReadState } from '../model/state/state.ts';
import { SOMETIMES, type Sometimes } from './sometimes-table.ts';

const KIND = 'sometimes ';

/** Watches for what was not met yet. Returns the points that this event is the first to reach. */
export function createSometimes(): (event: KernelEvent, state: ReadState) => readonly string[] {
  const open = new Map<EventType, readonly Sometimes[]>();
  for (const one of SOMETIMES) open.set(one.on, [...(open.get(one.on) ?? []), one]);
  return (event, state) => {
    const waiting = open.get(event.type);
    if (waiting === undefined) return [];
    const met = waiting.filter(({ sees }) => sees(event, state));
    if (met.length === 0) return met.map(pointOf);
    const left = waiting.filter((one) => !met.includes(one));
    if (left.length === 0) open.delete(event.type);
    else open.set(event.type, left);
    return met.map(pointOf);
  };
}

const pointOf = ({ id }: Sometimes): string => `${KIND}${id}`;

/** What was not met; where a machine is given, of that only which can happen on it. */
export function unmet(points: ReadonlySet<string>, machine: Machine | null): readonly Sometimes[] {
  return SOMETIMES.filter(
    (one) =>
      one.can !== null && !points.has(pointOf(one)) && (machine === null || one.can(machine)),
  );
}
