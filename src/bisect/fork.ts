/** Forks: a run that goes on from a state of another one, which does not notice. */
import { type History, stateAfter, thaw } from '../engine/history.ts';
import { createRun, followChoices, type Run } from '../engine/run.ts';
import type { Recorded } from '../events/event.ts';
import type { DriverSpec, Machine } from '../events/machine.ts';
import { emptyTable } from '../events/table.ts';
import type { Inputs, Trace } from '../events/trace.ts';
import type { State } from '../model/state/state.ts';

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
  const state: State = thawed(history, count);
  const left = machineLeft(machine, history.events.slice(0, count));
  return createRun({ kernel, machine: withMachine(left) }, { state, eventsMax: EVENTS_MAX });
}

/** A question is answered soon, or not at all. */
const EVENTS_MAX = 200_000;

function thawed(history: History, count: number): State {
  // A copy of its own: it is plain data, whatever its type says.
  return thaw(stateAfter(history, count)) as State;
}

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

/** The machine without the answers of its drivers' probes that the run has had. */
function machineLeft(machine: Machine, events: readonly Recorded[]): Machine {
  const had = new Map<string, number>();
  for (const { event } of events)
    if (event.type === 'driver.probed') {
      const key = `${event.drv} ${event.dev}`;
      had.set(key, (had.get(key) ?? 0) + 1);
    }
  const drivers = machine.drivers.map((driver): DriverSpec => {
    if (driver.outcomes === undefined) return driver;
    const outcomes = emptyTable<readonly number[]>();
    for (const [dev, listed] of Object.entries(driver.outcomes)) {
      const spent = had.get(`${driver.name} ${dev}`) ?? 0;
      // The last answer is for ever.
      outcomes[dev] = listed.slice(Math.min(spent, Math.max(0, listed.length - 1)));
    }
    return { ...driver, outcomes };
  });
  return { ...machine, drivers };
}
