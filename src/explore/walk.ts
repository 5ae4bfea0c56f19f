/** One run of one stimulus, under a director that chooses every step and is told what it did. */
import { partsOf, type Rest } from '../engine/rest.ts';
import { createRun, type Run } from '../engine/run.ts';
import type { KernelSpec, Machine } from '../events/machine.ts';
import type { Stimulus } from '../events/stimulus.ts';
import { type Checker, createChecker } from '../invariants/checker.ts';
import { createFlights, type Flights } from '../invariants/flights.ts';
import type { Invariant, Violation } from '../invariants/invariant.ts';
import { READ, WRITE } from './footprint.ts';
import { createLocations, type Locations } from './locations.ts';
import { createRecorder, type Recorder } from './recorder.ts';
import { CUT, type Director, watchSteps } from './step-watch.ts';

/** What all walks of an exploration share. */
export interface Ground {
  readonly kernel: KernelSpec;
  readonly machine: Machine;
  readonly invariants: readonly Invariant[];
  readonly eventsMax: number;
  readonly locations: Locations;
  /** Tasks by who started them, as numbers. */
  readonly tasks: Map<string, number>;
}

/** Where a stimulus finds the system: what was given since a rest, and how that went. */
export interface Situation {
  /** Null for the system before anything happened. */
  readonly base: Rest | null;
  readonly since: readonly Stimulus[];
  readonly choices: readonly number[];
}

export interface Walk {
  readonly run: Run;
  /** Choices made since the rest that it began from. */
  readonly choices: readonly number[];
  readonly violations: readonly Violation[];
  /** The director ended it early. */
  readonly isCut: boolean;
}

export function createGround(
  { kernel, machine }: Pick<Ground, 'kernel' | 'machine'>,
  invariants: readonly Invariant[],
  eventsMax: number,
): Ground {
  return {
    ...{ kernel, machine, invariants, eventsMax },
    locations: createLocations(),
    tasks: new Map(),
  };
}

/** Walks one schedule. */
export function walk(
  ground: Ground,
  { base, since, choices }: Situation,
  stimulus: Stimulus,
  director: Director,
): Walk {
  const { kernel, machine, invariants, eventsMax, locations, tasks } = ground;
  const recorder = createRecorder(locations, partsOf(machine));
  const steps = watchSteps(locations, tasks, recorder, director);
  let checker: Checker | null = null;
  const run = createRun(
    { kernel, machine },
    {
      ...(base === null ? {} : { from: base }),
      choices,
      eventsMax,
      view: recorder.view,
      choose: steps.choose,
      watch: steps.watch,
      oracle: attemptsRecorded(recorder, locations),
      onEvent(recorded, index, state) {
        checker ??= createChecker(ground, state, invariants, recordedFlights(recorder, locations));
        checker.onEvent(recorded, index);
      },
    },
  );
  let isCut = false;
  try {
    for (const one of since) run.give(one);
    steps.begin();
    run.give(stimulus);
    steps.end();
  } catch (error) {
    if (error !== CUT) throw error;
    isCut = true;
  }
  const found: Checker | null = checker;
  return { run, choices: run.scheduler.choices, violations: violationsOf(found), isCut };
}

function violationsOf(checker: Checker | null): readonly Violation[] {
  return checker?.violations ?? [];
}

/** How often each driver was asked decides what it answers. */
function attemptsRecorded(recorder: Recorder, { named }: Locations) {
  const attempts = new Map<number, number>();
  return (dev: string, drv: string): null => {
    const location = named(`probes of ${dev} by ${drv}`);
    const before = attempts.get(location) ?? 0;
    attempts.set(location, before + 1);
    recorder.note(location, WRITE);
    recorder.learned(location, before);
    recorder.changed(location, before, before + 1);
    return null;
  };
}

/** What is under way, which the checker knows beside the state. */
function recordedFlights(recorder: Recorder, { named }: Locations): Flights {
  return createFlights({
    changed(what, before, after) {
      recorder.note(named(what), WRITE);
      recorder.changed(named(what), before, after);
    },
    looked: (what) => recorder.note(named(what), READ),
  });
}
