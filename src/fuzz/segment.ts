/** Segments of a campaign: runs that share a corpus. */
import { withoutDefaults } from '../engine/run.ts';
import type { Inputs } from '../events/trace.ts';
import { runChecked } from '../invariants/checked-run.ts';
import type { Violation } from '../invariants/invariant.ts';
import { type Coverage, createCoverage } from './coverage.ts';
import { type Piece, type Plan, SEGMENT_RUNS } from './plan.ts';
import { createSource, type Drawn } from './source.ts';
import { type Cause, keyOfError, keyOfViolation, type Trouble } from './trouble.ts';

/** A run of a model that does not end is stopped here, and counts as an error of the model. */
export const EVENTS_MAX = 200_000;
/** So many inputs are kept; the oldest go first. */
const CORPUS_MAX = 64;

/** What showed in some of a segment's runs, with the first of them. */
export interface Sighting {
  readonly key: string;
  /** The number of the first run, in the campaign. */
  readonly run: number;
  /** In how many runs. */
  readonly seen: number;
  /** Absent where the key is closed: nobody will look at it. */
  readonly trouble?: Trouble;
}

export interface SegmentResult {
  readonly segment: number;
  /** Runs that were made, from the segment's first on. */
  readonly runs: number;
  readonly events: number;
  /** What was reached, in order. */
  readonly points: readonly string[];
  /** In the order of their first runs. */
  readonly sightings: readonly Sighting[];
}

export interface SegmentOptions {
  /** Keys of which no inputs are wanted any more. They change nothing but what is handed back. */
  readonly closed?: ReadonlySet<string>;
  /** Asked before each run but the first: true ends the segment there. */
  readonly stop?: () => boolean;
}

/**
 * Makes the runs of a piece. The first `n` runs are the same however many follow them.
 *
 * Run i takes fresh inputs, or a variation of inputs that reached something new earlier in its segment.
 */
export function runSegment(
  plan: Plan,
  { segment, runs }: Piece,
  { closed, stop = () => false }: SegmentOptions = {},
): SegmentResult {
  const source = createSource(plan);
  const coverage = createCoverage();
  const corpus: Inputs[] = [];
  const found = new Map<string, { run: number; seen: number; trouble?: Trouble }>();
  const first = segment * SEGMENT_RUNS;
  let events = 0;
  let made = 0;
  while (made < runs && (made === 0 || !stop())) {
    const run = first + made;
    const before = coverage.points.size;
    const one = runOnce(source(run, corpus), coverage);
    made += 1;
    events += one.events;
    if (coverage.points.size > before) keep(corpus, one.inputs);
    for (const [key, cause] of firstOfEach(one.causes)) {
      const known = found.get(key);
      if (known !== undefined) known.seen += 1;
      else if (closed?.has(key) === true) found.set(key, { run, seen: 1 });
      else found.set(key, { run, seen: 1, trouble: { key, inputs: one.inputs, cause } });
    }
  }
  const sightings = [...found].map(([key, sighting]) => ({ key, ...sighting }));
  return { segment, runs: made, events, points: [...coverage.points], sightings };
}

function firstOfEach(causes: OneRun['causes']): ReadonlyMap<string, Cause> {
  return new Map(causes.toReversed());
}

function keep(corpus: Inputs[], inputs: Inputs): void {
  corpus.push(inputs);
  if (corpus.length > CORPUS_MAX) corpus.shift();
}

/** What one run was given and what it showed. */
interface OneRun {
  /** With the choices that were made. */
  readonly inputs: Inputs;
  readonly events: number;
  /** In the order in which they showed, with keys that may come again. */
  readonly causes: readonly (readonly [key: string, cause: Cause])[];
}

function runOnce({ inputs, choose }: Drawn, coverage: Coverage): OneRun {
  const choices: number[] = [];
  const watch = coverage.watchRun();
  let events = 0;
  let causes: OneRun['causes'];
  try {
    const { violations } = runChecked(
      { ...inputs, choices: [] },
      {
        eventsMax: EVENTS_MAX,
        choose(runnable) {
          const choice = choose(runnable);
          choices.push(choice);
          return choice;
        },
        onEvent(recorded, index, state) {
          events = index + 1;
          watch(recorded, state);
        },
      },
    );
    causes = violations.map((one) => causeOf(one, inputs));
  } catch (error) {
    const message = error instanceof Error ? error.message : String(error);
    causes = [[keyOfError(message), { kind: 'model error', message }]];
  }
  return { inputs: { ...inputs, choices: withoutDefaults(choices) }, events, causes };
}

function causeOf(violation: Violation, { machine }: Inputs): OneRun['causes'][number] {
  const { invariant, subject } = violation;
  return [keyOfViolation(violation, machine), { kind: 'violation', invariant, subject }];
}
