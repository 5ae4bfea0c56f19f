/** Drafts from JSON: what was cut, renamed or sent elsewhere is a machine and stimuli again, or not. */
import { ReprobeError } from '../error.ts';
import { createInterner } from '../events/intern.ts';
import type { Machine } from '../events/machine.ts';
import { kernelShape, machineShape } from '../events/machine-shape.ts';
import { createReading, type Shape } from '../events/shape.ts';
import type { Stimulus } from '../events/stimulus.ts';
import { stimulusShape } from '../events/stimulus-shape.ts';
import type { Draft } from './draft.ts';

/** A value as JSON has it. */
export type Json = unknown;

/** Null for what is no machine. */
export const readMachine = (value: Json): Machine | null => readAs(machineShape, value);
/** Null for what is no stimulus. */
export const readStimulus = (value: Json): Stimulus | null => readAs(stimulusShape, value);

/** A draft that came through JSON or to another thread, whose tables have a prototype now. */
export function readDraft({ kernel, machine, steps, schedule }: Draft): Draft | null {
  const read = { kernel: readAs(kernelShape, kernel), machine: readMachine(machine) };
  const stimuli = steps.map((step) => ({ ...step, stimulus: readStimulus(step.stimulus) }));
  const known = stimuli.flatMap(({ stimulus, groupOf }) =>
    stimulus === null ? [] : [{ stimulus, groupOf }],
  );
  if (read.kernel === null || read.machine === null || known.length < steps.length) return null;
  return { kernel: read.kernel, machine: read.machine, steps: known, schedule };
}

function readAs<T>(shape: Shape<T>, value: Json): T | null {
  try {
    return shape.read(value, 'it', createReading(createInterner()));
  } catch (error) {
    if (error instanceof ReprobeError) return null;
    throw error;
  }
}
