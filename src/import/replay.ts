/** A machine boots under the emulator along the lines of a log. */

import { createRun, type Run } from '../engine/run.ts';
import { NO_LINE } from '../events/disagreement.ts';
import type { KernelSpec, Machine } from '../events/machine.ts';
import type { Stimulus } from '../events/stimulus.ts';
import { driverSeen, type Evidence } from './evidence.ts';
import { createGuide, type Divergence, type Guide } from './guide.ts';
import { faultedDma, letPass } from './infer-faults.ts';
import { explanationOf, followLog, loadingOf } from './infer-stimuli.ts';
import { keyOfLine, marksOfLog } from './log-marks.ts';
import type { Observation } from './observation.ts';
import { type ScheduleGuide, searchSchedule } from './schedule.ts';

/** A user action with the place where the log has it. */
export interface LoggedAction {
  readonly observation: Observation;
  readonly stimulus: Stimulus;
}

/** What a replay is made from. */
export interface Inputs {
  readonly machine: Machine;
  readonly kernel: KernelSpec;
  readonly observations: readonly Observation[];
  readonly evidence: Evidence;
  readonly actions: readonly LoggedAction[];
}

export interface Replay {
  readonly run: Run;
  readonly guide: Guide;
  /** First lines of modular drivers, those still ahead. */
  readonly sightings: Observation[];
  /** Faults that IOMMUs reported, those still ahead. */
  readonly faults: Observation[];
  /** Devices that the log put into another group than the model. */
  readonly moved: Set<string>;
  readonly divergences: Divergence[];
}

/** How often a schedule is looked for that the log contradicts less. */
const ROUNDS = 3;

/**
 * The replay under the default schedule, or, where drivers probe beside each other, under one that the
 * order of the log's lines suggests and that the log contradicts less. Cost: one replay, and up to
 * three more for a log with asynchronous probes that contradicts the first.
 */
export function bestReplay(inputs: Inputs): Replay {
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
    cost: ({ divergences }) => divergences.length,
    choices: ({ run }) => run.scheduler.choices.length,
  });
}

/** The parameters with which an action loads a module. */
const paramsOf = (stimulus: Stimulus): string => ('params' in stimulus ? stimulus.params : '');

/** Boots the machine, then goes through the log: actions are done, unexplained lines explained. */
function replay(
  { machine, kernel, observations, evidence, actions }: Inputs,
  schedule: ScheduleGuide | null,
): Replay {
  const guide = createGuide(observations);
  const by = schedule === null ? {} : { choose: schedule.choose, onEvent: schedule.onEvent };
  const run = createRun({ machine, kernel }, { label: guide.label, ...by });
  const sightings = [...firstSightings(observations, machine)];
  const faults = observations.filter(({ kind }) => kind === 'iommu.fault');
  const replay: Replay = { run, guide, sightings, faults, moved: new Set(), divergences: [] };
  run.give({ do: 'boot' });
  const end = Number.POSITIVE_INFINITY;
  if (evidence.userspaceLine !== null) settle(replay, evidence.userspaceLine);
  settle(replay, actions[0]?.observation.record.line ?? end);
  for (const [i, { observation, stimulus }] of actions.entries()) {
    guide.moveTo(observation);
    schedule?.begin(i + 1);
    run.give(stimulus);
    settle(replay, actions[i + 1]?.observation.record.line ?? end);
  }
  return replay;
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
function settle(replay: Replay, before: number): void {
  const { run, guide, sightings, divergences } = replay;
  const seen = new Set(takeBefore(sightings, before));
  const faults = new Set(takeBefore(replay.faults, before));
  const lines = [...seen, ...faults, ...guide.unmatched(before)];
  lines.sort((a, b) => a.record.line - b.record.line);
  for (const observation of lines) {
    if (faults.delete(observation)) {
      settleFault(replay, observation);
      continue;
    }
    if (seen.delete(observation)) {
      guide.assuming = true;
      const stimuli = loadingOf(observation, run);
      if (stimuli.length > 0) guide.moveTo(observation);
      for (const stimulus of stimuli) run.give(stimulus);
      guide.assuming = false;
    }
    if (!guide.unmatched(before).includes(observation)) continue;
    guide.moveTo(observation);
    guide.assuming = true;
    for (const stimulus of explanationOf(observation, run)) run.give(stimulus);
    if (guide.unmatched(before).includes(observation)) overrule(replay, observation);
    guide.assuming = false;
  }
  for (const { text, event } of guide.takeUnobserved()) {
    const line = run.scheduler.events[event]?.line ?? null;
    if (line !== null) divergences.push({ line, expected: text, observed: NO_LINE, event });
  }
}

/** The observations before the line, which are ahead no more. */
function takeBefore(ahead: Observation[], before: number): readonly Observation[] {
  const next = ahead.findIndex(({ record }) => record.line >= before);
  return ahead.splice(0, next < 0 ? ahead.length : next);
}

/**
 * A fault that the model has not foretold: the device does what the line says, and the model says what
 * becomes of that. Where it lets the device pass it contradicts the log. Of a device that is not in the group
 * where the model has it, nothing can be said.
 */
function settleFault(replay: Replay, observation: Observation): void {
  const { run, guide } = replay;
  if (!guide.isWaiting(observation)) return;
  const stimulus = faultedDma(observation, run);
  if (stimulus === null || replay.moved.has(stimulus.dev)) return;
  guide.about = observation;
  guide.assuming = true;
  run.give(stimulus);
  if (guide.isWaiting(observation) && letPass(stimulus, run)) overrule(replay, observation);
  else guide.explain(observation);
  guide.assuming = false;
  guide.about = null;
}

/** The log is right and the model is not. */
function overrule(replay: Replay, observation: Observation): void {
  const { run, guide, moved, divergences } = replay;
  if (observation.kind === 'iommu.group.added' && observation.dev !== null)
    moved.add(observation.dev);
  divergences.push(contradiction(observation, run));
  guide.explain(observation);
  followLog(observation, run);
}

function contradiction({ record }: Observation, run: Run): Divergence {
  return {
    line: record.line,
    expected: NO_LINE,
    observed: record.text,
    event: run.scheduler.events.length,
  };
}
