/** States that were gone on from, with what can come from them. */
import { type Future, union } from './futures.ts';

/** A state all ways from which are known, but for those that begin with a task that slept. */
interface Visit {
  readonly state: number;
  readonly slept: readonly number[];
  readonly future: Future;
}

export interface Visits {
  /** What can come from the state with those tasks asleep; null where that is not known. */
  find(state: number, asleep: { has(task: number): boolean }): Future | null;
  /** Every way from the state has been gone. */
  add(visit: Visit): void;
}

export function createVisits(): Visits {
  const visits = new Map<number, Visit>();
  return {
    find(state, asleep) {
      const known = visits.get(state);
      return known?.slept.every((task) => asleep.has(task)) === true ? known.future : null;
    },
    add({ state, slept, future }) {
      const known = visits.get(state);
      // Gone on from twice, only what slept both times was left out.
      visits.set(state, {
        state,
        slept: slept.filter((task) => known?.slept.includes(task) ?? true),
        future: known === undefined ? future : union(future, known.future),
      });
    },
  };
}
