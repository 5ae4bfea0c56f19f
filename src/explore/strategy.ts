/** Strategies: how the schedules of a run are chosen. */
import type { TaskView } from '../engine/scheduling.ts';
import { ReprobeError } from '../error.ts';
import { createDice } from './dice.ts';

/** Makes one schedule at a time, from a seed. */
export type OneRunStrategy =
  /** Every task that can run is as likely as any other, at every point. */
  | { readonly kind: 'random' }
  /**
   * Probabilistic concurrency testing: tasks have priorities by chance, the first of those that can
   * run goes on, and at `depth` - 1 points by chance among the first `steps` the one that would go on
   * falls behind all others.
   *
   * A bug that shows when `depth` points come in a certain order is met by one run with a probability
   * of at least 1 / (tasks × steps^(depth - 1)), where `steps` is not below the number of choices
   * (Burckhardt, Kothari, Musuvathi, Nagarakatte: ASPLOS 2010).
   */
  | { readonly kind: 'pct'; readonly depth: number };

/** Goes through all schedules. */
export type SearchStrategy =
  /** Depth first, with at most `bound` preemptions; null for any number. */
  | { readonly kind: 'dfs'; readonly bound: number | null }
  /** One schedule of each class of those that differ by the order of independent steps alone. */
  | { readonly kind: 'por' };

export type StrategySpec = OneRunStrategy | SearchStrategy;

/** Choices of a run that PCT spreads its change points over, where nobody says how many there are. */
const STEPS_ASSUMED = 256;
/** What a number in a strategy may be. */
const NUMBER = /^(?:0|[1-9]\d{0,5})$/;

/**
 * Reads a strategy: `random`, `pct:d=3` (3 where no d is said), `dfs`, `dfs:bound=2`, `por`.
 *
 * @throws ReprobeError USAGE for anything else.
 */
export function parseStrategy(text: string): StrategySpec {
  const [word = '', ...rest] = text.split(':');
  const given = rest.length === 0 ? null : rest.join(':');
  switch (word) {
    case 'random':
    case 'por':
      return given === null ? { kind: word } : refuse(text, `${word} takes no numbers`);
    case 'pct':
      return { kind: 'pct', depth: numberOf(text, given, 'd', 1) ?? 3 };
    case 'dfs':
      return { kind: 'dfs', bound: numberOf(text, given, 'bound', 0) };
    default:
      return refuse(text, 'there are random, pct:d=3, dfs:bound=2 and por');
  }
}

/** The strategy as `parseStrategy` reads it. */
export function describeStrategy(spec: StrategySpec): string {
  switch (spec.kind) {
    case 'pct':
      return `pct:d=${spec.depth}`;
    case 'dfs':
      return spec.bound === null ? 'dfs' : `dfs:bound=${spec.bound}`;
    default:
      return spec.kind;
  }
}

function numberOf(text: string, given: string | null, key: string, least: number): number | null {
  if (given === null) return null;
  const [name, value = '', ...more] = given.split('=');
  const isFit = name === key && more.length === 0 && NUMBER.test(value) && Number(value) >= least;
  return isFit
    ? Number(value)
    : refuse(text, `write ${text.split(':')[0]}:${key}=N, N from ${least}`);
}

function refuse(text: string, hint: string): never {
  throw new ReprobeError('USAGE', `"${text}" is not a strategy.`, { hint });
}

/**
 * The choices of one run by chance: the same spec, seed and system give the same run. To be made anew
 * for each run. Cost: linear in the tasks that can run, at each choice.
 *
 * @param steps how many choices a run has, about: change points of PCT fall among as many.
 */
export function chooserOf(
  spec: OneRunStrategy,
  seed: number,
  steps: number = STEPS_ASSUMED,
): (runnable: readonly TaskView[]) => number {
  const dice = createDice(seed);
  if (spec.kind === 'random') return (runnable) => dice(runnable.length);
  return pctChooser(spec.depth, dice, Math.max(steps, 1));
}

function pctChooser(depth: number, dice: ReturnType<typeof createDice>, steps: number) {
  /** The k-th change point gives the priority k: below that of every task that met none. */
  const changes = new Map<number, number>();
  for (let k = 1; k < depth; k += 1) changes.set(dice(steps), -k);
  const priorities = new Map<string, number>();
  let made = 0;
  const priorityOf = ({ name }: TaskView): number => {
    let priority = priorities.get(name);
    if (priority === undefined) {
      priority = dice(0x4000_0000);
      priorities.set(name, priority);
    }
    return priority;
  };
  const first = (runnable: readonly TaskView[]): number => {
    let best = 0;
    for (let i = 1; i < runnable.length; i += 1) {
      const [one, other] = [runnable[i], runnable[best]];
      if (one !== undefined && other !== undefined && priorityOf(one) > priorityOf(other)) best = i;
    }
    return best;
  };
  return (runnable: readonly TaskView[]): number => {
    const fall = changes.get(made);
    made += 1;
    const chosen = runnable[first(runnable)];
    if (fall !== undefined && chosen !== undefined) priorities.set(chosen.name, fall);
    return first(runnable);
  };
}
