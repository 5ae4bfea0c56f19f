/** The events that a state which broke a claim goes back to. */
import type { KernelEvent, Recorded } from '../events/event.ts';
import { reduce } from '../model/state/reduce.ts';
import { initialState, type ReadState, type State } from '../model/state/state.ts';
import { type Part, readsOf } from './reads.ts';

/** An event that made parts of the state what they were when the claim broke. */
export interface Cause {
  /** Number of the event. */
  readonly event: number;
  /** The parts that it was the last to change, as `devices.0000:01:00.0.driver`, and what they became. */
  readonly parts: readonly { readonly path: string; readonly value: unknown }[];
}

/** So many parts are followed, those about the subject first. */
const PARTS_MAX = 48;

/**
 * For each part of the state after event `event` that `look` reads, the last event up to then that
 * changed it, or made the thing it is a part of. Parts that are as they were before anything happened
 * have none. In the order of the events.
 *
 * `names` say what it is about: devices, groups. A list of larger things is followed as far as its
 * entries name them.
 *
 * Cost: two passes up to the event; for each event a look at each part, at most 48 of them.
 */
export function causesOf(
  events: readonly Recorded[],
  event: number,
  look: (state: ReadState) => unknown,
  names: readonly string[],
): readonly Cause[] {
  const upTo = events.slice(0, event + 1);
  const last = initialState();
  for (const recorded of upTo) reduce(last, recorded.event);
  const watches = chosen(readsOf(last, look), names).map((part) => watchOf(part, last, names));
  const state = initialState();
  const writers = lastWriters(state, upTo, watches, new Set(names));
  const byEvent = new Map<number, { path: string; value: unknown }[]>();
  for (const [i, watch] of watches.entries()) {
    const writer = writers[i] ?? -1;
    if (writer < 0) continue;
    const parts = byEvent.get(writer) ?? [];
    parts.push({ path: watch.part.join('.'), value: valueAt(last, watch.part) ?? null });
    byEvent.set(writer, parts);
  }
  return [...byEvent]
    .map(([writer, parts]) => ({ event: writer, parts }))
    .sort((a, b) => a.event - b.event);
}

/** Those about the names first. */
function chosen(parts: readonly Part[], names: readonly string[]): readonly Part[] {
  const isAbout = (part: Part) => part.some((step) => names.includes(step));
  const about = parts.filter(isAbout);
  return [...about, ...parts.filter((part) => !isAbout(part))].slice(0, PARTS_MAX);
}

interface Watch {
  readonly part: Part;
  /** Something that is different when the part is. */
  readonly print: (state: ReadState) => unknown;
  /** A list of things: looked at where an event names what it is about, or it grew or shrank. */
  readonly isCostly: boolean;
}

function watchOf(part: Part, last: ReadState, names: readonly string[]): Watch {
  const found = valueAt(last, part);
  const isOfThings = Array.isArray(found) && found.some((one) => typeof one === 'object');
  if (!isOfThings)
    return { part, print: (state) => printOf(valueAt(state, part)), isCostly: false };
  const print = (state: ReadState) => {
    const list: unknown = valueAt(state, part);
    if (!Array.isArray(list)) return undefined;
    return JSON.stringify(list.filter((one: unknown) => namesAny(one, names)));
  };
  return { part, print, isCostly: true };
}

/** Lists and tables stand for what they have; undefined is a part that is not there. */
function printOf(value: unknown): unknown {
  if (Array.isArray(value)) return value.join('\0');
  return value;
}

function namesAny(thing: unknown, names: readonly string[]): boolean {
  if (typeof thing !== 'object' || thing === null) return false;
  return Object.values(thing).some((value) => names.includes(String(value)));
}

function valueAt(state: ReadState, part: Part): unknown {
  let at: unknown = state;
  for (const step of part) {
    if (typeof at !== 'object' || at === null || !Object.hasOwn(at, step)) return undefined;
    at = Reflect.get(at, step);
  }
  return at;
}

/** Per watch the number of the last event that changed it; -1 for none. */
function lastWriters(
  state: State,
  events: readonly Recorded[],
  watches: readonly Watch[],
  names: ReadonlySet<string>,
): readonly number[] {
  const prints = watches.map((watch) => watch.print(state));
  const writers = watches.map(() => -1);
  const sizes = watches.map(() => 0);
  for (let n = 0; n < events.length; n += 1) {
    const event = events[n]?.event;
    if (event === undefined) continue;
    reduce(state, event);
    for (let i = 0; i < watches.length; i += 1) {
      const watch = watches[i];
      if (watch === undefined) continue;
      if (watch.isCostly) {
        const size = sizeAt(state, watch.part);
        if (size === sizes[i] && !isAbout(event, names)) continue;
        sizes[i] = size;
      }
      const print = watch.print(state);
      if (print === prints[i]) continue;
      prints[i] = print;
      writers[i] = n;
    }
  }
  return writers;
}

function sizeAt(state: ReadState, part: Part): number {
  const list = valueAt(state, part);
  return Array.isArray(list) ? list.length : 0;
}

function isAbout(event: KernelEvent, names: ReadonlySet<string>): boolean {
  for (const value of Object.values(event)) if (names.has(String(value))) return true;
  return false;
}
