/** All schedules of given inputs: what they can end in, and what they can break. */
import type { Rest } from '../engine/rest.ts';
import type { Inputs } from '../events/trace.ts';
import { INVARIANTS } from '../invariants/all.ts';
import type { Invariant, Violation } from '../invariants/invariant.ts';
import { createDfs } from './dfs.ts';
import type { Locations } from './locations.ts';
import { createPor } from './por.ts';
import { attemptsKey, finalKey } from './same-state.ts';
import type { Search } from './search.ts';
import type { SearchStrategy } from './strategy.ts';
import { createGround, type Situation, type Walk, walk } from './walk.ts';

export interface ExploreOptions {
  readonly strategy: SearchStrategy;
  readonly invariants?: readonly Invariant[];
  /** No more schedules than this are walked. */
  readonly schedulesMax?: number;
  readonly eventsMax?: number;
  /** Goes on once from each state: with `dfs` all states are met, by few schedules. */
  readonly isOncePerState?: boolean;
  /** Locations that are not looked at: for tests of the reduction itself. */
  readonly isBlindTo?: (location: string) => boolean;
}

/** How far an exploration is. */
export interface Progress {
  /** Of which stimulus schedules are walked, from 0. */
  readonly stimulus: number;
  readonly walked: number;
  readonly states: number;
  readonly violations: number;
}

/** A violation that some schedule has. */
export interface Found {
  readonly violation: Violation;
  /** Of all schedules explored, so many have it. */
  readonly schedules: number;
  /** The choices of the first one that has it. */
  readonly choices: readonly number[];
}

/** Why who explores ends it. */
export type Stop = 'time' | 'interrupted';

export interface Exploration {
  /** Nothing was left out, but schedules that end in the same state as another one and break the same. */
  readonly isComplete: boolean;
  /** What it was ended by where it is not complete. */
  readonly bounded: 'preemptions' | 'schedules' | Stop | null;
  /** Schedules walked, each of one stimulus. */
  readonly walked: number;
  /** Of them, walks that ended early: all that they could come to was known. */
  readonly cut: number;
  /** Whole schedules that those make. */
  readonly schedules: number;
  /** Beginnings of schedules that differ by more than luck. */
  readonly states: number;
  /** Keys of the states at the end. */
  readonly finals: ReadonlySet<string>;
  /** In the order in which they were found. */
  readonly found: readonly Found[];
}

/** A state at rest between two stimuli, and the ways there. */
interface Place {
  readonly situation: Situation;
  /** Choices from the very beginning, of the first way. */
  readonly choices: readonly number[];
  /** Preemptions on the way. */
  readonly spent: number;
  /** Schedules that lead there. */
  ways: number;
  /** Of them, how many broke what. */
  readonly broken: Map<string, number>;
}

/** What an exploration gathers. */
interface Tally {
  walked: number;
  cut: number;
  states: number;
  isBounded: boolean;
  readonly finals: Set<string>;
  readonly found: Map<
    string,
    { readonly violation: Violation; readonly choices: readonly number[] }
  >;
}

const EVENTS_MAX = 100_000;

/**
 * Explores the schedules of the inputs; their choices are not looked at.
 *
 * Yields after each schedule; who takes that may send a reason to end it there. Stimuli come one after the
 * other, and where no task is left between two of them, states that are the same are gone on from once.
 *
 * Cost: one run of one stimulus a schedule.
 *
 * @throws ReprobeError TOO_LARGE for a schedule that does not end, UNKNOWN_NAME for a patch.
 */
export function* explore(
  inputs: Inputs,
  options: ExploreOptions,
): Generator<Progress, Exploration, Stop | undefined> {
  const { invariants = INVARIANTS, eventsMax = EVENTS_MAX, schedulesMax } = options;
  const ground = createGround(inputs, invariants, eventsMax);
  const tally: Tally = {
    ...{ walked: 0, cut: 0, states: 0, isBounded: false },
    ...{ finals: new Set(), found: new Map() },
  };
  let places: readonly Place[] = [START];
  let bounded: Exploration['bounded'] = null;
  for (const [n, stimulus] of inputs.stimuli.entries()) {
    const next = new Map<string, Place>();
    const isLast = n === inputs.stimuli.length - 1;
    for (const place of places) {
      const search = searchFrom(place, options, ground.locations);
      do {
        if (tally.walked === schedulesMax) bounded = 'schedules';
        if (bounded !== null) break;
        const done = walk(ground, place.situation, stimulus, search);
        tally.walked += 1;
        if (done === null) tally.cut += 1;
        else arrive(place, done, search, { n, isLast, inputs, tally, next });
        const states = tally.states + search.states();
        const violations = tally.found.size;
        bounded ??= (yield { stimulus: n, walked: tally.walked, states, violations }) ?? null;
      } while (search.next());
      tally.states += search.states();
      tally.isBounded ||= search.isBounded();
    }
    places = [...next.values()];
  }
  return resultOf(tally, places, bounded);
}

const START: Place = {
  situation: { base: null, since: [], choices: [] },
  ...{ choices: [], spent: 0, ways: 1, broken: new Map() },
};

function searchFrom(
  { spent }: Place,
  { strategy, isOncePerState = false, isBlindTo }: ExploreOptions,
  { nameOf }: Locations,
): Search {
  if (strategy.kind === 'por') {
    if (isBlindTo === undefined) return createPor();
    return createPor((all) => new Map([...all].filter(([at]) => !isBlindTo(nameOf(at)))));
  }
  const bound = strategy.bound === null ? null : strategy.bound - spent;
  return createDfs({ bound, isOncePerState }, true);
}

interface Arrival {
  readonly n: number;
  readonly isLast: boolean;
  readonly inputs: Inputs;
  readonly tally: Tally;
  readonly next: Map<string, Place>;
}

/** Notes what a schedule broke and where it ended. */
function arrive(from: Place, done: Walk, search: Search, arrival: Arrival): void {
  const { n, isLast, inputs, tally, next } = arrival;
  const made = done.choices.slice(from.situation.choices.length);
  const choices = [...from.choices, ...made];
  const broken = new Set<string>();
  for (const violation of done.violations) {
    const key = `${violation.invariant} ${violation.subject}`;
    broken.add(key);
    if (!tally.found.has(key)) tally.found.set(key, { violation, choices });
  }
  const final = finalKey(done.run);
  if (isLast) tally.finals.add(final);
  const spent = from.spent + search.preemptions();
  const rest = done.run.rest();
  const key = placeKey(final, rest, spent, isLast, tally.walked);
  let place = next.get(key);
  if (place === undefined) {
    const situation = situationAfter(from.situation, done, rest, inputs.stimuli.slice(n, n + 1));
    place = { situation, choices, spent, ways: 0, broken: new Map() };
    next.set(key, place);
  }
  place.ways += from.ways;
  for (const one of new Set([...broken, ...from.broken.keys()])) {
    const ways = broken.has(one) ? from.ways : (from.broken.get(one) ?? 0);
    place.broken.set(one, (place.broken.get(one) ?? 0) + ways);
  }
}

/** Ways that come to the same place are gone on from together; where tasks are left, each alone. */
function placeKey(
  final: string,
  rest: Rest | null,
  spent: number,
  isLast: boolean,
  walked: number,
): string {
  if (isLast) return final;
  return rest === null ? `${walked}` : `${final} ${attemptsKey(rest.attempts)} ${spent}`;
}

function situationAfter(
  { base, since }: Situation,
  done: Walk,
  rest: Rest | null,
  given: Situation['since'],
): Situation {
  return rest === null
    ? { base, since: [...since, ...given], choices: done.choices.slice() }
    : { base: rest, since: [], choices: [] };
}

function resultOf(
  tally: Tally,
  places: readonly Place[],
  bounded: Exploration['bounded'],
): Exploration {
  const { walked, cut, states, isBounded, finals, found } = tally;
  const ended = bounded ?? (isBounded ? 'preemptions' : null);
  const total = (count: (place: Place) => number) =>
    places.reduce((sum, place) => sum + count(place), 0);
  return {
    ...{ isComplete: ended === null, bounded: ended, walked, cut, states, finals },
    schedules: total(({ ways }) => ways),
    found: [...found].map(([key, one]) => ({
      ...one,
      schedules: total(({ broken }) => broken.get(key) ?? 0),
    })),
  };
}
