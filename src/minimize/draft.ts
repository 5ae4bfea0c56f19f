/** Inputs while they are being reduced: what only a run can tell stands in them by name. */
import type { KernelSpec, Machine } from '../events/machine.ts';
import type { Stimulus } from '../events/stimulus.ts';
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
  /** A device of the group that the stimulus names by number; null where it names none. */
  readonly groupOf: string | null;
}

/** Inputs that were never run: their groups are what their numbers say. */
export function draftOf({ kernel, machine, stimuli, choices }: Inputs): Draft {
  const steps = stimuli.map((stimulus) => ({ stimulus, groupOf: null }));
  return { kernel, machine, steps, schedule: { kind: 'choices', choices } };
}

/** The number of the group that a stimulus names; null where it names none. */
export function groupNamed(stimulus: Stimulus): string | null {
  if (stimulus.do === 'group_type') return String(stimulus.group);
  return stimulus.do === 'vfio' && /^\d+$/.test(stimulus.group) ? stimulus.group : null;
}

/** The same stimulus for another group. */
export function withGroup(stimulus: Stimulus, group: number): Stimulus {
  if (stimulus.do === 'group_type') return { ...stimulus, group };
  return stimulus.do === 'vfio' ? { ...stimulus, group: String(group) } : stimulus;
}
