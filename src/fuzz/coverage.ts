/**
 * What runs reached: calls from path to path, what a task did one after the other and in which path,
 * what paths and system calls returned, and the places at which invariants look. Each is a point, a
 * short text; a segment's corpus keeps the inputs that reached a new one.
 */
import { errnoName } from '../events/errno.ts';
import type { EventType, Recorded } from '../events/event.ts';
import { INVARIANTS } from '../invariants/all.ts';
import type { ReadState } from '../model/state/state.ts';
import { createSometimes } from './sometimes.ts';

/** The kinds of points, as the first word of each. */
export type PointKind = 'call' | 'event' | 'ret' | 'watch' | 'sometimes';

export interface Coverage {
  /** Every point reached, in the order in which it was. */
  readonly points: ReadonlySet<string>;
  /** Watches one run; to be called with each of its events. */
  watchRun(): (recorded: Recorded, state: ReadState) => void;
}

/** A kernel path, and what was seen in it. */
interface Place {
  readonly name: string;
  /** Event type before → event types after it. */
  readonly steps: Map<EventType | null, Set<EventType>>;
  readonly rets: Set<string>;
}

const USER_SPACE = 'user space';

/** Which invariants look when an event of that type happens. */
const WATCHES: ReadonlyMap<EventType, readonly string[]> = watchesByType();

/** How many places there are at which invariants look. */
export const WATCH_POINTS = [...WATCHES.values()].reduce((sum, { length }) => sum + length, 0);

function watchesByType(): ReadonlyMap<EventType, readonly string[]> {
  const byType = new Map<EventType, string[]>();
  for (const { code, watches } of INVARIANTS)
    for (const type of watches) byType.set(type, [...(byType.get(type) ?? []), code]);
  return byType;
}

/** Cost: a few look-ups an event; text is made for what is new only. */
export function createCoverage(): Coverage {
  const points = new Set<string>();
  const places = new Map<string, Place>();
  const types = new Set<EventType>();
  const sometimes = createSometimes();

  const placeOf = (stack: readonly string[]): Place => {
    const callers = [USER_SPACE, ...stack];
    for (let i = 1; i < callers.length; i += 1) points.add(`call ${callers[i - 1]}>${callers[i]}`);
    const name = callers.at(-1) ?? USER_SPACE;
    const place = places.get(name) ?? { name, steps: new Map(), rets: new Set() };
    places.set(name, place);
    return place;
  };

  const noteType = (type: EventType): void => {
    types.add(type);
    for (const code of WATCHES.get(type) ?? []) points.add(`watch ${code} ${type}`);
  };

  return {
    points,
    watchRun() {
      // A stack is one array wherever it is the same in a run.
      const byStack = new Map<readonly string[], Place>();
      const lastOf = new Map<string, EventType>();
      return (recorded, state) => {
        const { event, task, stack } = recorded;
        const { type } = event;
        let place = byStack.get(stack);
        if (place === undefined) {
          place = placeOf(stack);
          byStack.set(stack, place);
        }
        if (!types.has(type)) noteType(type);
        noteStep(points, place, lastOf.get(task) ?? null, type);
        lastOf.set(task, type);
        if ('ret' in event) noteRet(points, place, event.ret, 'call' in event ? event.call : type);
        for (const point of sometimes(event, state)) points.add(point);
      };
    },
  };
}

function noteStep(
  points: Set<string>,
  { name, steps }: Place,
  before: EventType | null,
  type: EventType,
): void {
  let after = steps.get(before);
  if (after === undefined) {
    after = new Set();
    steps.set(before, after);
  }
  if (after.has(type)) return;
  after.add(type);
  points.add(`event ${name}: ${before ?? 'nothing'}>${type}`);
}

function noteRet(points: Set<string>, { name, rets }: Place, ret: number, what: string): void {
  const known = `${what} ${ret}`;
  if (rets.has(known)) return;
  rets.add(known);
  // What a call gives back that is no error, such as a file's number, is all one.
  points.add(`ret ${name}: ${what} ${ret < 0 ? errnoName(ret) : '0'}`);
}

export function kindOfPoint(point: string): string {
  return point.slice(0, point.indexOf(' '));
}

/** How many points of each kind there are. */
export function countPoints(points: Iterable<string>): Readonly<Record<PointKind, number>> {
  const counts = { call: 0, event: 0, ret: 0, watch: 0, sometimes: 0 };
  for (const point of points) {
    const kind = kindOfPoint(point);
    if (Object.hasOwn(counts, kind)) counts[kind as PointKind] += 1;
  }
  return counts;
}
