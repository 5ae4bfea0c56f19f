/** Model errors, reduced: minimising goes by an invariant, and they break none. */
import type { Inputs } from '../events/trace.ts';
import { runChecked } from '../invariants/checked-run.ts';
import { hash64 } from '../minimize/hash.ts';
import { EVENTS_MAX } from './segment.ts';
import { plainMessage } from './trouble.ts';

const CALLS_MAX = 300;

/** The fewest steps and choices with which the model breaks in the same words. */
export function reduceError(
  inputs: Inputs,
  message: string,
): { readonly inputs: Inputs; readonly signature: string } {
  const plain = plainMessage(message);
  const breaks = (one: Inputs): boolean => {
    try {
      runChecked(one, { eventsMax: EVENTS_MAX });
      return false;
    } catch (error) {
      return plainMessage(error instanceof Error ? error.message : String(error)) === plain;
    }
  };
  return { inputs: shrink(inputs, breaks), signature: `model error ${hash64(plain)}` };
}

/** Drops steps and choices as long as `still` holds, largest parts first. */
function shrink(inputs: Inputs, still: (inputs: Inputs) => boolean): Inputs {
  let left = CALLS_MAX;
  let best = inputs;
  const keepIf = (next: Inputs): void => {
    left -= 1;
    if (left >= 0 && still(next)) best = next;
  };
  keepIf({ ...best, choices: [] });
  for (let size = best.stimuli.length; size >= 1; size >>= 1)
    for (let at = best.stimuli.length - size; at >= 0; at -= size)
      keepIf({ ...best, stimuli: best.stimuli.toSpliced(at, size) });
  for (let size = best.choices.length; size >= 1; size >>= 1)
    keepIf({ ...best, choices: best.choices.slice(0, best.choices.length - size) });
  return best;
}
