/**
 * The past of a run: which of its steps happen before which. Two steps of one task do, and so do two
 * that depend on each other, in the order they came; all else is luck, and runs that differ by luck
 * alone end in the same state.
 */
import { ADD, type Footprint, READ, WRITE } from './footprint.ts';

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
  /** What names it with all that happens before. */
  readonly name: Hash;
}

/** 64 bits in two halves. */
type Hash = readonly [number, number];

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
  /** The place of the task's last step; where it has none, of the one that started it; -1 for none. */
  lastOf(task: number): number;
  /**
   * The class of the run so far: the same for runs that differ by luck alone. 53 bits of a hash.
   */
  key(): number;
}

export function createPast(): Past {
  const steps: Placed[] = [];
  const uses: Uses[] = [];
  const placesOf: number[][] = [];
  /** The place of the step that started a task. */
  const starts: number[] = [];
  const keys: Hash[] = [[0, 0]];

  const stepOf = (place: number): Placed | undefined => steps[place];
  const isBefore = (early: number, clock: readonly number[]): boolean => {
    const step = stepOf(early);
    return step !== undefined && (clock[step.task] ?? 0) >= step.nth;
  };
  const lastOf = (task: number): number => placesOf[task]?.at(-1) ?? starts[task] ?? -1;

  return {
    steps,
    isBefore,
    lastOf,
    push(step) {
      const place = steps.length;
      const own = (placesOf[step.task] ??= []);
      if (own.length === 0 && step.parent !== null) {
        const { task, steps: done } = step.parent;
        starts[step.task] = placesOf[task]?.[done - 1] ?? -1;
      }
      const before = lastOf(step.task);
      const causes = causesOf(step.footprint, uses);
      const clock = stepOf(before)?.clock.slice() ?? [];
      for (const cause of causes) join(clock, stepOf(cause)?.clock ?? []);
      const nth = own.length + 1;
      clock[step.task] = nth;
      const name = nameOf(step.task, nth, [before, ...causes], stepOf);
      const placed: Placed = { ...step, nth, clock, causes, before, name };
      steps.push(placed);
      own.push(place);
      for (const [location, use] of step.footprint) {
        uses[location] ??= { writes: [], reads: [], adds: [] };
        for (const list of listsFor(use, uses[location])) list.push(place);
      }
      const [high, low] = keys.at(-1) ?? [0, 0];
      keys.push([(high + name[0]) | 0, (low + name[1]) | 0]);
      return placed;
    },
    cut(place) {
      while (steps.length > place) {
        const step = steps.pop();
        if (step === undefined) break;
        placesOf[step.task]?.pop();
        for (const [location, use] of step.footprint)
          for (const list of listsFor(use, uses[location])) list.pop();
        keys.pop();
      }
    },
    lastTaking(lock, place) {
      const isTaking = (at: number) => at < place && stepOf(at)?.took === lock;
      return uses[lock]?.writes.findLast(isTaking) ?? -1;
    },
    key() {
      const [high, low] = keys.at(-1) ?? [0, 0];
      return (high & 0x1f_ffff) * 0x1_0000_0000 + (low >>> 0);
    },
  };
}

function listsFor(use: number, uses: Uses | undefined): readonly number[][] {
  if (uses === undefined) return [];
  if ((use & WRITE) !== 0) return [uses.writes];
  if (use === READ) return [uses.reads];
  return use === ADD ? [uses.adds] : [uses.reads, uses.adds];
}

/**
 * The places of the last steps that a step of that footprint depends on, each once. What came before a
 * write happens before it, and need not be named.
 */
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

/** The sum over what it comes from, so that their order does not matter, mixed with what it is. */
function nameOf(
  task: number,
  nth: number,
  from: readonly number[],
  stepOf: (place: number) => Placed | undefined,
): Hash {
  let [high, low] = [0, 0];
  for (const place of new Set(from)) {
    const name = stepOf(place)?.name;
    if (name === undefined) continue;
    high = (high + name[0]) | 0;
    low = (low + name[1]) | 0;
  }
  const one = mix(mix(high ^ 0x51ed270b) + Math.imul(task + 1, 0x9e3779b1) + low);
  const two = mix(mix(low ^ 0x2545f491) + Math.imul(nth, 0x85ebca6b) + one);
  return [mix(one ^ (two >>> 7)), two];
}

function mix(word: number): number {
  let mixed = Math.imul(word ^ (word >>> 16), 0x21f0aaad);
  mixed = Math.imul(mixed ^ (mixed >>> 15), 0x735a2d97);
  return mixed ^ (mixed >>> 15);
}
