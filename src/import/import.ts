/** A log becomes a trace: its boot is emulated, guided by what it shows. */

import { createRun, type Run } from '../engine/run.ts';
import { NO_LINE } from '../events/disagreement.ts';
import type { KernelSpec, Machine } from '../events/machine.ts';
import type { Stimulus } from '../events/stimulus.ts';
import type { Trace } from '../events/trace.ts';
import type { Firmware } from '../model/firmware/firmware.ts';
import { moduleName } from '../model/firmware/module-table.ts';
import { ASSUMED_PROFILE, profileOf } from '../model/versions/profile.ts';
import { parseAction } from './action.ts';
import { driverSeen, type Evidence, gatherEvidence } from './evidence.ts';
import { parseLog } from './format.ts';
import { createGuide, type Divergence, type Guide } from './guide.ts';
import type { NamedDriver } from './infer-drivers.ts';
import { learnBuses, withFirmware } from './infer-firmware.ts';
import { inferMachine } from './infer-machine.ts';
import { explanationOf, followLog, loadingOf } from './infer-stimuli.ts';
import { stillWaiting, type Waiting } from './infer-waiting.ts';
import { keyOfLine, marksOfLog } from './log-marks.ts';
import type { Observation } from './observation.ts';
import { looksRelevant, recognise, shapeOf } from './recognise.ts';
import type { LogRecord, ParsedLog } from './record.ts';
import { type ScheduleGuide, searchSchedule } from './schedule.ts';

export interface ImportOptions {
  /** What the log is called in the trace's header. */
  readonly name: string;
  /** Release to emulate, as `KernelSpec.version` has it; from the log where null. */
  readonly version: string | null;
  readonly config: Readonly<Record<string, string>>;
  readonly patches: Readonly<Record<string, boolean>>;
  /** The machine, where it is known better than the log can tell. */
  readonly machine: Machine | null;
  /** Else what its firmware says, to which what the log shows is added. */
  readonly firmware?: Firmware | null;
}

/** Lines that a subsystem of the model printed and no row of the catalogue knows, by shape. */
export interface Unrecognised {
  readonly shape: string;
  readonly count: number;
  /** The first of them. */
  readonly line: number;
}

export interface Imported {
  readonly trace: Trace;
  readonly log: ParsedLog;
  /** The boot that was replayed, from 0, and how many the log holds. */
  readonly boot: number;
  readonly boots: number;
  readonly observations: readonly Observation[];
  readonly unrecognised: readonly Unrecognised[];
  readonly divergences: readonly Divergence[];
  /** Devices that are deferred when the log ends. */
  readonly waiting: readonly Waiting[];
}

/**
 * Imports a log in any format that is recognised. Total: what is no log gives an empty trace.
 *
 * Of a log with several boots the one that says most about the model is replayed.
 */
export function importLog(bytes: Uint8Array, options: ImportOptions): Imported {
  const log = parseLog(bytes);
  const boots = byBoot(log.records);
  const seen = boots.map(observe);
  const boot = indexOfLongest(seen);
  const observations = seen[boot] ?? [];
  const evidence = gatherEvidence(observations);
  const kernel = kernelOf(evidence, options);
  const actions = observations.flatMap(actionOf);
  const machine = options.machine ?? machineOf(evidence, kernel, actions, options.firmware ?? null);
  const { run, divergences } = bestReplay({ machine, kernel, observations, evidence, actions });
  return {
    trace: run.trace({ name: options.name, format: log.format }),
    log,
    boot,
    boots: boots.length,
    observations,
    unrecognised: unrecognisedShapes(boots[boot] ?? []),
    divergences,
    waiting: stillWaiting(run),
  };
}

function machineOf(
  evidence: Evidence,
  { version }: KernelSpec,
  actions: readonly LoggedAction[],
  firmware: Firmware | null,
): Machine {
  const named = actions.flatMap(namedDriver);
  if (firmware !== null) learnBuses(evidence, firmware);
  const shown = inferMachine(evidence, profileOf(version), named, loadedBy(actions));
  return firmware === null ? shown : withFirmware(shown, firmware, evidence);
}

function byBoot(records: readonly LogRecord[]): readonly (readonly LogRecord[])[] {
  const boots: LogRecord[][] = [];
  for (const record of records) {
    const list = boots[record.boot] ?? [];
    if (!record.replay) list.push(record);
    boots[record.boot] = list;
  }
  return boots.map((list) => list ?? []);
}

function observe(records: readonly LogRecord[]): readonly Observation[] {
  return records.flatMap((record) => recognise(record) ?? []);
}

function indexOfLongest(lists: readonly (readonly unknown[])[]): number {
  let best = 0;
  for (const [i, list] of lists.entries()) if (list.length > (lists[best]?.length ?? 0)) best = i;
  return best;
}

function kernelOf(evidence: Evidence, options: ImportOptions): KernelSpec {
  const { cmdline } = evidence;
  const { version: asked, patches } = options;
  const release = asked === null ? evidence.release : null;
  const version = asked ?? (release === null ? ASSUMED_PROFILE : profileOf(release));
  const config = { ...evidence.config, ...options.config };
  return { version, release, config, cmdline: cmdline ?? '', patches };
}

/** A user action with the place where the log has it. */
interface LoggedAction {
  readonly observation: Observation;
  readonly stimulus: Stimulus;
}

function actionOf(observation: Observation): readonly LoggedAction[] {
  const command = observation.fields['command'];
  if (observation.kind !== 'user.action' || command === undefined) return [];
  return [{ observation, stimulus: parseAction(command) }];
}

/** The driver an action speaks of. */
function namedDriver({ stimulus }: LoggedAction): readonly NamedDriver[] {
  switch (stimulus.do) {
    case 'bind':
    case 'unbind':
    case 'new_id':
    case 'remove_id':
      return [{ bus: stimulus.bus, drv: stimulus.drv }];
    case 'driver_override':
      return stimulus.drv === null ? [] : [{ bus: stimulus.bus, drv: stimulus.drv }];
    default:
      return [];
  }
}

/** The modules that actions load. */
function loadedBy(actions: readonly LoggedAction[]): readonly string[] {
  return actions.flatMap(({ stimulus }) =>
    stimulus.do === 'modprobe' || stimulus.do === 'insmod' ? [moduleName(stimulus.module)] : [],
  );
}

/** What a replay is made from. */
interface Inputs {
  readonly machine: Machine;
  readonly kernel: KernelSpec;
  readonly observations: readonly Observation[];
  readonly evidence: Evidence;
  readonly actions: readonly LoggedAction[];
}

interface Replay {
  readonly run: Run;
  readonly guide: Guide;
  /** First lines of modular drivers, those still ahead. */
  readonly sightings: Observation[];
  readonly divergences: Divergence[];
}

/** How often a schedule is looked for that the log contradicts less. */
const ROUNDS = 3;

/**
 * The replay under the default schedule, or, where drivers probe beside each other, under one that the
 * order of the log's lines suggests and that the log contradicts less. Cost: one replay, and up to
 * three more for a log with asynchronous probes that contradicts the first.
 */
function bestReplay(inputs: Inputs): Replay {
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
  const replay: Replay = { run, guide, sightings, divergences: [] };
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
function settle({ run, guide, sightings, divergences }: Replay, before: number): void {
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
    if (!guide.unmatched(before).includes(observation)) continue;
    guide.moveTo(observation);
    guide.assuming = true;
    for (const stimulus of explanationOf(observation, run)) run.give(stimulus);
    if (guide.unmatched(before).includes(observation)) {
      divergences.push(contradiction(observation, run));
      guide.explain(observation);
      followLog(observation, run);
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
    line: record.line,
    expected: NO_LINE,
    observed: record.text,
    event: run.scheduler.events.length,
  };
}

/** Relevant lines that nothing recognised, the most frequent shape first. */
function unrecognisedShapes(records: readonly LogRecord[]): readonly Unrecognised[] {
  const shapes = new Map<string, { count: number; line: number }>();
  for (const record of records) {
    if (!looksRelevant(record) || recognise(record) !== null) continue;
    const shape = shapeOf(record.text);
    const known = shapes.get(shape);
    if (known === undefined) shapes.set(shape, { count: 1, line: record.line });
    else known.count += 1;
  }
  return [...shapes]
    .map(([shape, { count, line }]) => ({ shape, count, line }))
    .sort((a, b) => b.count - a.count || a.line - b.line);
}
