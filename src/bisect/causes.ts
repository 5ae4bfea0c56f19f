/** The events that a state which broke a claim goes back to. */
import type { KernelEvent, Recorded } from '../events/event.ts';
import { reduce } from '../model/state/reduce.ts';
import { initialState, type ReadState } from '../model/state/state.ts';
import { type Part, readsOf } from './reads.ts';

/** An event that made parts of the state what they were when the claim broke. */
export interface Cause {
  /** Number of the event. */
  readonly event: number;
  /** The parts that it was the last to change, as `devices.0000:01:00.0.driver`, and what they became. */
  readonly parts: readonly { readonly path: string; readonly value: unknown }[];
  /** Things that such parts are of, as `groups.1`, and that it made. */
  readonly made: readonly string[];
}

/** Something that was looked at after an event. */
export interface Looked {
  readonly event: number;
  /** The state after it. */
  readonly last: ReadState;
  /** Reads what matters of a state. */
  readonly look: (state: ReadState) => unknown;
  /** What it is about: devices, groups. */
  readonly names: readonly string[];
}

/** So many parts are followed, those about the subject first. */
const PARTS_MAX = 48;

/**
 * For each part of the last state that `look` reads, the last event up to then that
 * changed it, and the one that made the thing it is a part of. Parts that are as they were before
 * anything happened have none. In the order of the events.
 *
 * A list of larger things is followed as far as its entries have one of the names.
 *
 * A change that no event about one of the names made, and that another undid within 512 events, is
 * not seen.
 *
 * Cost: one pass up to the event, or two; a look at each part, at most 48 of them, after each event
 * that is about one of the names.
 */
export function causesOf(
  events: readonly Recorded[],
  { event, last, look, names }: Looked,
): readonly Cause[] {
  const parts = chosen(readsOf(last, look), names);
  const owners = ownersOf(parts);
  const watches = [...parts.map((part) => watchOf(part, last, names)), ...owners.map(existenceOf)];
  const writers = lastWriters(events, event, watches, namesFor(names, owners, last));
  return [...new Set(writers)]
    .filter((writer) => writer >= 0)
    .sort((a, b) => a - b)
    .map((writer) => ({
      event: writer,
      parts: parts
        .filter((_, i) => writers[i] === writer)
        .map((part) => ({ path: part.join('.'), value: valueAt(last, part) ?? null })),
      made: owners
        .filter((_, i) => writers[parts.length + i] === writer)
        .map((owner) => owner.join('.')),
    }));
}

/** The things that the parts are of: entries of tables, each once. */
function ownersOf(parts: readonly Part[]): readonly Part[] {
  const owners = new Map<string, Part>();
  for (const part of parts)
    for (let length = 2; length < part.length; length += 1) {
      const owner = part.slice(0, length);
      owners.set(owner.join('\0'), owner);
    }
  return [...owners.values()];
}

/**
 * What events are about that may change such parts: groups go by numbers there. Names of buses and
 * drivers stand in too many events to tell anything, unless there are no others.
 */
function namesFor(
  names: readonly string[],
  owners: readonly Part[],
  { devices, groups, modules }: ReadState,
): ReadonlySet<unknown> {
  const all = [...names, ...owners.flatMap((owner) => owner.slice(-1))];
  const telling = all.filter((name) =>
    [devices, groups, modules].some((table) => Object.hasOwn(table, name)),
  );
  const chosenNames = telling.length > 0 ? telling : all;
  const numbers = chosenNames.filter((name) => /^\d+$/.test(name)).map(Number);
  return new Set<unknown>([...chosenNames, ...numbers]);
}

function existenceOf(part: Part): Watch {
  return { part, print: (state) => valueAt(state, part) !== undefined };
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
}

function watchOf(part: Part, last: ReadState, names: readonly string[]): Watch {
  const found = valueAt(last, part);
  const isOfThings = Array.isArray(found) && found.some((one) => typeof one === 'object');
  if (!isOfThings) return { part, print: (state) => printOf(valueAt(state, part)) };
  const print = (state: ReadState) => {
    const list: unknown = valueAt(state, part);
    if (!Array.isArray(list)) return undefined;
    return JSON.stringify(list.filter((one: unknown) => namesAny(one, names)));
  };
  return { part, print };
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

/** Events between two looks at all parts, whatever the events are about. */
const BLOCK = 512;

/**
 * Per watch the number of the last event that changed it; -1 for none. Parts are looked at after each
 * event that has one of the names, and at the end of each block. A block in which something changed
 * without a name is gone through once more, event by event.
 */
function lastWriters(
  events: readonly Recorded[],
  last: number,
  watches: readonly Watch[],
  names: ReadonlySet<unknown>,
): readonly number[] {
  const first = writersIn(events, last, watches, names, new Set());
  if (first.unnamed.size === 0) return first.writers;
  return writersIn(events, last, watches, names, first.unnamed).writers;
}

function writersIn(
  events: readonly Recorded[],
  last: number,
  watches: readonly Watch[],
  names: ReadonlySet<unknown>,
  close: ReadonlySet<number>,
) {
  const state = initialState();
  const prints = watches.map((watch) => watch.print(state));
  const writers = watches.map(() => -1);
  const unnamed = new Set<number>();
  const look = (n: number, isNamed: boolean): void => {
    for (const [i, watch] of watches.entries()) {
      const print = watch.print(state);
      if (print === prints[i]) continue;
      prints[i] = print;
      writers[i] = n;
      if (!isNamed) unnamed.add(Math.floor(n / BLOCK));
    }
  };
  for (let n = 0; n <= last; n += 1) {
    const event = events[n]?.event;
    if (event === undefined) continue;
    const isClose = close.has(Math.floor(n / BLOCK));
    const isNamed = isClose || isAbout(event, names);
    // What changed before it is not its doing.
    if (isNamed && !isClose && n % BLOCK > 0) look(n - 1, false);
    reduce(state, event);
    if (isNamed || n % BLOCK === BLOCK - 1 || n === last) look(n, isNamed);
  }
  return { writers, unnamed };
}

function isAbout(event: KernelEvent, names: ReadonlySet<unknown>): boolean {
  for (const key in event) if (names.has(Reflect.get(event, key))) return true;
  return false;
}
