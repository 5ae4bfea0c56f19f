/** Fewer inputs that still do something, for what has no invariant that minimising could go by. */
import type { Inputs } from '../events/trace.ts';

/**
 * Drops stimuli and choices as long as `still` holds, largest parts first.
 *
 * Cost: at most `limit` calls of `still`.
 */
export function shrink(inputs: Inputs, still: (inputs: Inputs) => boolean, limit = 300): Inputs {
  let left = limit;
  let best = inputs;
  const isBetter = (next: Inputs): boolean => {
    if (left <= 0) return false;
    left -= 1;
    if (!still(next)) return false;
    best = next;
    return true;
  };
  isBetter({ ...best, choices: [] });
  for (let size = best.stimuli.length; size >= 1; size >>= 1)
    for (let at = best.stimuli.length - size; at >= 0; at -= size)
      isBetter({ ...best, stimuli: best.stimuli.toSpliced(at, size) });
  for (let size = best.choices.length; size >= 1; size >>= 1)
    isBetter({ ...best, choices: best.choices.slice(0, best.choices.length - size) });
  return best;
}
