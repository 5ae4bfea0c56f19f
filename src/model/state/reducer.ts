/** What a reducer is, and the small moves on lists that several of them share. */
import type { EventOf, EventType } from '../../events/event.ts';
import type { State } from './state.ts';

/**
 * Folds one event into the state, by mutation: the same recipe runs on a private copy and inside an
 * Immer draft. Total: an event about something unknown changes nothing.
 */
export type Reducers = { readonly [T in EventType]: (state: State, event: EventOf<T>) => void };

/** An event that leaves the state as it is. */
export function nothing(): void {}

/** Removes the first `item` from `list`, if there is one. */
export function drop(list: string[], item: string): void {
  const at = list.indexOf(item);
  if (at >= 0) list.splice(at, 1);
}

/** What a proxy of the state answers to with a function that moves a count itself. */
export const COUNT = Symbol('count');

/**
 * Moves a count that each task raises before it lowers it. In which order such moves come is all the
 * same, other than what is read and then written: a proxy that wants to know is told.
 */
export function count<K extends string>(counts: Record<K, number>, key: K, by: 1 | -1): void {
  const own: unknown = Reflect.get(counts, COUNT);
  if (typeof own === 'function') own(key, by);
  else if (by > 0 || counts[key] > 0) counts[key] += by;
}
