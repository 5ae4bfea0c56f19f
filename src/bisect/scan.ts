/** The exact scan: every state of a run is looked at, in one pass. */
import type { Stimulus } from '../events/stimulus.ts';
import type { Trace } from '../events/trace.ts';
import { reduce } from '../model/state/reduce.ts';
import { initialState } from '../model/state/state.ts';
import type { BisectOutcome } from './outcome.ts';
import { foundAt } from './search.ts';
import type { When } from './when.ts';

/**
 * The first event after which `isBad` is true where it was not before. A state that is bad from the
 * start counts once it was good in between.
 *
 * Cost: one pass; `isBad` is asked of each state once. `evaluations` counts them.
 */
export function scanStates({ events }: Pick<Trace, 'events'>, isBad: When): BisectOutcome {
  const state = initialState();
  let stimulus: Stimulus | null = null;
  let last = isBad({ state, n: -1, recorded: null, stimulus });
  const isBadFromStart = last;
  let wentGood: number | null = null;
  let first: number | null = null;
  let healed: number | null = null;
  for (const [n, recorded] of events.entries()) {
    reduce(state, recorded.event);
    if (recorded.event.type === 'task.started') stimulus = recorded.event.stimulus;
    const is = isBad({ state, n, recorded, stimulus });
    if (is === last) continue;
    if (is) first ??= n;
    else if (first === null) wentGood ??= n;
    else healed ??= n;
    last = is;
  }
  const evaluations = events.length + 1;
  if (first !== null) return { ...foundAt(first - 1, first), healed, evaluations };
  if (!isBadFromStart) return { kind: 'holds', invariants: 0, evaluations };
  if (wentGood === null) return { kind: 'badFromStart', evaluations };
  const reason = `it is bad before the first event and good from event ${wentGood} on: it healed`;
  return { kind: 'notMonotone', reason, evaluations };
}
