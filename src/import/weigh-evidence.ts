/** The files beside a log: what they add before its replay, and what came of each. */
import type { Machine } from '../events/machine.ts';
import { withCreated } from '../model/firmware/board.ts';
import { isOptionName } from '../model/versions/option-table.ts';
import type { Evidence } from './evidence.ts';
import type { EvidenceFile, EvidenceKind } from './evidence-file.ts';
import type { Divergence } from './guide.ts';
import { learnDeferred, learnListing, learnMakers } from './learn-listing.ts';
import { withListing } from './listing-machine.ts';
import { meetTrace } from './meet-trace.ts';
import { type Moment, momentsOf } from './moment.ts';
import type { Observation } from './observation.ts';
import type { Replay } from './replay.ts';
import { withTraced } from './traced-observations.ts';

/** What one file said, and what became of it. */
export interface EvidenceReport {
  readonly file: string;
  readonly kind: EvidenceKind;
  /** What it says, counted by what it is. */
  readonly said: Readonly<Record<string, number>>;
  /** On how much of that the run agrees; null where nothing can be compared. */
  readonly agreed: number | null;
  /** What the run has otherwise, all the same. */
  readonly differs: readonly Divergence[];
  /** What was put to what the log says, and what was taken to have been done, by kind. */
  readonly changed: Readonly<Record<string, number>>;
  /** Events of a trace that say nothing of the model, by name; empty for other files. */
  readonly others: Readonly<Record<string, number>>;
}

/** The files laid beside a log. */
export interface Weighed {
  /** Those of the log, and those that only a trace saw. */
  readonly observations: readonly Observation[];
  readonly moments: readonly Moment[];
  /** Puts what the files know to what the observations say. */
  learn(evidence: Evidence): void;
  /** Puts what the files list to what the log implies. */
  complete(machine: Machine): Machine;
  /** Says what came of each file, in the order in which they were given. */
  report(replay: Replay): readonly EvidenceReport[];
}

type Counts = Record<string, number>;

/** Lays the files beside the log. Cost: each of them and the log's observations a few times. */
export function weighEvidence(
  files: readonly EvidenceFile[],
  logged: readonly Observation[],
): Weighed {
  const changed = new Map<EvidenceFile, Counts>(files.map((file) => [file, {}]));
  const change = (file: EvidenceFile, what: Counts): void => {
    const counts = changed.get(file) ?? {};
    for (const [name, count] of Object.entries(what)) counts[name] = (counts[name] ?? 0) + count;
  };
  const inLog = new Map<EvidenceFile, number>();
  let observations = logged;
  for (const file of files) {
    if (file.kind !== 'ftrace') continue;
    const merged = withTraced(observations, file.traced);
    observations = merged.observations;
    inLog.set(file, merged.inLog);
    change(file, { observations: merged.added });
  }
  const moments = momentsOf(files, observations);
  const last = moments.at(-1);
  return {
    observations,
    moments,
    learn(evidence) {
      for (const file of files) if (file.kind === 'ftrace') learnMakers(evidence, file.traced);
      for (const moment of moments) {
        const { source, snapshot, line } = moment;
        if (snapshot !== null) change(source, learnListing(evidence, snapshot, line));
        if (moment === last || snapshot === null)
          change(source, learnDeferred(evidence, moment.deferred, line));
      }
    },
    complete(machine) {
      let whole = machine;
      for (const { source, snapshot } of moments) {
        if (snapshot === null) continue;
        const before = devicesIn(whole);
        whole = withListing(whole, snapshot);
        change(source, { devices: devicesIn(whole) - before });
      }
      return whole;
    },
    report: (replay) =>
      files.map((file) => {
        const met = meetingOf(file, replay, inLog.get(file) ?? 0, observations);
        const counts = { ...changed.get(file), ...met.changed };
        const { agreed, differs } = met;
        return {
          ...{ file: file.file, kind: file.kind, said: saidBy(file), agreed, differs },
          changed: Object.fromEntries(Object.entries(counts).filter(([, count]) => count > 0)),
          others: file.kind === 'ftrace' ? file.traced.others : {},
        };
      }),
  };
}

const devicesIn = (machine: Machine): number => machine.devices.flatMap(withCreated).length;

interface FileMeeting {
  readonly agreed: number | null;
  readonly differs: readonly Divergence[];
  readonly changed: Counts;
}

function meetingOf(
  file: EvidenceFile,
  { met, run, calls }: Replay,
  inLog: number,
  observations: readonly Observation[],
): FileMeeting {
  if (file.kind === 'ftrace') {
    const event = run.scheduler.events.length;
    const place = { file: file.file, line: observations.at(-1)?.record.line ?? 1, event };
    const names = new Set(run.system.machine.devices.flatMap(withCreated).map(({ name }) => name));
    const isModelled = (dev: string) => names.has(dev);
    const { agreed, differs } = meetTrace(file.traced.calls, calls, isModelled, place);
    return { agreed: agreed + inLog, differs, changed: {} };
  }
  const own = met.find(({ moment }) => moment.source === file);
  if (own === undefined) return { agreed: null, differs: [], changed: {} };
  const { agreed, differs, assumed } = own;
  return { agreed, differs, changed: { actions: assumed.length } };
}

function saidBy(file: EvidenceFile): Counts {
  switch (file.kind) {
    case 'sysfs': {
      const { devices, groups, devices_deferred, modules } = file.snapshot;
      const deferred = devices_deferred.length;
      return { devices: devices.length, groups: groups.length, deferred, modules: modules.length };
    }
    case 'deferred':
      return { deferred: file.entries.length };
    case 'ftrace': {
      const { events, facts, calls } = file.traced;
      return { events, observations: facts.length, calls: calls.length };
    }
    case 'config':
      return {
        options: Object.keys(file.config).length,
        read: Object.keys(file.config).filter(isOptionName).length,
      };
  }
}
