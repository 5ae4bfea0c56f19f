/**
 * What runs reached: calls from path to path, which events followed each other in a path, what paths and system calls returned, and the places at which invariants look. Each is a point, a
 * short text; a segment's corpus keeps the inputs that reached a new one.
 */
import { assert } from '../assert.ts';
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

/** A kernel path as called by those above it; the path itself is shared by all its callers. */
interface Call {
  readonly path: Path;
  readonly callees: Map<string, Call>;
}

/** A kernel path, and what was seen in it. */
interface Path {
  readonly name: string;
  /** By event before and event after, in a row for each event before. */
  readonly steps: Uint8Array;
  /** By event or system call. */
  readonly rets: Map<string, Set<number>>;
}

/** A path in one run. */
interface Place {
  readonly path: Path;
  /** The last event there, by number. */
  last: number;
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

/** Room for the numbers of all event types; 0 is for none. */
const TYPES_MAX = 256;

/** Cost: a few look-ups an event; text is made for what is new only. */
export function createCoverage(): Coverage {
  const points = new Set<string>();
  const paths = new Map<string, Path>();
  const numbers = new Map<EventType, number>();
  const names: (EventType | 'nothing')[] = ['nothing'];
  const sometimes = createSometimes();

  const pathOf = (name: string): Path => {
    let path = paths.get(name);
    if (path === undefined) {
      path = { name, steps: new Uint8Array(TYPES_MAX * TYPES_MAX), rets: new Map() };
      paths.set(name, path);
    }
    return path;
  };
  const root: Call = { path: pathOf(USER_SPACE), callees: new Map() };

  const placeOf = (stack: readonly string[]): Place => {
    let call = root;
    for (const name of stack) {
      let callee = call.callees.get(name);
      if (callee === undefined) {
        points.add(`call ${call.path.name}>${name}`);
        callee = { path: pathOf(name), callees: new Map() };
        call.callees.set(name, callee);
      }
      call = callee;
    }
    return { path: call.path, last: 0 };
  };

  const numberOf = (type: EventType): number => {
    const number = names.push(type) - 1;
    assert(number < TYPES_MAX, 'there are fewer types of events than a byte can tell');
    numbers.set(type, number);
    for (const code of WATCHES.get(type) ?? []) points.add(`watch ${code} ${type}`);
    return number;
  };

  return {
    points,
    watchRun() {
      // A stack is one array wherever it is the same in a run.
      const places = new Map<readonly string[], Place>();
      return ({ event, stack }, state) => {
        const { type } = event;
        let place = places.get(stack);
        if (place === undefined) {
          place = placeOf(stack);
          places.set(stack, place);
        }
        const { path, last } = place;
        const number = numbers.get(type) ?? numberOf(type);
        place.last = number;
        if (path.steps[last * TYPES_MAX + number] === 0) {
          path.steps[last * TYPES_MAX + number] = 1;
          points.add(`event ${path.name}: ${names[last]}>${type}`);
        }
        if ('ret' in event) noteRet(points, path, event.ret, 'call' in event ? event.call : type);
        for (const point of sometimes(event, state)) points.add(point);
      };
    },
  };
}

function noteRet(points: Set<string>, { name, rets }: Path, ret: number, what: string): void {
  let known = rets.get(what);
  if (known === undefined) {
    known = new Set();
    rets.set(what, known);
  }
  if (known.has(ret)) return;
  known.add(ret);
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
