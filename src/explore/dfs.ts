/** All schedules, depth first, up to a number of preemptions. */
import { assert } from '../assert.ts';
import { createPast } from './past.ts';
import type { Search } from './search.ts';

/** A point of a schedule with a step to choose. */
interface Point {
  /** The task that has had the step before and can go on stands first, if there is one. */
  readonly tasks: readonly number[];
  readonly canStay: boolean;
  /** Preemptions before this step. */
  readonly spent: number;
  /** The place in `tasks` of the one that is tried now. */
  at: number;
}

export interface DfsOptions {
  /**
   * At most so many preemptions: steps of another task while the one that had the last step can go on;
   * null for any number.
   */
  readonly bound: number | null;
  /** Ends a walk where it comes to a state that was met before, so that each is gone on from once. */
  readonly isOncePerState?: boolean;
}

/**
 * A search through all schedules, or, once per state, through all states. Only the latter and `states`
 * need footprints: where `isCounting` is false nothing is recorded, and no state is counted.
 */
export function createDfs(
  { bound, isOncePerState = false }: DfsOptions,
  isCounting = isOncePerState,
): Search {
  const past = createPast();
  const points: Point[] = [];
  const seen = new Set<number>([past.state()]);
  let depth = 0;
  let last = -1;
  let isKnown = false;
  let isNew = false;
  let isBounded = false;

  const spentAfter = ({ spent, canStay, at }: Point): number => spent + (canStay && at > 0 ? 1 : 0);
  return {
    states: () => seen.size,
    isBounded: () => isBounded,
    isNew: () => isCounting && isNew,
    preemptions() {
      const end = points.at(-1);
      return end === undefined ? 0 : spentAfter(end);
    },
    pick(tasks) {
      if (isKnown) return null;
      let point = points[depth];
      if (point === undefined) {
        const before = points.at(-1);
        const spent = before === undefined ? 0 : spentAfter(before);
        point = { tasks, canStay: tasks[0] === last, spent, at: 0 };
        points.push(point);
      }
      isNew = depth >= past.steps.length;
      depth += 1;
      const task = point.tasks[point.at] ?? -1;
      last = task;
      const at = tasks.indexOf(task);
      assert(at >= 0, `the task ${task} cannot go on where it could before`);
      return at;
    },
    push(step) {
      past.push(step);
      const key = past.state();
      isKnown = isOncePerState && seen.has(key);
      seen.add(key);
    },
    rest() {},
    next() {
      depth = 0;
      last = -1;
      isKnown = false;
      for (;;) {
        const point = points.at(-1);
        if (point === undefined) return false;
        past.cut(points.length - 1);
        point.at += 1;
        if (point.at < point.tasks.length) {
          if (bound === null || spentAfter(point) <= bound) return true;
          isBounded = true;
        }
        points.pop();
      }
    },
  };
}
