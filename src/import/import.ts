/** A log becomes a trace: its boot is emulated, guided by what it shows. */

import type { KernelSpec, Machine } from '../events/machine.ts';
import type { Trace } from '../events/trace.ts';
import type { Firmware } from '../model/firmware/firmware.ts';
import { moduleName } from '../model/firmware/module-table.ts';
import { ASSUMED_PROFILE, profileOf } from '../model/versions/profile.ts';
import { parseAction } from './action.ts';
import { type Evidence, gatherEvidence } from './evidence.ts';
import { parseLog } from './format.ts';
import type { Divergence } from './guide.ts';
import type { NamedDriver } from './infer-drivers.ts';
import { learnBuses, withFirmware } from './infer-firmware.ts';
import { inferMachine } from './infer-machine.ts';
import { withUnits } from './infer-units.ts';
import { stillWaiting, type Waiting } from './infer-waiting.ts';
import type { Observation } from './observation.ts';
import { looksRelevant, recognise, shapeOf } from './recognise.ts';
import type { LogRecord, ParsedLog } from './record.ts';
import { bestReplay, type LoggedAction } from './replay.ts';

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
  const machine =
    options.machine ?? machineOf(observations, evidence, kernel, actions, options.firmware ?? null);
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
