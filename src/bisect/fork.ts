/** Forks: a run that goes on from a state of another one, which does not notice. */
import { type History, stateAfter } from '../engine/history.ts';
import type { Rest } from '../engine/rest.ts';
import { createRun, followChoices, type Run } from '../engine/run.ts';
import type { Recorded } from '../events/event.ts';
import type { Machine } from '../events/machine.ts';
import type { Inputs, Trace } from '../events/trace.ts';

/** The machine of a fork, which may have more than that of the run. */
export type WithMachine = (machine: Machine) => Machine;

/**
 * A fork of the state after the first `count` events. Tasks that were under way are not in it, so
 * what they had locked is free; what they hold by the state, such as open files, is still theirs.
 *
 * Cost: a copy of the state, and the events since a checkpoint.
 */
export function forkState(
  { header: { kernel, machine } }: Trace,
  history: History,
  count: number,
  withMachine: WithMachine,
): Run {
  const before = history.events.slice(0, count);
  const given = before.filter(({ event }) => event.type === 'task.started').length;
  const rest: Rest = { state: stateAfter(history, count), given, attempts: attemptsIn(before) };
  const system = { kernel, machine: withMachine(machine) };
  return createRun(system, { from: rest, eventsMax: EVENTS_MAX });
}

/** A question is answered soon, or not at all. */
const EVENTS_MAX = 200_000;

/**
 * A fork of the run after its first `count` stimuli, with all its tasks: those that wait for
 * something wait on. Cost: a run of these stimuli.
 */
export function forkRun(inputs: Inputs, count: number, withMachine: WithMachine): Run {
  const { kernel, machine, choices } = inputs;
  const run = createRun(
    { kernel, machine: withMachine(machine) },
    { choose: followChoices(choices) },
  );
  for (const stimulus of inputs.stimuli.slice(0, count)) run.give(stimulus);
  return run;
}

/** How often each driver has been asked to probe each device. */
function attemptsIn(events: readonly Recorded[]): ReadonlyMap<string, number> {
  const had = new Map<string, number>();
  for (const { event } of events)
    if (event.type === 'driver.probed') {
      const key = `${event.drv} ${event.dev}`;
      had.set(key, (had.get(key) ?? 0) + 1);
    }
  return had;
}
