/**
 * Partial-order reduction: of schedules that differ by the order of independent steps alone, one is
 * walked; and from a state that was met before, none.
 *
 * Source sets and sleep sets (Abdulla, Aronis, Jonsson, Sagonas: Optimal Dynamic Partial Order
 * Reduction, POPL 2014), with independence as it was measured on the steps themselves. Three things
 * are added, for tasks here can be kept from running. A step that leaves its task waiting for
 * something depends on what says whether that is there. Where a step keeps a task from running that
 * could run, that task is tried first as well. And a lock is raced for by those who take it: who
 * gives it back only lets the next one in.
 *
 * Where a walk comes to a state that all ways from are known (Yang, Chen, Gopalakrishnan, Kirby:
 * Efficient Stateful Dynamic Partial Order Reduction, SPIN 2008), it ends, and the kinds of steps that
 * come from there on are looked at for races with those of the walk. A state that was gone on from with
 * some tasks asleep will do only where those are asleep again.
 */
import { assert } from '../assert.ts';
import { areDependent, type Footprint } from './footprint.ts';
import { createFutures, type Future, NO_FUTURE, union, withKind } from './futures.ts';
import { createPast, type Placed } from './past.ts';
import { addComing, addRace, addWaiting, type Point, racesOf } from './races.ts';
import type { Search } from './search.ts';
import { createVisits } from './visits.ts';

interface OwnPoint extends Point {
  readonly asleep: Map<number, Footprint>;
  /** Tasks that were asleep when it was met. */
  readonly slept: readonly number[];
  readonly state: number;
  chosen: number;
  /** What has been seen to come from here on. */
  future: Future;
}

/**
 * A search through all schedules that differ by more than luck.
 *
 * @param seen what of a footprint is looked at: all of it, but in a test of what then is missed.
 */
export function createPor(seen: (footprint: Footprint) => Footprint = (all) => all): Search {
  const past = createPast();
  const futures = createFutures();
  const points: OwnPoint[] = [];
  const visits = createVisits();
  const met = new Set<number>([past.state()]);
  let depth = 0;
  let isNew = false;

  return {
    states: () => met.size,
    isBounded: () => false,
    preemptions: () => 0,
    isNew: () => isNew,
    pick(tasks) {
      tryKept(points[depth - 1], tasks);
      let point = points[depth];
      if (point === undefined) {
        const asleep = stillAsleep(points.at(-1), past.steps.at(-1));
        const known = visits.find(past.state(), asleep);
        if (known !== null) {
          for (const kind of futures.kindsIn(known)) addComing(kind, points, past);
          addFuture(points.at(-1), known);
          return null;
        }
        const chosen = tasks.find((task) => !asleep.has(task));
        if (chosen === undefined) return null;
        point = {
          ...{ enabled: tasks, asleep, slept: [...asleep.keys()], tried: new Set([chosen]) },
          ...{ chosen, state: past.state(), future: NO_FUTURE },
        };
        points.push(point);
      }
      isNew = depth >= past.steps.length;
      if (!isNew) depth += 1;
      const at = tasks.indexOf(point.chosen);
      assert(at >= 0, `the task ${point.chosen} cannot go on where it could before`);
      return at;
    },
    push(step) {
      const placed = past.push({ ...step, footprint: seen(step.footprint) });
      met.add(past.state());
      for (const early of racesOf(placed, points, past)) addRace(early, placed, points, past);
      depth += 1;
    },
    rest(waiting) {
      tryKept(points[depth - 1], []);
      const last = points.at(-1);
      for (const [task, lock] of waiting) {
        addWaiting(task, lock, points, past);
        const kind = futures.kindOf({ task, footprint: new Map(), took: lock, gave: null });
        if (last !== undefined) last.future = withKind(last.future, kind);
      }
    },
    next() {
      depth = 0;
      for (;;) {
        const point = points.at(-1);
        if (point === undefined) return false;
        const step = past.steps[points.length - 1];
        if (step !== undefined) {
          point.asleep.set(point.chosen, step.footprint);
          point.future = withKind(point.future, futures.kindOf(step));
        }
        past.cut(points.length - 1);
        const untried = [...point.tried].find((task) => !point.asleep.has(task));
        if (untried !== undefined) {
          point.chosen = untried;
          return true;
        }
        points.pop();
        visits.add(point);
        addFuture(points.at(-1), point.future);
      }
    },
  };
}

function addFuture(point: OwnPoint | undefined, future: Future): void {
  if (point !== undefined) point.future = union(point.future, future);
}

/** Tasks whose next step was tried before the last step, and does not depend on it. */
function stillAsleep(
  before: OwnPoint | undefined,
  last: Placed | undefined,
): Map<number, Footprint> {
  const asleep = new Map<number, Footprint>();
  if (before === undefined || last === undefined) return asleep;
  for (const [task, footprint] of before.asleep)
    if (task !== last.task && !areDependent(footprint, last.footprint)) asleep.set(task, footprint);
  return asleep;
}

/** A step that keeps a task from going on depends on that task's next one, which is tried as well. */
function tryKept(before: OwnPoint | undefined, tasks: readonly number[]): void {
  if (before === undefined) return;
  for (const task of before.enabled)
    if (task !== before.chosen && !tasks.includes(task)) before.tried.add(task);
}
