/**
 * Partial-order reduction: walks one schedule of each class of those that differ by the order of
 * independent steps alone.
 *
 * Source sets and sleep sets (Abdulla, Aronis, Jonsson, Sagonas: Optimal Dynamic Partial Order
 * Reduction, POPL 2014), with independence as it was measured on the steps themselves. Three things
 * are added, for tasks here can be kept from running. A step that leaves its task waiting for
 * something depends on what says whether that is there. Where a step keeps a task from running that
 * could run, that task is tried first as well. And a lock is raced for by those who take it: who
 * gives it back only lets the next one in.
 */
import { assert } from '../assert.ts';
import { areDependent, type Footprint } from './footprint.ts';
import { createPast, type Past, type Placed, type Step } from './past.ts';
import type { Search } from './search.ts';

/** A point of a schedule with a step to choose. */
interface Point {
  /** Tasks that can go on. */
  readonly enabled: readonly number[];
  /** Tasks of which the next step was tried here, or before something independent of it. */
  readonly asleep: Map<number, Footprint>;
  /** Tasks to try. */
  readonly tried: Set<number>;
  chosen: number;
}

/** What a search may leave out, to see that it would be missed. */
export interface Defects {
  readonly forget?: (footprint: Footprint) => Footprint;
}

/** A search through all classes of schedules. */
export function createPor({ forget }: Defects = {}): Search {
  const past = createPast();
  const points: Point[] = [];
  const seen = new Set<number>([past.key()]);
  let depth = 0;
  let isNew = false;

  return {
    states: () => seen.size,
    isBounded: () => false,
    preemptions: () => 0,
    isNew: () => isNew,
    pick(tasks) {
      wakeKept(points, depth, tasks);
      let point = points[depth];
      if (point === undefined) {
        const asleep = stillAsleep(points.at(-1), past.steps.at(-1));
        const chosen = tasks.find((task) => !asleep.has(task));
        if (chosen === undefined) return null;
        point = { enabled: tasks, asleep, tried: new Set([chosen]), chosen };
        points.push(point);
      }
      isNew = depth >= past.steps.length;
      if (!isNew) depth += 1;
      const at = tasks.indexOf(point.chosen);
      assert(at >= 0, `the task ${point.chosen} cannot go on where it could before`);
      return at;
    },
    push(step) {
      const placed = past.push(forget === undefined ? step : forgetful(step, forget));
      seen.add(past.key());
      for (const early of racesOf(placed, points, past)) addRace(early, placed, points, past);
      depth += 1;
    },
    rest(waiting) {
      wakeKept(points, depth, []);
      for (const [task, lock] of waiting) addWaiting(task, lock, points, past);
    },
    next() {
      depth = 0;
      for (;;) {
        const point = points.at(-1);
        if (point === undefined) return false;
        const step = past.steps[points.length - 1];
        if (step !== undefined) point.asleep.set(point.chosen, step.footprint);
        past.cut(points.length - 1);
        const untried = [...point.tried].find((task) => !point.asleep.has(task));
        if (untried !== undefined) {
          point.chosen = untried;
          return true;
        }
        points.pop();
      }
    },
  };
}

function forgetful(step: Step, forget: (footprint: Footprint) => Footprint): Step {
  return { ...step, footprint: forget(step.footprint) };
}

/** Tasks whose next step was tried before the last step, and does not depend on it. */
function stillAsleep(before: Point | undefined, last: Placed | undefined): Map<number, Footprint> {
  const asleep = new Map<number, Footprint>();
  if (before === undefined || last === undefined) return asleep;
  for (const [task, footprint] of before.asleep)
    if (task !== last.task && !areDependent(footprint, last.footprint)) asleep.set(task, footprint);
  return asleep;
}

/** A step that keeps a task from going on depends on that task's next one, which is tried as well. */
function wakeKept(points: readonly Point[], depth: number, tasks: readonly number[]): void {
  const before = points[depth - 1];
  if (before === undefined) return;
  for (const task of before.enabled)
    if (task !== before.chosen && !tasks.includes(task)) before.tried.add(task);
}

/** The places of steps that could have come after the last one, though it depends on them. */
function racesOf(step: Placed, points: readonly Point[], past: Past): readonly number[] {
  const { steps, isBefore } = past;
  const own = steps[step.before]?.clock ?? [];
  const races = step.causes.filter((early) => {
    const other = steps[early];
    if (other === undefined || other.task === step.task || isBefore(early, own)) return false;
    if (step.took !== null && other.gave === step.took) return false;
    const isIndirect = step.causes.some(
      (cause) => cause !== early && isBefore(early, steps[cause]?.clock ?? []),
    );
    if (isIndirect) return false;
    // A task that stood there already, and could not go on, was let go on by that step.
    return step.before > early || points[early]?.enabled.includes(step.task) === true;
  });
  if (step.took === null) return races;
  const taking = lastTakingBefore(step, past);
  const isRace = taking >= 0 && steps[taking]?.task !== step.task && !isBefore(taking, own);
  return isRace && !races.includes(taking) ? [...races, taking] : races;
}

/** The place of the step that took the lock before the step that takes it now. */
function lastTakingBefore({ took }: Placed, { steps, lastTaking }: Past): number {
  return took === null ? -1 : lastTaking(took, steps.length - 1);
}

/** Sees to it that the later step, or what leads to it, is tried before the earlier one. */
function addRace(early: number, late: Placed, points: readonly Point[], past: Past): void {
  const point = points[early];
  if (point === undefined) return;
  const { steps, isBefore } = past;
  const others = steps
    .slice(early + 1)
    .filter((step) => step !== late && !isBefore(early, step.clock));
  const first: number[] = [];
  const met: Placed[] = [];
  for (const step of [...others, late]) {
    const isFirst =
      !met.some(({ task }) => task === step.task) &&
      !met.some(({ task, nth }) => (step.clock[task] ?? 0) >= nth);
    if (isFirst) first.push(step.task);
    met.push(step);
  }
  if (first.some((task) => point.tried.has(task) || point.asleep.has(task))) return;
  const task = first.includes(late.task) ? late.task : first[0];
  if (task === undefined) return;
  assert(point.enabled.includes(task), `the task ${task} could have gone first, but cannot go on`);
  point.tried.add(task);
}

/** A task that waits for a lock in the end races for it with the one that has it. */
function addWaiting(task: number, lock: number, points: readonly Point[], past: Past): void {
  const { steps, isBefore, lastOf, lastTaking } = past;
  const taking = lastTaking(lock, steps.length);
  const before = lastOf(task);
  const last = steps[before];
  if (taking < 0 || last === undefined) return;
  if (steps[taking]?.task === task || isBefore(taking, last.clock)) return;
  const clock = last.clock.slice();
  clock[task] = last.nth + 1;
  const taken: Placed = {
    ...{ task, parent: null, footprint: new Map(), took: lock, gave: null },
    ...{ nth: last.nth + 1, clock, causes: [], before, name: last.name },
  };
  addRace(taking, taken, points, past);
}
