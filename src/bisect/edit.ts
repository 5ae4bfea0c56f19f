/** Inputs with one step left out, put elsewhere or added. Steps count from 1, as in a scenario. */
import { createRun, followChoices, type System } from '../engine/run.ts';
import { describeStimulus, type Stimulus } from '../events/stimulus.ts';
import type { Inputs, Trace, TraceSource } from '../events/trace.ts';
import type { Expectation } from '../scenario/scenario.ts';

export type StepEdit =
  | { readonly kind: 'without'; readonly step: number }
  /** It is step `to` afterwards. */
  | { readonly kind: 'move'; readonly step: number; readonly to: number }
  /** It becomes that step; what was there comes after it. */
  | { readonly kind: 'add'; readonly step: number; readonly stimulus: Stimulus };

/** The edit in a few words: `without step 3, modprobe vfio`. */
export function describeEdit(edit: StepEdit, stimuli: readonly Stimulus[]): string {
  const { kind, step } = edit;
  const own = stimuli[step - 1];
  const did = own === undefined ? '' : `, ${describeStimulus(own)}`;
  switch (kind) {
    case 'without':
      return `without step ${step}${did}`;
    case 'move':
      return `step ${step} as step ${edit.to}${did}`;
    case 'add':
      return `new step ${step}, ${describeStimulus(edit.stimulus)}`;
  }
}

/** Which step, from 1, stands at each place afterwards; null for the new one. */
function orderAfter(edit: StepEdit | null, count: number): readonly (number | null)[] {
  const steps: (number | null)[] = Array.from({ length: count }, (_, i) => i + 1);
  if (edit === null) return steps;
  const at = edit.step - 1;
  if (edit.kind === 'add') steps.splice(at, 0, null);
  else {
    const taken = steps.splice(at, 1);
    if (edit.kind === 'move') steps.splice(edit.to - 1, 0, ...taken);
  }
  return steps;
}

/** A stimulus with the scheduler's choices that are made in it. */
export interface Step {
  readonly stimulus: Stimulus;
  readonly choices: readonly number[];
}

/** The inputs' choices by the step in which they are made. Cost: one run where there are any. */
export function stepsOf({ kernel, machine, stimuli, choices }: Inputs): readonly Step[] {
  if (choices.length === 0) return stimuli.map((stimulus) => ({ stimulus, choices }));
  const run = createRun({ kernel, machine }, { choose: followChoices(choices) });
  return stimuli.map((stimulus) => {
    const before = run.scheduler.choices.length;
    run.give(stimulus);
    return { stimulus, choices: run.scheduler.choices.slice(before) };
  });
}

/** The steps after the edit; a new one has the default schedule. */
export function editSteps(steps: readonly Step[], edit: StepEdit | null): readonly Step[] {
  return orderAfter(edit, steps.length).flatMap((step): readonly Step[] => {
    if (step !== null) return steps.slice(step - 1, step);
    return edit?.kind === 'add' ? [{ stimulus: edit.stimulus, choices: [] }] : [];
  });
}

/** Runs steps, each with its own choices as far as they fit. */
export function runSteps(
  system: System,
  steps: readonly Step[],
  source: TraceSource | null,
): Trace {
  let choose = followChoices([]);
  const run = createRun(system, { choose: (runnable) => choose(runnable) });
  for (const { stimulus, choices } of steps) {
    choose = followChoices(choices);
    run.give(stimulus);
  }
  return run.trace(source);
}

/**
 * The expectations with their steps counted anew. What is expected of a step that is not there any
 * more is left out.
 */
export function editExpectations<E extends Expectation>(
  expectations: readonly E[],
  edit: StepEdit | null,
  count: number,
): readonly E[] {
  if (edit === null) return expectations;
  const order = orderAfter(edit, count);
  return expectations.flatMap((one): E[] => {
    const old = stepOf(one);
    if (old === null) return [one];
    const at = order.indexOf(old);
    if (at < 0) return [];
    return ['after' in one ? { ...one, after: at + 1 } : { ...one, step: at + 1 }];
  });
}

function stepOf(expectation: Expectation): number | null {
  if ('after' in expectation) return expectation.after;
  return 'step' in expectation ? expectation.step : null;
}
