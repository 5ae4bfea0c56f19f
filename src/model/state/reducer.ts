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
