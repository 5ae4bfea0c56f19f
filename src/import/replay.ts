/** The replay of a log: the boot, then what the log shows was done, guided by its lines. */
import { createRun, type Run } from '../engine/run.ts';
import { NO_LINE } from '../events/disagreement.ts';
import type { KernelSpec, Machine } from '../events/machine.ts';
import type { DmaStimulus, Stimulus } from '../events/stimulus.ts';
import { driverSeen, type Evidence, type SeenPlug } from './evidence.ts';
import { followListing } from './follow-listing.ts';
import { createGuide, type Divergence, type Guide } from './guide.ts';
import { plugStimulus } from './infer-plugs.ts';
import { explanationOf, followLog, forgetGone, loadingOf } from './infer-stimuli.ts';
import { keyOfLine, marksOfLog } from './log-marks.ts';
import { type Meeting, meetListing } from './meet-listing.ts';
import { createCallRecorder, type ModelCall } from './model-calls.ts';
import { byPlace, type Moment } from './moment.ts';
import type { Observation } from './observation.ts';
import { shownLine } from './record.ts';
import { dmaStimuli, type RefusedDma, refusedDma } from './refused-dma.ts';
import { type ScheduleGuide, searchSchedule } from './schedule.ts';

/** A user action with the place where the log has it. */
export interface LoggedAction {
  readonly observation: Observation;
  readonly stimulus: Stimulus;
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
  /** Calls of functions were recorded, to be compared with those of the replay. */
  readonly isTraced: boolean;
}

/** What came of a moment. */
export interface MetMoment extends Meeting {
  readonly moment: Moment;
  /** What was done, unseen by the log, for the run to come there. */
  readonly assumed: readonly Stimulus[];
}

export interface Replay {
  readonly run: Run;
  readonly guide: Guide;
  /** First lines of modular drivers, those still ahead. */
  readonly sightings: Observation[];
  /** Devices that the log put into another group than the model. */
  readonly moved: Set<string>;
  readonly divergences: Divergence[];
  readonly faults: LoggedFault[];
  readonly met: MetMoment[];
  /** Calls of the functions that a trace can watch, where one did. */
  readonly calls: readonly ModelCall[];
}

/** DMA that the log says was refused. */
export interface LoggedFault {
  readonly dma: RefusedDma;
  /** Who did it; null where no device speaks to an IOMMU like that. */
  readonly dev: string | null;
  /** It is in the run. */
  readonly isReplayed: boolean;
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
  { machine, kernel, observations, evidence, actions, moments, isTraced }: ReplayInputs,
  schedule: ScheduleGuide | null,
): Replay {
  const guide = createGuide(observations);
  const by = schedule === null ? {} : { choose: schedule.choose, onEvent: schedule.onEvent };
  const recorder = createCallRecorder({ holds: false });
  const watched = isTraced ? { probe: recorder.probe } : {};
  const bare = createRun({ machine, kernel }, { label: guide.label, ...watched, ...by });
  recorder.attach(bare.state);
  const moved = new Set<string>();
  const give: Run['give'] = (stimulus) => {
    const end = bare.give(stimulus);
    forgetGone(bare, moved);
    return end;
  };
  const run: Run = { ...bare, give };
  const sightings = [...firstSightings(observations, machine)];
  const found = { moved, divergences: [], faults: [], met: [] };
  const replay: Replay = { run, guide, sightings, ...found, calls: recorder.calls };
  run.give({ do: 'boot' });
  if (evidence.userspaceLine !== null) settle(replay, evidence.userspaceLine);
  const happenings = [...moments, ...actions, ...evidence.plugs, ...refusedDma(observations)];
  const lineOf = (happening: Moment | LoggedAction | SeenPlug | RefusedDma) =>
    'before' in happening ? happening.before : happening.observation.record.line;
  happenings.sort((a, b) => byPlace(lineOf(a), lineOf(b)));
  const stimulusOf = dmaStimuli(run.kernel);
  let begun = 0;
  for (const happening of happenings) {
    settle(replay, lineOf(happening));
    if ('before' in happening) {
      meetMoment(replay, happening);
      continue;
    }
    guide.moveTo(happening.observation);
    if ('stimulus' in happening) {
      begun += 1;
      schedule?.begin(begun);
      run.give(happening.stimulus);
    } else if ('port' in happening) {
      const stimulus = plugStimulus(happening, machine.devices);
      if (stimulus !== null) run.give(stimulus);
    } else meetIommu(replay, happening, stimulusOf(happening));
  }
  settle(replay, Number.POSITIVE_INFINITY);
  return replay;
}

/** A file shows the system at this moment: what the log did not say is made up for, and the rest compared. */
function meetMoment(replay: Replay, moment: Moment): void {
  const { run, guide, met } = replay;
  guide.assuming = true;
  const assumed = followListing(run, moment.snapshot, moment.deferred);
  guide.assuming = false;
  // What is done behind the end of the log prints lines that it cannot have.
  if (moment.before === Number.POSITIVE_INFINITY) guide.takeUnobserved();
  settle(replay, moment.before);
  met.push({ moment, assumed, ...meetListing(run, moment) });
}

/**
 * A device did DMA that its IOMMU refused: the model's should refuse it as well. Of a device that is not in
 * the group where the model has it, nothing can be said.
 */
function meetIommu(
  { run, moved, divergences, faults }: Replay,
  dma: RefusedDma,
  stimulus: DmaStimulus | null,
): void {
  const isReplayed = stimulus !== null && !moved.has(stimulus.dev);
  faults.push({ dma, dev: stimulus?.dev ?? dma.dev, isReplayed });
  if (!isReplayed) return;
  run.give(stimulus);
  const last = run.state.last_dma[stimulus.dev];
  if (last === undefined || last.result === 'faulted') return;
  const { text } = dma.observation.record;
  const line = shownLine(dma.observation.record);
  const addr = `0x${dma.addr.toString(16)}`;
  const expected = `DMA of ${stimulus.dev} at ${addr} ${last.result}`;
  const event = run.scheduler.events.length;
  divergences.push({ line, expected, observed: text, event });
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
function settle({ run, guide, sightings, moved, divergences }: Replay, before: number): void {
  const next = sightings.findIndex(({ record }) => record.line >= before);
  const seen = new Set(sightings.splice(0, next < 0 ? sightings.length : next));
  const lines = [...seen, ...guide.unmatched(before)];
  lines.sort((a, b) => a.record.line - b.record.line);
  for (const observation of lines) {
    if (seen.delete(observation)) {
      guide.assuming = true;
      const stimuli = loadingOf(observation, run);
      if (stimuli.length > 0) guide.moveTo(observation);
      for (const stimulus of stimuli) run.give(stimulus);
      guide.assuming = false;
    }
    if (!guide.isUnmatched(observation)) continue;
    guide.moveTo(observation);
    guide.assuming = true;
    for (const stimulus of explanationOf(observation, run)) run.give(stimulus);
    if (guide.isUnmatched(observation)) {
      divergences.push(contradiction(observation, run));
      guide.explain(observation);
      followLog(observation, run);
      if (observation.kind === 'iommu.group.added') moved.add(observation.dev ?? '');
    }
    guide.assuming = false;
  }
  for (const { text, event } of guide.takeUnobserved()) {
    const line = run.scheduler.events[event]?.line ?? null;
    if (line !== null) divergences.push({ line, expected: text, observed: NO_LINE, event });
  }
}

function contradiction({ record }: Observation, run: Run): Divergence {
  return {
    line: shownLine(record),
    expected: NO_LINE,
    observed: record.text,
    event: run.scheduler.events.length,
  };
}
