/** What a log says about the model, read piece by piece: of its boots the one that says most stays. */
import type { Table } from '../events/table.ts';
import {
  addObservation,
  addShape,
  type BootLines,
  createBootLines,
  observationsOf,
  type Unrecognised,
  unrecognisedOf,
} from './boot-lines.ts';
import { createLogReader } from './format.ts';
import type { Observation } from './observation.ts';
import { looksRelevant, recognise } from './recognise.ts';
import type { LogRecord, LogTotals } from './record.ts';

export interface ReadLog extends LogTotals {
  /** How many records the log has. */
  readonly records: number;
  /** The boot that says most about the model, from 0, and how many the log holds. */
  readonly boot: number;
  readonly boots: number;
  /** How many observations of each kind that boot has. */
  readonly kinds: Table<number>;
  /** What they tell (`boot-lines.ts`). */
  readonly observations: readonly Observation[];
  /** The first line that is counted only, as the boot has more than can be kept; null where all are. */
  readonly leftOut: number | null;
  readonly unrecognised: readonly Unrecognised[];
}

/** Which boot of a log is taken: the one that says most, or one by its place, counted from 0. */
export type BootChoice = 'fullest' | 'first' | 'last' | number;

export interface LogIntake {
  /** Takes the next bytes of the file, which must not change afterwards. */
  push(bytes: Uint8Array): void;
  end(): ReadLog;
}

/** Sees every observation, those of boots that do not stay among them. */
export interface ObservationWatch {
  /** The log is read from its start, once more where its manner was guessed wrong. */
  begin(): void;
  take(observation: Observation): void;
}

interface Boots {
  records: number;
  boots: number;
  /** Of the boots that have ended, the one to take. */
  best: BootLines;
  current: BootLines;
}

/**
 * Takes a log in pieces, which do not matter. What stays in memory is bounded. Where the log has no boot of
 * the place chosen, the first one is taken.
 */
export function createLogIntake(
  choice: BootChoice = 'fullest',
  watch: ObservationWatch | null = null,
): LogIntake {
  const begin = (): Boots => {
    watch?.begin();
    return noBoots();
  };
  const reader = createLogReader(begin, (log, record) => takeRecord(log, record, choice, watch));
  return {
    push: reader.push,
    end() {
      const { format, lines, skipped, result } = reader.end();
      const { records, boots, best, current } = result;
      const said = preferred(best, current, choice);
      const { boot, kinds, leftOut } = said;
      return {
        ...{ format, lines, skipped, records, boot, boots, kinds, leftOut },
        observations: observationsOf(said),
        unrecognised: unrecognisedOf(said),
      };
    },
  };
}

/** Reads a log that is in memory. */
export function readWhole(bytes: Uint8Array, choice: BootChoice = 'fullest'): ReadLog {
  const intake = createLogIntake(choice);
  intake.push(bytes);
  return intake.end();
}

function noBoots(): Boots {
  const current = createBootLines(0);
  return { records: 0, boots: 0, best: current, current };
}

/** Of two boots, the later one second, which is to be kept. */
function preferred(first: BootLines, second: BootLines, choice: BootChoice): BootLines {
  switch (choice) {
    case 'fullest':
      return second.count > first.count ? second : first;
    case 'first':
      return first;
    case 'last':
      return second;
    default:
      return second.boot === choice ? second : first;
  }
}

function takeRecord(
  log: Boots,
  record: LogRecord,
  choice: BootChoice,
  watch: ObservationWatch | null,
): void {
  log.records++;
  log.boots = record.boot + 1;
  if (record.boot !== log.current.boot) {
    log.best = preferred(log.best, log.current, choice);
    log.current = createBootLines(record.boot);
  }
  if (record.replay) return;
  const observation = recognise(record);
  if (observation !== null) {
    addObservation(log.current, observation);
    watch?.take(observation);
  } else if (looksRelevant(record)) addShape(log.current, record);
}
