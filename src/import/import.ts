/** A log becomes a trace: its boot is emulated, guided by what it shows. */

import type { KernelSpec, Machine } from '../events/machine.ts';
import type { Stimulus } from '../events/stimulus.ts';
import type { Trace } from '../events/trace.ts';
import type { Firmware } from '../model/firmware/firmware.ts';
import { moduleName } from '../model/firmware/module-table.ts';
import { ASSUMED_PROFILE, profileOf } from '../model/versions/profile.ts';
import { parseAction } from './action.ts';
import type { Unrecognised } from './boot-lines.ts';
import type { Evidence } from './evidence.ts';
import type { EvidenceFile } from './evidence-file.ts';
import type { LoggedFault } from './fault-replay.ts';
import { gatherEvidence } from './gather-evidence.ts';
import type { Divergence } from './guide.ts';
import type { NamedDriver } from './infer-drivers.ts';
import { learnBuses, withFirmware } from './infer-firmware.ts';
import { inferMachine } from './infer-machine.ts';
import { withUnits } from './infer-units.ts';
import { stillWaiting, type Waiting } from './infer-waiting.ts';
import type { Observation } from './observation.ts';
import { type ReadLog, readWhole } from './read-log.ts';
import { bestReplay, type LoggedAction } from './replay.ts';
import { type EvidenceReport, weighEvidence } from './weigh-evidence.ts';

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
  /** What was given beside the log. */
  readonly evidence?: readonly EvidenceFile[];
  /** What users are taken to have done although the log does not show it, in its order. */
  readonly unlogged?: readonly UnloggedAction[];
}

export interface UnloggedAction {
  /** It was done before what is on this line (`LogRecord.line`), be it what another user did. */
  readonly before: number;
  readonly stimulus: Stimulus;
}

export interface Imported {
  readonly trace: Trace;
  readonly log: ReadLog;
  /** The boot that was replayed, from 0, and how many the log holds. */
  readonly boot: number;
  readonly boots: number;
  readonly observations: readonly Observation[];
  readonly unrecognised: readonly Unrecognised[];
  readonly divergences: readonly Divergence[];
  readonly faults: readonly LoggedFault[];
  /** Devices that are deferred when the log ends. */
  readonly waiting: readonly Waiting[];
  /** What came of each file beside the log. */
  readonly evidence: readonly EvidenceReport[];
}

/**
 * Imports a log in any format that is recognised. Total: what is no log gives an empty trace.
 *
 * Of a log with several boots the one that says most about the model is replayed.
 */
export function importLog(bytes: Uint8Array, options: ImportOptions): Imported {
  return importRead(readWhole(bytes), options);
}

/** Imports a log that was read. */
export function importRead(log: ReadLog, options: ImportOptions): Imported {
  const { boot, boots, unrecognised } = log;
  const weighed = weighEvidence(options.evidence ?? [], log.observations);
  const { observations, moments } = weighed;
  const evidence = gatherEvidence(observations);
  weighed.learn(evidence);
  const kernel = kernelOf(evidence, options);
  const actions = withUnlogged(observations, options.unlogged ?? []);
  const machine =
    options.machine ??
    weighed.complete(machineOf(observations, evidence, kernel, actions, options.firmware ?? null));
  const isGiven = options.machine !== null;
  const isWatched = options.evidence?.some(({ kind }) => kind === 'ftrace') === true;
  const inputs = { machine, isGiven, isWatched, kernel, observations, evidence, actions, moments };
  const replay = bestReplay(inputs);
  const { run, faults } = replay;
  const reports = weighed.report(replay);
  return {
    trace: replay.learnt(run.trace({ name: options.name, format: log.format })),
    ...{ log, boot, boots, observations, unrecognised, faults },
    divergences: [...replay.divergences, ...reports.flatMap(({ differs }) => differs)],
    waiting: stillWaiting(run),
    evidence: reports,
  };
}

function machineOf(
  observations: readonly Observation[],
  evidence: Evidence,
  { version }: KernelSpec,
  actions: readonly LoggedAction[],
  firmware: Firmware | null,
): Machine {
  const named = actions.flatMap(namedDriver);
  if (firmware !== null) learnBuses(evidence, firmware);
  const inferred = inferMachine(evidence, profileOf(version), named, loadedBy(actions));
  const shown = withUnits(inferred, observations);
  return firmware === null ? shown : withFirmware(shown, firmware, evidence);
}

function kernelOf(evidence: Evidence, options: ImportOptions): KernelSpec {
  const { cmdline } = evidence;
  const { version: asked, patches } = options;
  const release = asked === null ? evidence.release : null;
  const version = asked ?? (release === null ? ASSUMED_PROFILE : profileOf(release));
  const config = { ...evidence.config, ...options.config };
  return { version, release, config, cmdline: cmdline ?? '', patches };
}

function actionOf(observation: Observation): readonly LoggedAction[] {
  const command = observation.fields['command'];
  if (observation.kind !== 'user.action' || command === undefined) return [];
  return [{ observation, stimulus: parseAction(command) }];
}

/** All actions in the order of the log; those that it does not show come before what is on their line. */
function withUnlogged(
  observations: readonly Observation[],
  unlogged: readonly UnloggedAction[],
): readonly LoggedAction[] {
  const logged = observations.flatMap(actionOf);
  if (unlogged.length === 0) return logged;
  const unseen = unlogged.flatMap(({ before, stimulus }): readonly LoggedAction[] => {
    const observation = observations.find(({ record }) => record.line >= before);
    return observation === undefined ? [] : [{ observation, stimulus, isUnlogged: true }];
  });
  const lineOf = ({ observation }: LoggedAction): number => observation.record.line;
  return [...unseen, ...logged].sort((a, b) => lineOf(a) - lineOf(b));
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
      return stimulus.drv === null
        ? []
        : [{ bus: stimulus.bus, drv: stimulus.drv, override: stimulus.dev }];
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
