/** The replay of a log: the boot, then what the log shows was done, guided by its lines. */
import { createRun, type Run } from '../engine/run.ts';
import { NO_LINE } from '../events/disagreement.ts';
import type { KernelSpec, Machine } from '../events/machine.ts';
import { describeStimulus, type Stimulus } from '../events/stimulus.ts';
import type { Trace } from '../events/trace.ts';
import { driverSeen, type Evidence, type SeenPlug } from './evidence.ts';
import { createFaultReplay, type FaultReplay, type LoggedFault } from './fault-replay.ts';
import { followListing } from './follow-listing.ts';
import { createGuide, type Divergence, type Guide } from './guide.ts';
import { plugStimulus } from './infer-plugs.ts';
import { explanationOf, followLog, forgetGone, loadingOf } from './infer-stimuli.ts';
import { keyOfLine, marksOfLog } from './log-marks.ts';
import { type Meeting, meetListing } from './meet-listing.ts';
import { createCallRecorder, type ModelCall } from './model-calls.ts';
import { byPlace, type Moment } from './moment.ts';
import type { Observation } from './observation.ts';
import { loggedOutcomes } from './probe-outcomes.ts';
import { shownLine } from './record.ts';
import { refusedDma } from './refused-dma.ts';
import { type ScheduleGuide, searchSchedule } from './schedule.ts';

/** A user action with the place where the log has it. */
export interface LoggedAction {
  readonly observation: Observation;
  readonly stimulus: Stimulus;
  /** The log does not show it: it was done before that observation. */
  readonly isUnlogged?: boolean;
}

/** What a replay is made from. */
export interface ReplayInputs {
  readonly machine: Machine;
  readonly kernel: KernelSpec;
  readonly observations: readonly Observation[];
  readonly evidence: Evidence;
  readonly actions: readonly LoggedAction[];
  /** What other files show, in their order. */
  readonly moments: readonly Moment[];
  /** The machine was given: what its drivers' probes return is known better than the log tells it. */
  readonly isGiven: boolean;
  /** A trace is beside the log, for which calls are recorded. */
  readonly isWatched: boolean;
}

/** What came of a moment. */
export interface MetMoment extends Meeting {
  readonly moment: Moment;
  /** What was done, unseen by the log, for the run to come there. */
  readonly assumed: readonly Stimulus[];
}

export interface Replay {
  readonly run: Run;
  /** The trace of the run with the answers that the log gave for its drivers in the machine. */
  readonly learnt: (trace: Trace) => Trace;
  readonly guide: Guide;
  /** First lines of modular drivers, those still ahead. */
  readonly sightings: Observation[];
  /** Devices that the log put into another group than the model. */
  readonly moved: Set<string>;
  readonly divergences: Divergence[];
  readonly faults: readonly LoggedFault[];
  readonly met: MetMoment[];
  /** Calls of the functions that a trace can watch, where one did. */
  readonly calls: readonly ModelCall[];
}

/** A replay that goes on. */
interface Progress extends Omit<Replay, 'learnt' | 'faults' | 'calls'> {
  readonly faults: FaultReplay;
  /** What was assumed and did not come back. */
  readonly stuck: Set<string>;
}

/** How often a schedule is looked for that the log contradicts less. */
const ROUNDS = 3;

/**
 * The replay under the default schedule, or, where drivers probe beside each other, under one that the
 * order of the log's lines suggests and that the log contradicts less. Cost: one replay, and up to
 * three more for a log with asynchronous probes that contradicts the first.
 */
export function bestReplay(inputs: ReplayInputs): Replay {
  const { machine, kernel, actions } = inputs;
  const first = replay(inputs, null);
  const isAsync = machine.drivers.some(({ probe_type }) => probe_type === 'async');
  const asked = [kernel.cmdline, ...actions.map(({ stimulus }) => paramsOf(stimulus))];
  if (!isAsync && !asked.some((text) => text.includes('async_probe'))) return first;
  const lines = actions.map(({ observation }) => observation.record.line);
  return searchSchedule(first, {
    marks: marksOfLog(inputs.observations, lines),
    keyOfPause: keyOfLine,
    rounds: ROUNDS,
    attempt: (schedule) => replay(inputs, schedule),
    cost: ({ divergences, met }) =>
      met.reduce((sum, { differs }) => sum + differs.length, divergences.length),
    choices: ({ run }) => run.scheduler.choices.length,
  });
}

/** The parameters with which an action loads a module. */
const paramsOf = (stimulus: Stimulus): string => ('params' in stimulus ? stimulus.params : '');

/** Boots the machine, then goes through the log: actions are done, unexplained lines explained. */
function replay(
  { machine, kernel, observations, evidence, actions, moments, isGiven, isWatched }: ReplayInputs,
  schedule: ScheduleGuide | null,
): Replay {
  const guide = createGuide(observations);
  const by = schedule === null ? {} : { choose: schedule.choose, onEvent: schedule.onEvent };
  const recorder = isWatched ? createCallRecorder({ holds: false }) : null;
  const refused = refusedDma(observations);
  const outcomes = isGiven ? null : loggedOutcomes(observations, actions);
  const bare = createRun(
    { machine, kernel },
    {
      ...by,
      label: guide.label,
      ...(recorder === null ? {} : { probe: recorder.probe }),
      ...(outcomes === null ? {} : { oracle: outcomes.answer }),
      ...(refused.length === 0 ? {} : { interrupt: (line) => faults.beforeLine(line) }),
    },
  );
  recorder?.attach(bare.state);
  const moved = new Set<string>();
  const give: Run['give'] = (stimulus) => {
    const end = bare.give(stimulus);
    forgetGone(bare, moved);
    return end;
  };
  const run: Run = { ...bare, give };
  const sightings = [...firstSightings(observations, machine)];
  const found = { run, guide, moved, divergences: [] };
  const faults = createFaultReplay(refused, found);
  const replay: Progress = { ...found, faults, sightings, met: [], stuck: new Set() };
  const horizons = horizonsOf(actions);
  guide.horizon = actions[0]?.observation.record.line ?? Number.POSITIVE_INFINITY;
  run.give({ do: 'boot' });
  // Where the log begins later, it has not the lines of the boot.
  if (!hasHead(evidence)) guide.takeUnobserved();
  if (evidence.userspaceLine !== null) settle(replay, evidence.userspaceLine);
  let begun = 0;
  for (const happening of inOrder([...moments, ...actions, ...evidence.plugs])) {
    settle(replay, lineOf(happening));
    if ('before' in happening) {
      meetMoment(replay, happening);
      continue;
    }
    guide.moveTo(happening.observation);
    if ('port' in happening) {
      const stimulus = plugStimulus(happening, machine.devices);
      if (stimulus !== null) run.give(stimulus);
      continue;
    }
    guide.horizon = horizons[begun] ?? Number.POSITIVE_INFINITY;
    begun += 1;
    outcomes?.begin(begun);
    schedule?.begin(begun);
    guide.assuming = happening.isUnlogged === true;
    run.give(happening.stimulus);
    guide.assuming = false;
  }
  settle(replay, Number.POSITIVE_INFINITY);
  const calls = recorder?.calls ?? [];
  return { ...replay, faults: faults.faults, calls, learnt: outcomes?.learnt ?? same };
}

/** From which line on each action has no lines: that of the next one, but for what is done with it. */
function horizonsOf(actions: readonly LoggedAction[]): readonly number[] {
  return actions.map(({ observation: { record } }, i) => {
    const next = actions
      .slice(i + 1)
      .find((other) => other.isUnlogged !== true || other.observation.record.line > record.line);
    return next?.observation.record.line ?? Number.POSITIVE_INFINITY;
  });
}

const same = (trace: Trace): Trace => trace;

/** Does the log have the beginning of its boot? */
const hasHead = ({ release, cmdline }: Evidence): boolean => release !== null || cmdline !== null;

/** What a log or a file beside it tells was done, or shows to be so. */
type Happening = Moment | LoggedAction | SeenPlug;

const lineOf = (happening: Happening): number =>
  'before' in happening ? happening.before : happening.observation.record.line;

function inOrder(happenings: Happening[]): readonly Happening[] {
  return happenings.sort((a, b) => byPlace(lineOf(a), lineOf(b)));
}

/** A file shows the system at this moment: what the log did not say is made up for, and the rest compared. */
function meetMoment(replay: Progress, moment: Moment): void {
  const { run, guide, met } = replay;
  guide.assuming = true;
  const assumed = followListing(run, moment.snapshot, moment.deferred);
  guide.assuming = false;
  // What is done behind the end of the log prints lines that it cannot have.
  if (moment.before === Number.POSITIVE_INFINITY) guide.takeUnobserved();
  settle(replay, moment.before);
  met.push({ moment, assumed, ...meetListing(run, moment) });
}

/** The first line of each driver that the machine has as a module, in the log's order. */
function firstSightings(
  observations: readonly Observation[],
  { drivers }: Machine,
): readonly Observation[] {
  const ahead = new Set(drivers.filter(({ module }) => module !== null).map(({ name }) => name));
  return observations.filter((observation) => {
    const drv = observation.dev === null ? null : driverSeen(observation);
    return drv !== null && ahead.delete(drv);
  });
}

/** Explains what the log shows before line `before` and the model has not printed. */
function settle(progress: Progress, before: number): void {
  const { run, guide, sightings, moved, divergences, faults } = progress;
  const next = sightings.findIndex(({ record }) => record.line >= before);
  const seen = new Set(sightings.splice(0, next < 0 ? sightings.length : next));
  const lines = [...seen, ...guide.unmatched(before)];
  lines.sort((a, b) => a.record.line - b.record.line);
  for (const observation of lines) {
    faults.catchUp(observation.record.line);
    if (seen.delete(observation)) {
      guide.assuming = true;
      const stimuli = loadingOf(observation, run);
      if (stimuli.length > 0) guide.moveTo(observation);
      for (const stimulus of stimuli) assume(progress, stimulus);
      guide.assuming = false;
    }
    if (!guide.isUnmatched(observation)) continue;
    guide.moveTo(observation);
    guide.assuming = true;
    for (const stimulus of explanationOf(observation, run)) assume(progress, stimulus);
    if (guide.isUnmatched(observation)) {
      divergences.push(contradiction(observation, run));
      guide.explain(observation);
      guide.following = observation;
      followLog(observation, run);
      guide.following = null;
      if (observation.kind === 'iommu.group.added') moved.add(observation.dev ?? '');
    }
    guide.assuming = false;
  }
  faults.catchUp(before);
  for (const { text, event } of guide.takeUnobserved()) {
    const line = run.scheduler.events[event]?.line ?? null;
    if (line !== null) divergences.push({ line, expected: text, observed: NO_LINE, event });
  }
}

/** Does what the log does not show; not again what never came back. */
function assume({ run, stuck }: Progress, stimulus: Stimulus): void {
  const key = describeStimulus(stimulus);
  if (stuck.has(key)) return;
  if (run.give(stimulus).kind !== 'returned') stuck.add(key);
}

function contradiction({ record }: Observation, run: Run): Divergence {
  return {
    line: shownLine(record),
    expected: NO_LINE,
    observed: record.text,
    event: run.scheduler.events.length,
  };
}
