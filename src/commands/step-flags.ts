import { Flags } from '@oclif/core';
import type { StepEdit } from '../bisect/edit.ts';
import { ReprobeError } from '../error.ts';
import type { Machine } from '../events/machine.ts';
import type { Stimulus } from '../events/stimulus.ts';
import { parseAction } from '../import/action.ts';
import { parseStep } from '../scenario/parse.ts';

/** Flags that edit the steps of a source; steps count from 1. */
export const stepFlags = {
  'without-step': Flags.string({
    description: 'leave this step out; all for each of them in turn',
    helpValue: 'N|all',
    multiple: true,
    multipleNonGreedy: true,
  }),
  'move-step': Flags.string({
    description: 'step N becomes step M',
    helpValue: 'N:M',
    multiple: true,
    multipleNonGreedy: true,
  }),
  'add-step': Flags.string({
    description:
      'a new step N, as a shell command or as in a scenario: what was there comes after it',
    helpValue: 'N:STEP',
    multiple: true,
    multipleNonGreedy: true,
  }),
};

/** These flags as they were typed. */
export interface StepFlags {
  readonly 'without-step'?: readonly string[] | undefined;
  readonly 'move-step'?: readonly string[] | undefined;
  readonly 'add-step'?: readonly string[] | undefined;
}

export function hasStepFlags(flags: StepFlags): boolean {
  return Object.keys(stepFlags).some((name) => name in flags);
}

/**
 * The edits that the flags ask for of a source with so many steps, in the order of the flags.
 *
 * @throws ReprobeError USAGE for a step that there is not, or text that is none; BAD_SCENARIO for a
 * step that says something a step cannot say.
 */
export function readEdits(
  flags: StepFlags,
  steps: readonly Stimulus[],
  machine: Machine,
): readonly StepEdit[] {
  const count = steps.length;
  const without = (flags['without-step'] ?? []).flatMap((given) =>
    given === 'all' ? steps.map((_, i) => i + 1) : [numberOf(given, count, '--without-step')],
  );
  const moved = (flags['move-step'] ?? []).map((given): StepEdit => {
    const [step, to] = halves(given, '--move-step', '4:2');
    return {
      kind: 'move',
      step: numberOf(step, count, '--move-step'),
      to: numberOf(to, count, '--move-step'),
    };
  });
  const added = (flags['add-step'] ?? []).map((given): StepEdit => {
    const [step, text] = halves(given, '--add-step', "2:'modprobe vfio-pci'");
    return {
      kind: 'add',
      step: numberOf(step, count + 1, '--add-step'),
      stimulus: stepNamed(text, machine),
    };
  });
  return [...without.map((step): StepEdit => ({ kind: 'without', step })), ...moved, ...added];
}

function numberOf(given: string, count: number, flag: string): number {
  const step = /^\d{1,9}$/.test(given) ? Number(given) : 0;
  if (step >= 1 && step <= count) return step;
  throw new ReprobeError('USAGE', `${flag}: there is no step '${given}'.`, {
    hint: `the source has ${count} steps, which count from 1`,
  });
}

function halves(given: string, flag: string, example: string): readonly [string, string] {
  const at = given.indexOf(':');
  if (at > 0 && at < given.length - 1) return [given.slice(0, at), given.slice(at + 1)];
  throw new ReprobeError(
    'USAGE',
    `${flag} takes two things with a colon between, not '${given}'.`,
    {
      hint: `for example ${flag} ${example}`,
    },
  );
}

/** A shell command that the model knows, else a step as a scenario has it. */
function stepNamed(text: string, machine: Machine): Stimulus {
  const stimulus = parseAction(text);
  return stimulus.do === 'note' ? parseStep(text, '--add-step', machine) : stimulus;
}
