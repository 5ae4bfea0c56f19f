/**
 * The past of a run: which of its steps happen before which, and what they add up to. Two steps of one
 * task happen one before the other, and so do two that depend on each other, in the order they came;
 * all else is luck, and runs that differ by luck alone come to the same state.
 */
import { ADD, type Footprint, READ, WRITE } from './footprint.ts';
import { type Hash, joined, keyOf, minus, NOTHING, plus } from './hash.ts';

/** A step of a task, from where it was picked to where it could be left. */
export interface Step {
  /** The task, as a small number. */
  readonly task: number;
  /** The task that started it, and the number of steps that it had done; null for the first ones. */
  readonly parent: { readonly task: number; readonly steps: number } | null;
  readonly footprint: Footprint;
  /** The location of a lock that it took. */
  readonly took: number | null;
  /** The location of a lock that it gave back. */
  readonly gave: number | null;
  /** What its code saw of the state. */
  readonly saw: Hash;
  /** What became of the state, and of what else decides how a run goes on. */
  readonly change: Hash;
  /** Tasks that it started. */
  readonly started: readonly number[];
  /** It was the last one of its task. */
  readonly isEnd: boolean;
}

/** A step in its place. */
export interface Placed extends Step {
  /** Which step of its task it is, from 1. */
  readonly nth: number;
  /** For each task: how many of its steps happen before, this one included. */
  readonly clock: readonly number[];
  /** The places of the steps it depends on directly. */
  readonly causes: readonly number[];
  /** The place of the step before it in its own task, or that started the task; -1 for none. */
  readonly before: number;
  /** What its task has seen up to its end: code that saw the same does the same. */
  readonly memory: Hash;
}

/** The places of the steps that used a location. What writes as well as it reads or adds, writes. */
interface Uses {
  readonly writes: number[];
  readonly reads: number[];
  readonly adds: number[];
}

export interface Past {
  readonly steps: readonly Placed[];
  /** Puts a step at the end. Cost: linear in its footprint and the uses it meets. */
  push(step: Step): Placed;
  /** Takes away all steps from the place on. */
  cut(place: number): void;
  /** Does the step at `early` happen before what a clock is of? */
  isBefore(early: number, clock: readonly number[]): boolean;
  /** The place of the last step before `place` that took the lock; -1 for none. */
  lastTaking(lock: number, place: number): number;
  /**
   * The place of the task's last step; where it has none, of the last one of the task that started it,
   * or will start it; -1 for none.
   */
  lastOf(task: number): number;
  /** The places of the last steps that a step of that footprint depends on, each once. */
  causesOf(footprint: Footprint): readonly number[];
  /**
   * The state that was come to, as a number: state, locks, and what each task that is left has seen.
   * Runs go on the same ways from the same one. 53 bits of a hash.
   */
  state(): number;
}

export function createPast(): Past {
  const steps: Placed[] = [];
  const uses: Uses[] = [];
  const placesOf: number[][] = [];
  const parents: (Step['parent'] | undefined)[] = [];
  const states: Hash[] = [NOTHING];

  const isBefore = (early: number, clock: readonly number[]): boolean => {
    const step = steps[early];
    return step !== undefined && (clock[step.task] ?? 0) >= step.nth;
  };
  const startOf = ({ parent }: Step): number =>
    parent === null ? -1 : (placesOf[parent.task]?.[parent.steps - 1] ?? -1);
  const lastOf = (task: number): number => {
    const place = placesOf[task]?.at(-1);
    if (place !== undefined) return place;
    const parent = parents[task];
    return parent == null ? -1 : lastOf(parent.task);
  };
  const place = (step: Step): Placed => {
    const own = placesOf[step.task] ?? [];
    const before = own.at(-1) ?? startOf(step);
    const causes = causesOf(step.footprint, uses);
    const clock = steps[before]?.clock.slice() ?? [];
    for (const cause of causes) join(clock, steps[cause]?.clock ?? []);
    const nth = own.length + 1;
    clock[step.task] = nth;
    const memory = joined(memoryBefore(step, steps[before], nth), step.saw, nth);
    return { ...step, nth, clock, causes, before, memory };
  };

  return {
    steps,
    isBefore,
    lastOf,
    causesOf: (footprint) => causesOf(footprint, uses),
    push(step) {
      const placed = place(step);
      const at = steps.push(placed) - 1;
      placesOf[step.task] ??= [];
      placesOf[step.task]?.push(at);
      parents[step.task] = step.parent;
      states.push(stateAfter(states.at(-1) ?? NOTHING, placed, steps[placed.before]));
      for (const [location, use] of step.footprint) {
        uses[location] ??= { writes: [], reads: [], adds: [] };
        for (const list of listsFor(use, uses[location])) list.push(at);
      }
      return placed;
    },
    cut(from) {
      while (steps.length > from) {
        const step = steps.pop();
        if (step === undefined) break;
        placesOf[step.task]?.pop();
        for (const [location, use] of step.footprint)
          for (const list of listsFor(use, uses[location])) list.pop();
        states.pop();
      }
    },
    lastTaking(lock, before) {
      const isTaking = (at: number) => at < before && steps[at]?.took === lock;
      return uses[lock]?.writes.findLast(isTaking) ?? -1;
    },
    state: () => keyOf(states.at(-1) ?? NOTHING),
  };
}

/** What a task has seen before a step: at its first one, what the task that started it had. */
function memoryBefore({ task, parent }: Step, before: Placed | undefined, nth: number): Hash {
  if (nth > 1) return before?.memory ?? NOTHING;
  return parent === null ? joined(NOTHING, NOTHING, task) : atStart(task, before?.memory);
}

function atStart(task: number, parent: Hash | undefined): Hash {
  return joined(parent ?? NOTHING, NOTHING, task);
}

/**
 * Adds what a step did to the state. Each task that is left has a term for what it has seen; one that
 * has ended has none, but for those that the stimulus started, which have none before they begin.
 */
function stateAfter(state: Hash, step: Placed, before: Placed | undefined): Hash {
  const { task, parent, nth, memory, change, started, isEnd } = step;
  const isRoot = parent === null;
  let sum = plus(state, change);
  if (!isRoot || nth > 1) sum = minus(sum, termOf(task, memoryBefore(step, before, nth)));
  if (!isEnd) sum = plus(sum, termOf(task, memory));
  else if (isRoot) sum = plus(sum, termOf(task, NOTHING));
  for (const child of started) sum = plus(sum, termOf(child, atStart(child, memory)));
  return sum;
}

function termOf(task: number, memory: Hash): Hash {
  return joined(memory, memory, task + 1);
}

function listsFor(use: number, uses: Uses | undefined): readonly number[][] {
  if (uses === undefined) return [];
  if ((use & WRITE) !== 0) return [uses.writes];
  if (use === READ) return [uses.reads];
  return use === ADD ? [uses.adds] : [uses.reads, uses.adds];
}

/** What came before a write happens before it, and need not be named. */
function causesOf(footprint: Footprint, uses: readonly Uses[]): readonly number[] {
  const causes = new Set<number>();
  for (const [location, use] of footprint) {
    const met = uses[location];
    if (met === undefined) continue;
    const write = met.writes.at(-1) ?? -1;
    if (write >= 0) causes.add(write);
    if (use !== READ) addAfter(write, met.reads, causes);
    if (use !== ADD) addAfter(write, met.adds, causes);
  }
  return [...causes];
}

function addAfter(place: number, places: readonly number[], to: Set<number>): void {
  for (let i = places.length - 1; i >= 0; i -= 1) {
    const one = places[i] ?? -1;
    if (one < place) return;
    to.add(one);
  }
}

function join(clock: number[], other: readonly number[]): void {
  for (const [task, steps] of other.entries())
    if ((steps ?? 0) > (clock[task] ?? 0)) clock[task] = steps;
}
