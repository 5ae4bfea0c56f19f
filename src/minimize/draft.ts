/** Inputs while they are being reduced: what only a run can tell stands in them by name. */
import type { KernelSpec, Machine } from '../events/machine.ts';
import { type Single, type Stimulus, singlesOf } from '../events/stimulus.ts';
import type { Inputs } from '../events/trace.ts';
import type { Schedule } from './schedule.ts';

export interface Draft {
  readonly kernel: KernelSpec;
  readonly machine: Machine;
  readonly steps: readonly DraftStep[];
  readonly schedule: Schedule;
}

export interface DraftStep {
  readonly stimulus: Stimulus;
  /** For each thing that is done a device of the group that it names by number; null for none. */
  readonly groupOf: readonly (string | null)[];
}

/** Inputs that were never run: their groups are what their numbers say. */
export function draftOf({ kernel, machine, stimuli, choices }: Inputs): Draft {
  const steps = stimuli.map(draftStep);
  return { kernel, machine, steps, schedule: { kind: 'choices', choices } };
}

export function draftStep(stimulus: Stimulus): DraftStep {
  return { stimulus, groupOf: singlesOf(stimulus).map(() => null) };
}

/** The number of the group that is named; null for none. */
export function groupNamed(step: Single): string | null {
  if (step.do === 'group_type') return String(step.group);
  return step.do === 'vfio' && /^\d+$/.test(step.group) ? step.group : null;
}

/** The same for another group. */
export function withGroup<S extends Single>(step: S, group: number): S {
  if (step.do === 'group_type') return { ...step, group };
  return step.do === 'vfio' ? { ...step, group: String(group) } : step;
}

/** The stimulus with each thing that is done exchanged, or left out where that is null. */
export function withSingles(
  stimulus: Stimulus,
  exchange: <S extends Single>(step: S, at: number) => S | null,
): Stimulus | null {
  switch (stimulus.do) {
    case 'together': {
      const steps = stimulus.steps.flatMap((step, at) => exchange(step, at) ?? []);
      return steps.length === 0 ? null : { ...stimulus, steps };
    }
    case 'meanwhile': {
      const step = exchange(stimulus.step, 0);
      return step === null ? null : { ...stimulus, step };
    }
    default:
      return exchange(stimulus, 0);
  }
}
