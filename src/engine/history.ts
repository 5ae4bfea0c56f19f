/**
 * The history lane: immutable checkpoints, and any state between them in milliseconds.
 *
 * A block of events is folded in one Immer `produce`, so that a checkpoint shares what did not
 * change with the one before it. Between checkpoints the fast lane runs on a private copy.
 */
import { enableArrayMethods, produce } from 'immer';
import type { Recorded } from '../events/event.ts';
import { emptyTable } from '../events/table.ts';
import { reduce } from '../model/state/reduce.ts';
import { initialState, type ReadState, type State } from '../model/state/state.ts';

// Lists are searched and spliced as whole arrays rather than element by element through proxies.
enableArrayMethods();

/** Events between two checkpoints. */
const CHECKPOINT_EVERY = 4096;

export interface History {
  readonly events: readonly Recorded[];
  /** `checkpoints[i]` is the state before event `i * every`. */
  readonly checkpoints: readonly State[];
  readonly every: number;
}

/** Folds all events into checkpoints. Cost: one `produce` a block. */
export function createHistory(
  events: readonly Recorded[],
  every: number = CHECKPOINT_EVERY,
): History {
  const checkpoints: State[] = [produce(initialState(), () => {})];
  for (let from = 0; from + every <= events.length; from += every) {
    const last: State = checkpoints[checkpoints.length - 1] ?? initialState();
    checkpoints.push(
      produce(last, (draft) => {
        for (let i = from; i < from + every; i += 1) foldAt(draft, events, i);
      }),
    );
  }
  return { events, checkpoints, every };
}

function foldAt(state: State, events: readonly Recorded[], i: number): void {
  const recorded = events[i];
  if (recorded !== undefined) reduce(state, recorded.event);
}

/**
 * The state after the first `count` events; with `count` 0 the state before anything happened.
 * Cost: a copy of one checkpoint and at most `every` events.
 */
export function stateAfter(history: History, count: number): ReadState {
  const { events, every, checkpoints } = history;
  const wanted = Math.min(Math.max(count, 0), events.length);
  const at = Math.min(Math.floor(wanted / every), checkpoints.length - 1);
  const state = thaw(checkpoints[at] ?? initialState());
  for (let i = at * every; i < wanted; i += 1) foldAt(state, events, i);
  return state;
}

/** The state after all events, in the fast lane alone. */
export function foldAll(events: readonly Recorded[]): State {
  const state = initialState();
  for (const { event } of events) reduce(state, event);
  return state;
}

/** A private mutable copy of plain data; tables keep having no prototype. */
export function thaw<T>(value: T): T {
  return copy(value);
}

function copy<T>(value: T): T;
function copy(value: unknown): unknown {
  if (Array.isArray(value)) return value.map((item) => copy(item));
  if (typeof value !== 'object' || value === null) return value;
  const target: Record<string, unknown> =
    Object.getPrototypeOf(value) === null ? emptyTable<unknown>() : {};
  for (const [key, item] of Object.entries(value)) target[key] = copy(item);
  return target;
}
