/** Races: pairs of steps that depend on each other and came in an order that was luck. */
import { assert } from '../assert.ts';
import type { Kind } from './futures.ts';
import type { Past, Placed } from './past.ts';

/** A point of a schedule with a step to choose. */
export interface Point {
  /** Tasks that can go on. */
  readonly enabled: readonly number[];
  /** Tasks whose next step needs not be tried here: it was, or comes to the same later on. */
  readonly asleep: { has(task: number): boolean };
  /** Tasks to try. */
  readonly tried: Set<number>;
}

/** The places of steps that could have come after this one, the last, though it depends on them. */
export function racesOf(step: Placed, points: readonly Point[], past: Past): readonly number[] {
  const { steps, isBefore, lastTaking } = past;
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
  // Who gives a lock back lets the next one in; the race is between those who take it.
  const taking = lastTaking(step.took, steps.length - 1);
  const isRace = taking >= 0 && steps[taking]?.task !== step.task && !isBefore(taking, own);
  return isRace && !races.includes(taking) ? [...races, taking] : races;
}

/** Sees to it that a later step, or what leads to it, is tried before the step at `early`. */
export function addRace(
  early: number,
  late: Pick<Placed, 'task' | 'clock'>,
  points: readonly Point[],
  past: Past,
): void {
  const point = points[early];
  if (point === undefined) return;
  const others = besides(early, past).filter((step) => step !== late);
  tryOneOf(firstOf([...others, { ...late, nth: Number.NaN }]), late.task, point);
}

/** A task that waits for a lock in the end races for it with the one that has it. */
export function addWaiting(task: number, lock: number, points: readonly Point[], past: Past): void {
  const { steps, isBefore, lastOf, lastTaking } = past;
  const taking = lastTaking(lock, steps.length);
  const last = steps[lastOf(task)];
  if (taking < 0 || last === undefined) return;
  if (steps[taking]?.task === task || isBefore(taking, last.clock)) return;
  addRace(taking, { task, clock: last.clock }, points, past);
}

/**
 * Finds the races of a step that is known to come some time, with what lies before it. What else it
 * may depend on is not known: it is taken to depend on nothing that its task has not met so far, which
 * finds too many races rather than too few.
 */
export function addComing(kind: Kind, points: readonly Point[], past: Past): void {
  const { steps, isBefore, lastOf, lastTaking, causesOf } = past;
  const own = steps[lastOf(kind.task)]?.clock ?? [];
  const taking = kind.took === null ? -1 : lastTaking(kind.took, steps.length);
  for (const early of [...causesOf(kind.footprint), taking]) {
    const step = steps[early];
    const point = points[early];
    if (step === undefined || point === undefined) continue;
    if (step.task === kind.task || isBefore(early, own)) continue;
    const first = firstOf(besides(early, past));
    if (first.length > 0) tryOneOf(first, first[0] ?? -1, point);
    else for (const task of point.enabled) if (task !== step.task) point.tried.add(task);
  }
}

/** The steps after one that do not depend on it. */
function besides(early: number, { steps, isBefore }: Past): readonly Placed[] {
  return steps.slice(early + 1).filter((step) => !isBefore(early, step.clock));
}

type Dated = Pick<Placed, 'task' | 'clock' | 'nth'>;

/** The tasks of the steps that come after none of the others, so that each could come first. */
function firstOf(steps: readonly Dated[]): readonly number[] {
  const first: number[] = [];
  const met: Dated[] = [];
  for (const step of steps) {
    const isLater = met.some(
      ({ task, nth }) => task === step.task || (step.clock[task] ?? 0) >= nth,
    );
    if (!isLater) first.push(step.task);
    met.push(step);
  }
  return first;
}

/** Has one of the tasks tried at the point, unless that is so. */
function tryOneOf(
  tasks: readonly number[],
  rather: number,
  { tried, asleep, enabled }: Point,
): void {
  if (tasks.some((task) => tried.has(task) || asleep.has(task))) return;
  const task = tasks.includes(rather) ? rather : tasks[0];
  if (task === undefined) return;
  assert(enabled.includes(task), `the task ${task} could have gone first, but cannot go on`);
  tried.add(task);
}
