/** Runs with their invariants checked on the way, on the state that the run has anyway. */
import { createRun, followChoices, type Run, type RunOptions } from '../engine/run.ts';
import type { Inputs } from '../events/trace.ts';
import { INVARIANTS } from './all.ts';
import { type Checker, createChecker } from './checker.ts';
import type { Invariant, Violation } from './invariant.ts';

export interface CheckedRunOptions extends Pick<RunOptions, 'eventsMax' | 'onEvent'> {
  readonly invariants?: readonly Invariant[];
  /** Decides where the choices of the inputs end; the default schedule otherwise. */
  readonly choose?: RunOptions['choose'];
  /** Asked after each stimulus that broke something: true ends the run there. */
  readonly until?: (violations: readonly Violation[]) => boolean;
}

export interface CheckedRun {
  readonly run: Run;
  /** In the order of the events that broke them. */
  readonly violations: readonly Violation[];
}

/**
 * Gives a system its inputs and checks every event. Choices are followed as far as they fit, so that
 * inputs of which something was taken away still run.
 *
 * Cost: one run; nothing is folded twice.
 *
 * @throws ReprobeError TOO_LARGE for a run that does not end, UNKNOWN_NAME for a patch.
 */
export function runChecked(inputs: Inputs, options: CheckedRunOptions = {}): CheckedRun {
  const { invariants = INVARIANTS, choose, eventsMax, onEvent, until } = options;
  const { kernel, machine, stimuli, choices } = inputs;
  let checker: Checker | null = null;
  const run = createRun(
    { kernel, machine },
    {
      choose: followChoices(choices, choose),
      ...(eventsMax === undefined ? {} : { eventsMax }),
      onEvent(recorded, index, state) {
        checker ??= createChecker(inputs, state, invariants);
        checker.onEvent(recorded, index);
        onEvent?.(recorded, index, state);
      },
    },
  );
  const found = (): readonly Violation[] => checker?.violations ?? [];
  for (const stimulus of stimuli) {
    const before = found().length;
    run.give(stimulus);
    if (found().length > before && until?.(found()) === true) break;
  }
  return { run, violations: found() };
}
