/** What stays of the lines of one boot, while a log is read that may be larger than memory. */
import { emptyTable, type Table } from '../events/table.ts';
import type { Observation } from './observation.ts';
import { shapeOf } from './recognise.ts';
import { type LogRecord, shownLine } from './record.ts';

/** Lines that a subsystem of the model printed and no row of the catalogue knows, by shape. */
export interface Unrecognised {
  readonly shape: string;
  readonly count: number;
  /** The first of them. */
  readonly line: number;
}

export interface BootLines {
  /** Its number, from 0. */
  readonly boot: number;
  count: number;
  readonly kinds: Table<number>;
  readonly kept: Observation[];
  /**
   * By what they show, lines that only show who has a device: null until there is a second one, then
   * the last. Those between the first and the last change nothing.
   */
  readonly last: Map<string, Observation | null>;
  /** The first line that was counted only. */
  leftOut: number | null;
  readonly shapes: Map<string, { count: number; readonly line: number }>;
}

/** Observations of a boot that are kept: their replay takes some 400 MB where each is a fault. */
const KEPT_MAX = 1 << 16;

export function createBootLines(boot: number): BootLines {
  const nothing = { count: 0, kinds: emptyTable<number>(), leftOut: null };
  return { boot, ...nothing, kept: [], last: new Map(), shapes: new Map() };
}

export function addObservation(lines: BootLines, observation: Observation): void {
  const { kinds, kept, last } = lines;
  const { kind, prefix, dev, record } = observation;
  lines.count++;
  kinds[kind] = (kinds[kind] ?? 0) + 1;
  const one = ownedBy(observation);
  if (kind === 'device.evidence') {
    const shown = `${prefix} ${dev} ${record.subsystem} ${record.device}`;
    const isRepeated = last.has(shown);
    if (isRepeated || last.size < KEPT_MAX) last.set(shown, isRepeated ? one : null);
    if (isRepeated) return;
  }
  if (kept.length < KEPT_MAX) kept.push(one);
  else lines.leftOut ??= shownLine(record);
}

/** The observation with texts of its own: a part of a text keeps all of it in memory, here many lines. */
function ownedBy(seen: Observation): Observation {
  const { kind, row, group, error, record } = seen;
  const { line, fileLine, timeUs, level, boot, replay } = record;
  const names = Object.keys(seen.fields);
  const fields = names.length === 0 ? seen.fields : emptyTable<string>();
  for (const name of names) fields[name] = copyOf(seen.fields[name] ?? '');
  const [prefix, dev, drv] = [copyOf(seen.prefix), copyOf(seen.dev), copyOf(seen.drv)];
  const [caller, subsystem] = [copyOf(record.caller), copyOf(record.subsystem)];
  const [text, device] = [copyOf(record.text), copyOf(record.device)];
  const own = { line, timeUs, level, caller, text, subsystem, device, boot, replay };
  const placed = fileLine === undefined ? own : { ...own, fileLine };
  return { kind, row, record: placed, prefix, dev, drv, group, error, fields };
}

/** A part of so few characters is a copy anyway, in the engines there are. */
const SHORT = 12;

function copyOf<T extends string | null>(text: T): T;
function copyOf(text: string | null): string | null {
  return text === null || text.length <= SHORT ? text : ` ${text}`.slice(1);
}

/** The observations in the order of the log. */
export function observationsOf({ kept, last }: BootLines): readonly Observation[] {
  const all = [...kept, ...[...last.values()].filter((one) => one !== null)];
  return all.sort((a, b) => a.record.line - b.record.line);
}

/** Counts a line that looks relevant and was not recognised. */
export function addShape({ shapes }: BootLines, record: LogRecord): void {
  const { text } = record;
  const shape = shapeOf(text);
  const known = shapes.get(shape);
  if (known === undefined) shapes.set(shape, { count: 1, line: shownLine(record) });
  else known.count += 1;
}

/** The most frequent shape first. */
export function unrecognisedOf({ shapes }: BootLines): readonly Unrecognised[] {
  return [...shapes]
    .map(([shape, { count, line }]) => ({ shape, count, line }))
    .sort((a, b) => b.count - a.count || a.line - b.line);
}
