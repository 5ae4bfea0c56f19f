/**
 * The lines of a trace file, one JSON object each:
 *
 *     {"reprobe":"trace","schema":1,"kernel":…,"machine":…,"machineDigest":…,"source":…,"stimuli":…,"choices":…}
 *     {"task":0,"is":"init"}
 *     {"stack":0,"is":["really_probe","pci_dma_configure"]}
 *     {"n":0,"type":"owner.used","dev":"0000:01:00.0","group":1,"ret":0,"task":0,"stack":0}
 *     {"events":1,"digest":"sha256:…"}
 *
 * Tasks and stacks are defined before their first use and numbered from 0. An event's `origin` is
 * left out when it is `implied`, `line` and `timeUs` when they are null. The trailer and the digest
 * are the business of trace-file.ts.
 */
import { ReprobeError } from '../error.ts';
import type { KernelEvent, Recorded } from './event.ts';
import { EVENT_SHAPES, originShape, sourceShape } from './event-shape.ts';
import { createNumbering, type Interner, listKey } from './intern.ts';
import { kernelShape, machineShape } from './machine-shape.ts';
import {
  count,
  createReading,
  integer,
  keyCount,
  listOf,
  name,
  type ObjectShape,
  objectOr,
  orNull,
  type RawObject,
  type Reading,
  reject,
  rejectForeign,
} from './shape.ts';
import { stimulusShape } from './stimulus-shape.ts';
import { SCHEMA_VERSION, type TraceHeader } from './trace.ts';
import type { Upcast } from './upcast.ts';

/** What every trace file begins with. */
export const MAGIC = '{"reprobe":"trace","schema":';

const uint = count();
const names = listOf(name);
const stimuli = listOf(stimulusShape);
const choices = listOf(uint);
const lineNumber = orNull(uint);
const timeStamp = orNull(integer);
const SHAPES = new Map<string, ObjectShape<unknown>>(Object.entries(EVENT_SHAPES));
const HEADER_KEYS = [
  'reprobe',
  'schema',
  'kernel',
  'machine',
  'machineDigest',
  'source',
  'stimuli',
  'choices',
];
const ENVELOPE_KEYS = ['n', 'type', 'task', 'stack', 'origin', 'line', 'timeUs'];

/** Writes headers and events as lines without their newline. */
export interface LineWriter {
  readonly header: (header: TraceHeader, machineDigest: string) => string;
  /** The line of the next event, after the definitions it is the first to need. */
  readonly event: (recorded: Recorded) => readonly string[];
}

export function createLineWriter(): LineWriter {
  const reading = createReading({ string: (text) => text, list: (items) => items });
  const tasks = createNumbering();
  const stacks = createNumbering();
  let next = 0;

  /** Reads what it is to write: the fields come in order, and nothing unreadable is written. */
  function header(given: TraceHeader, machineDigest: string): string {
    const { kernel, machine, source, ...inputs } = given;
    return JSON.stringify({
      reprobe: 'trace',
      schema: SCHEMA_VERSION,
      kernel: kernelShape.read(kernel, 'kernel', reading),
      machine: machineShape.read(machine, 'machine', reading),
      machineDigest,
      source: orNull(sourceShape).read(source, 'source', reading),
      stimuli: stimuli.read(inputs.stimuli, 'stimuli', reading),
      choices: choices.read(inputs.choices, 'choices', reading),
    });
  }

  function event({ event, task, stack, origin, line, timeUs }: Recorded): readonly string[] {
    const lines: string[] = [];
    const taskNumber = tasks.numberOf(task);
    if (taskNumber.isNew) lines.push(JSON.stringify({ task: taskNumber.number, is: task }));
    const stackNumber = stacks.numberOf(listKey(stack));
    if (stackNumber.isNew) lines.push(JSON.stringify({ stack: stackNumber.number, is: stack }));
    const out: Record<string, unknown> = { n: next++, type: event.type };
    shapeOf(event.type, reading).readInto(event, out, reading);
    out['task'] = taskNumber.number;
    out['stack'] = stackNumber.number;
    if (origin !== 'implied') out['origin'] = origin;
    if (line !== null) out['line'] = uint.read(line, 'line', reading);
    if (timeUs !== null) out['timeUs'] = integer.read(timeUs, 'timeUs', reading);
    lines.push(JSON.stringify(out));
    return lines;
  }

  return { header, event };
}

/** Reads lines into headers and events; throws BAD_TRACE without a place for what is not one. */
export interface LineReader {
  readonly header: (raw: RawObject) => TraceHeader & { readonly machineDigest: string };
  /** The events of a line: none for a definition, one for an event unless it was upcast. */
  readonly events: (text: string) => readonly Recorded[];
  /** How many event lines were read. */
  readonly count: () => number;
  /** The key that the last error is about. */
  readonly wrongKey: () => string | null;
}

/** `lift` is null for a file of the current schema. */
export function createLineReader(interner: Interner, lift: Upcast | null): LineReader {
  const reading = createReading(interner);
  const tasks: string[] = [];
  const stacks: (readonly string[])[] = [];
  let next = 0;

  function events(text: string): readonly Recorded[] {
    const raw = parseObject(text, reading);
    if (raw['n'] === undefined) {
      define(raw);
      return [];
    }
    if (raw['n'] !== next) return reject('n', `${next}, the next number`, raw['n'], reading);
    const lifted = lift === null ? [raw] : lift.event(raw);
    const read = lifted.map((one) => readRecorded(one, tasks, stacks, reading));
    next++;
    return read;
  }

  function define(raw: RawObject): void {
    if (raw['task'] === tasks.length) {
      tasks.push(name.read(raw['is'], 'is', reading));
      if (keyCount(raw) !== 2) rejectForeign(raw, ['task', 'is'], reading);
    } else if (raw['stack'] === stacks.length) {
      stacks.push(interner.list(names.read(raw['is'], 'is', reading)));
      if (keyCount(raw) !== 2) rejectForeign(raw, ['stack', 'is'], reading);
    } else {
      const key = raw['task'] === undefined ? 'stack' : 'task';
      if (raw[key] === undefined) throw new ReprobeError('BAD_TRACE', 'This is not an event.');
      const expected = `the next number, ${key === 'task' ? tasks.length : stacks.length}`;
      reject(key, expected, raw[key], reading);
    }
  }

  return {
    header: (raw) => readHeader(raw, lift, reading),
    events,
    count: () => next,
    wrongKey: () => reading.wrongKey,
  };
}

/** Parses a line that must be a JSON object. */
export function parseObject(text: string, reading: Reading): RawObject {
  return objectOr(parseJson(text), 'line', reading);
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    throw new ReprobeError('BAD_TRACE', 'This line is not JSON.');
  }
}

function readHeader(
  given: RawObject,
  lift: Upcast | null,
  reading: Reading,
): TraceHeader & { readonly machineDigest: string } {
  const raw = lift === null ? given : lift.header(given);
  const header = {
    schema: SCHEMA_VERSION,
    kernel: kernelShape.read(raw['kernel'], 'kernel', reading),
    machine: machineShape.read(raw['machine'], 'machine', reading),
    machineDigest: name.read(raw['machineDigest'], 'machineDigest', reading),
    source: orNull(sourceShape).read(raw['source'], 'source', reading),
    stimuli: stimuli.read(raw['stimuli'], 'stimuli', reading),
    choices: choices.read(raw['choices'], 'choices', reading),
  };
  if (keyCount(raw) !== HEADER_KEYS.length) rejectForeign(raw, HEADER_KEYS, reading);
  return header;
}

function readRecorded(
  raw: RawObject,
  tasks: readonly string[],
  stacks: readonly (readonly string[])[],
  reading: Reading,
): Recorded {
  const shape = shapeOf(raw['type'], reading);
  const event: Record<string, unknown> = { type: name.read(raw['type'], 'type', reading) };
  let present = 4 + shape.readInto(raw, event, reading);
  const { task, stack, origin, line, timeUs } = raw;
  if (origin !== undefined) present++;
  if (line !== undefined) present++;
  if (timeUs !== undefined) present++;
  if (present !== keyCount(raw)) {
    rejectForeign(raw, [...ENVELOPE_KEYS, ...shape.keys], reading);
  }
  return {
    // Its type is known and every field has been read by the shape of that type.
    event: event as KernelEvent,
    task: defined(tasks, task, 'task', reading),
    stack: defined(stacks, stack, 'stack', reading),
    origin: origin === undefined ? 'implied' : originShape.read(origin, 'origin', reading),
    line: lineNumber.read(line ?? null, 'line', reading),
    timeUs: timeStamp.read(timeUs ?? null, 'timeUs', reading),
  };
}

function defined<T>(known: readonly T[], index: unknown, key: string, reading: Reading): T {
  const value = typeof index === 'number' ? known[index] : undefined;
  return value ?? reject(key, `the number of a ${key} defined above`, index, reading);
}

function shapeOf(type: unknown, reading: Reading): ObjectShape<unknown> {
  const shape = typeof type === 'string' ? SHAPES.get(type) : undefined;
  return shape ?? reject('type', 'an event type of this version', type, reading);
}
