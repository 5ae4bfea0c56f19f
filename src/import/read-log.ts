/** What a log says about the model, read piece by piece: of its boots the one that says most stays. */
import { createLogReader } from './format.ts';
import type { Observation } from './observation.ts';
import { looksRelevant, recognise, shapeOf } from './recognise.ts';
import type { LogRecord, LogTotals } from './record.ts';

/** Lines that a subsystem of the model printed and no row of the catalogue knows, by shape. */
export interface Unrecognised {
  readonly shape: string;
  readonly count: number;
  /** The first of them. */
  readonly line: number;
}

export interface ReadLog extends LogTotals {
  /** How many records the log has. */
  readonly records: number;
  /** The boot that says most about the model, from 0, and how many the log holds. */
  readonly boot: number;
  readonly boots: number;
  /** What is in that boot. */
  readonly observations: readonly Observation[];
  readonly unrecognised: readonly Unrecognised[];
}

export interface LogIntake {
  /** Takes the next bytes of the file, which must not change afterwards. */
  push(bytes: Uint8Array): void;
  end(): ReadLog;
}

interface Boot {
  readonly number: number;
  readonly observations: Observation[];
  readonly shapes: Map<string, { count: number; line: number }>;
}

interface Boots {
  records: number;
  boots: number;
  /** Of the boots that have ended. */
  best: Boot;
  current: Boot;
}

/** Takes a log in pieces, which do not matter. Keeps the lines of two boots that say something. */
export function createLogIntake(): LogIntake {
  const reader = createLogReader(noBoots, takeRecord);
  return {
    push: reader.push,
    end() {
      const { format, lines, skipped, result } = reader.end();
      const { number, observations, shapes } = fuller(result.best, result.current);
      const { records, boots } = result;
      const unrecognised = byCount(shapes);
      return {
        ...{ format, lines, skipped, records, boots },
        boot: number,
        observations,
        unrecognised,
      };
    },
  };
}

function noBoots(): Boots {
  const current = newBoot(0);
  return { records: 0, boots: 0, best: current, current };
}

function newBoot(number: number): Boot {
  return { number, observations: [], shapes: new Map() };
}

function fuller(first: Boot, second: Boot): Boot {
  return second.observations.length > first.observations.length ? second : first;
}

function takeRecord(log: Boots, record: LogRecord): void {
  log.records++;
  log.boots = record.boot + 1;
  if (record.boot !== log.current.number) {
    log.best = fuller(log.best, log.current);
    log.current = newBoot(record.boot);
  }
  if (record.replay) return;
  const { observations, shapes } = log.current;
  const observation = recognise(kept(record));
  if (observation !== null) observations.push(observation);
  else if (looksRelevant(record)) {
    const shape = shapeOf(record.text);
    const known = shapes.get(shape);
    if (known === undefined) shapes.set(shape, { count: 1, line: record.line });
    else known.count += 1;
  }
}

/** The record with texts of its own: parts of a text keep all of it in memory, here many lines. */
function kept(record: LogRecord): LogRecord {
  const { caller } = record;
  return { ...record, text: copied(record.text), caller: caller === null ? null : copied(caller) };
}

const copied = (text: string): string => ` ${text}`.slice(1);

/** The most frequent shape first. */
function byCount(shapes: Boot['shapes']): readonly Unrecognised[] {
  return [...shapes]
    .map(([shape, { count, line }]) => ({ shape, count, line }))
    .sort((a, b) => b.count - a.count || a.line - b.line);
}
