/** What decides whether a run is good or bad. */
import { createRun, followChoices, type Run } from '../engine/run.ts';
import { ReprobeError } from '../error.ts';
import type { Stimulus } from '../events/stimulus.ts';
import type { Inputs } from '../events/trace.ts';
import { runChecked } from '../invariants/checked-run.ts';
import type { Invariant, Violation } from '../invariants/invariant.ts';
import type { ReadState } from '../model/state/state.ts';
import { forkRun } from './fork.ts';
import { type Answer, answerOf, machineFor, type Question } from './question.ts';
import type { Verdict } from './search.ts';
import type { When } from './when.ts';

export interface Judgement {
  readonly verdict: Verdict;
  /** What the run's paths asked their kernel about, as far as it was run: nothing else decides. */
  readonly asked: ReadonlySet<string>;
}

/** Runs inputs and says whether that was bad; `skip` where it cannot tell. `what` names them. */
export type Judge = (inputs: Inputs, what: string) => Promise<Judgement>;

/** Verdicts that were given before, and those that are given now. */
export interface Memory {
  /** The verdict on something that has been judged, or that of `ask`. */
  verdict(of: Inputs | number, what: string, ask: () => Promise<Verdict>): Promise<Verdict>;
}

/** Asks each time. */
export const NO_MEMORY: Memory = { verdict: (_of, _what, ask) => ask() };

/** Judges runs by what they violate: bad where one violation is such as is asked for. */
export function byViolation(
  isBad: (violation: Violation) => boolean,
  invariants?: readonly Invariant[],
  memory: Memory = NO_MEMORY,
): Judge {
  return judgeOf(memory, (inputs) => {
    const only = invariants === undefined ? {} : { invariants };
    const until = (found: readonly Violation[]) => found.some(isBad);
    const { run, violations } = runChecked(inputs, { ...only, until });
    return { run, verdict: async () => (violations.some(isBad) ? 'bad' : 'good') };
  });
}

/** Judges runs by an expression: bad where it is true of any state. */
export function byWhen(when: When, memory: Memory = NO_MEMORY): Judge {
  return judgeOf(memory, (inputs) => {
    let isBad = false;
    let stimulus: Stimulus | null = null;
    const run = runAlong(inputs, {
      onEvent(recorded, n, state) {
        if (recorded.event.type === 'task.started') stimulus = recorded.event.stimulus;
        isBad ||= when({ state, n, recorded, stimulus });
      },
    });
    return { run, verdict: async () => (isBad ? 'bad' : 'good') };
  });
}

/** Judges runs by a question asked at their end, on a fork. */
export function byQuestion(question: Question, memory: Memory = NO_MEMORY): Judge {
  return judgeOf(memory, (inputs) => {
    // The question is asked of a run of its own, so that what it asks about is not this run's.
    const run = runAlong(inputs, {});
    const fork = () =>
      forkRun(inputs, inputs.stimuli.length, (machine) => machineFor(question, machine));
    return { run, verdict: async () => verdictOfAnswer(answerOf(question, fork())) };
  });
}

/** Judges runs by a check of their last state. */
export function byCheck(
  check: (state: ReadState) => Promise<Verdict>,
  memory: Memory = NO_MEMORY,
): Judge {
  return judgeOf(memory, (inputs) => {
    const run = runAlong(inputs, {});
    return { run, verdict: () => check(run.state) };
  });
}

/** Yes is good, no is bad, and of what is not there nothing can be said. */
export function verdictOfAnswer({ kind }: Answer): Verdict {
  if (kind === 'absent') return 'skip';
  return kind === 'yes' ? 'good' : 'bad';
}

interface Ran {
  readonly run: Run;
  readonly verdict: () => Promise<Verdict>;
}

/** Inputs that cannot be run, such as steps without their devices, are not judged. */
function judgeOf(memory: Memory, runOf: (inputs: Inputs) => Ran): Judge {
  return async (inputs, what) => {
    try {
      const { run, verdict } = runOf(inputs);
      const asked = run.trace().asked ?? new Set();
      return { verdict: await memory.verdict(inputs, what, verdict), asked };
    } catch (error) {
      const isUnrunnable = error instanceof ReprobeError && UNRUNNABLE.includes(error.code);
      if (isUnrunnable) return { verdict: 'skip', asked: new Set() };
      throw error;
    }
  };
}

const UNRUNNABLE: readonly string[] = ['TOO_LARGE', 'BAD_MACHINE', 'UNKNOWN_NAME'];

function runAlong(
  { kernel, machine, stimuli, choices }: Inputs,
  options: Pick<Parameters<typeof createRun>[1] & object, 'onEvent'>,
): Run {
  const run = createRun({ kernel, machine }, { choose: followChoices(choices), ...options });
  for (const stimulus of stimuli) run.give(stimulus);
  return run;
}

/** Asks twice, and believes neither answer where they differ. */
export function repeated(judge: Judge): Judge {
  return async (inputs, what) => {
    const first = await judge(inputs, what);
    const second = await judge(inputs, `${what}, again`);
    return first.verdict === second.verdict ? first : { ...first, verdict: 'skip' };
  };
}

/** Counts what a judge is asked. */
export function counting(judge: Judge): { readonly judge: Judge; readonly count: () => number } {
  let count = 0;
  return {
    judge(inputs, what) {
      count += 1;
      return judge(inputs, what);
    },
    count: () => count,
  };
}
