/** Bisection of a run by a question: after which event the answer is no. */
import { createHistory } from '../engine/history.ts';
import type { Machine } from '../events/machine.ts';
import type { Trace } from '../events/trace.ts';
import { createFlights } from '../invariants/flights.ts';
import { reduce } from '../model/state/reduce.ts';
import { initialState, type ReadState } from '../model/state/state.ts';
import { forkState } from './fork.ts';
import { type Memory, verdictOfAnswer } from './judge.ts';
import type { BisectOutcome } from './outcome.ts';
import { type Answer, answerOf, isApplicable, machineFor, type Question } from './question.ts';
import { foundAt, searchRow, type Verdict } from './search.ts';

export interface Asked {
  readonly outcome: BisectOutcome;
  /** Number of the event that led to the first state in which it could be asked; null for none. */
  readonly first: number | null;
  /** The last answer that was yes, and the first that was not; null where none was looked for. */
  readonly yes: Answer | null;
  readonly no: Answer | null;
}

/** How many ends of stimuli are asked about to find a state with a yes before one with a no. */
const STARTS_MAX = 32;

/**
 * Asks the question on forks of states of the run, between the first state that has what it is about
 * and the last one. States in which a probe, an unbind or the loading of a module is under way are
 * left out: nobody could ask then and not have to wait.
 *
 * Cost: one pass, and ⌈log2 n⌉ + 2 forks for n states; where the first answer is no already, up to
 * 32 more to find one that is yes.
 */
export async function bisectAnswers(
  trace: Trace,
  question: Question,
  memory: Memory,
  confirm: boolean,
): Promise<Asked> {
  const history = createHistory(trace.events);
  const answers = new Map<number, Answer>();
  let evaluations = 0;
  const withMachine = (machine: Machine) => machineFor(question, machine);
  // Asked anew each time: a fork that touched the run would be found out.
  const ask = (count: number): Answer => {
    const answer = answerOf(question, forkState(trace, history, count, withMachine));
    answers.set(count, answer);
    return answer;
  };
  const answerAt = (count: number): Answer => answers.get(count) ?? ask(count);
  const judge = (count: number): Promise<Verdict> => {
    evaluations += 1;
    return memory.verdict(count, '', async () => verdictOfAnswer(ask(count)));
  };
  const places = placesFor(trace, question);
  const none = { first: null, yes: null, no: null };
  const last = places.at(-1);
  if (last === undefined) {
    const reason = 'what the question is about is in no state in which it could be asked';
    return { outcome: { kind: 'inconclusive', reason, evaluations }, ...none };
  }
  const early = new Map<number, Verdict>();
  const from = await firstGood(trace, places, async (count) => {
    const verdict = early.get(count) ?? (await judge(count));
    early.set(count, verdict);
    return verdict;
  });
  const row = places.slice(from);
  const found = await searchRow(row.length - 1, {
    judge: async (place) => {
      const count = row[place] ?? last;
      const verdict = early.get(count);
      early.delete(count);
      return verdict ?? (await judge(count));
    },
    confirm,
    name: (place) => stateName(row[place] ?? last),
  });
  const first = (places[0] ?? last) - 1;
  if (found.kind !== 'found') {
    const no = found.kind === 'badFromStart' ? answerAt(first + 1) : null;
    return { outcome: { ...found, evaluations }, first, yes: null, no };
  }
  const [good = 0, bad = 0] = [row[found.good], row[found.bad]];
  const outcome = { ...foundAt(good - 1, bad - 1), evaluations };
  return { outcome, first, yes: answerAt(good), no: answerAt(bad) };
}

const stateName = (count: number): string => `the state after event ${count - 1}`;

/** Numbers of events after which the question can be asked. */
function placesFor({ events }: Trace, question: Question): readonly number[] {
  const state = initialState();
  const flights = createFlights();
  const places: number[] = [];
  for (const [n, recorded] of events.entries()) {
    reduce(state, recorded.event);
    flights.note(recorded);
    if (flights.isIdle() && isLoaded(state) && isApplicable(question, state)) places.push(n + 1);
  }
  return places;
}

function isLoaded({ modules }: ReadState): boolean {
  return Object.values(modules).every((module) => module.state === 'live');
}

/** The place to begin with: the first, or where that is bad, the last good one between stimuli. */
async function firstGood(
  { events }: Trace,
  places: readonly number[],
  judge: (count: number) => Promise<Verdict>,
): Promise<number> {
  const [first = 0] = places;
  if ((await judge(first)) === 'good' || (await judge(places.at(-1) ?? first)) !== 'bad') return 0;
  const begins = new Set(
    events.flatMap(({ event }, n) => (event.type === 'task.started' ? [n] : [])),
  );
  const between = places.flatMap((count, i) => (begins.has(count) && i > 0 ? [i] : []));
  for (const i of between.reverse().slice(0, STARTS_MAX))
    if ((await judge(places[i] ?? first)) === 'good') return i;
  return 0;
}
