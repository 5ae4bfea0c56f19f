/** Which boot a record belongs to, and whether it was printed before. */
import { createSeenLines, type SeenLines } from './format-seen.ts';

/** What is known of a record when boots are told apart. */
export interface Timed {
  /** Microseconds of the kernel's clock, or null. */
  readonly bootTimeUs: number | null;
  readonly text: string;
  /** A line before it says that a boot begins, or the boot's id has changed. */
  readonly afterBootNote: boolean;
}

/** Takes a record with the number of its boot. */
type Place<T> = (record: T, boot: number, replay: boolean) => void;

export interface BootPlacer<T> {
  push(record: T): void;
  end(): void;
}

const MARKER = /^(Linux version \d|Booting Linux on physical CPU )/;
const SECOND = 1_000_000;
/** Earlier stamps are alike in every boot of a machine. */
const DISTINCT_US = 1000;
/** Stamps looked at to tell a boot from a replay or from one wrong stamp. */
const LOOKAHEAD = 4;
/** Records that are read to find them. */
const WAITING_MAX = 1 << 16;

interface BootState {
  boot: number;
  maxUs: number;
  /** The last two stamps. */
  lastUs: number;
  beforeLastUs: number;
  readonly markers: Set<string>;
  /** The boot's records so far. */
  readonly seen: SeenLines;
}

/**
 * Numbers the boots of a log from 0.
 *
 * A boot begins where the kernel introduces itself again or where time falls back to about 0, unless
 * what follows carries the very stamps of lines already read: then a console prints the log again.
 * A smaller step back is no boot: stamps of different CPUs are not in order. Cost: linear. Records are
 * given on in their order; a few wait where only those after them tell.
 */
export function createBootPlacer<T extends Timed>(take: Place<T>): BootPlacer<T> {
  const state: BootState = {
    ...{ boot: 0, maxUs: -1, lastUs: -1, beforeLastUs: -1 },
    markers: new Set(),
    seen: createSeenLines(),
  };
  const queue = createQueue<T>();
  let isFirst = true;
  const place = (record: T, begins: boolean): void => {
    if (begins) beginBoot(state);
    take(record, state.boot, notePlaced(record, state));
    isFirst = false;
  };
  const drain = (ended: boolean): void => {
    for (let record = queue.first(); record !== undefined; record = queue.first()) {
      const asks = !isFirst && mayBegin(record, state);
      if (asks && !isCertain(record) && !ended && !queue.isEnough()) return;
      const begins = asks && beginsBoot(record, queue, state);
      queue.shift();
      place(record, begins);
    }
  };
  return {
    push(record) {
      if (queue.first() === undefined && (isFirst || !mayBegin(record, state))) {
        place(record, false);
        return;
      }
      queue.push(record);
      drain(false);
    },
    end: () => drain(true),
  };
}

function beginBoot(state: BootState): void {
  state.boot++;
  state.maxUs = -1;
  state.lastUs = -1;
  state.beforeLastUs = -1;
  state.markers.clear();
  state.seen.clear();
}

/** Whether the record was printed before; from now on it was. */
function notePlaced({ bootTimeUs: time, text }: Timed, state: BootState): boolean {
  const marker = markerOf(text);
  if (marker !== null) state.markers.add(marker);
  // Nothing is printed twice in a microsecond, but by two consoles; early on the clock stands still.
  const isOld = time !== null && (time < state.maxUs || time >= DISTINCT_US);
  const replay = isOld && state.seen.has(time, text);
  if (!replay) state.seen.add(time, text);
  if (time === null) return false;
  state.maxUs = Math.max(state.maxUs, time);
  state.beforeLastUs = state.lastUs;
  state.lastUs = time;
  return replay;
}

function markerOf(text: string): string | null {
  return text.startsWith('Linux') || text.startsWith('Boot')
    ? (MARKER.exec(text)?.[1] ?? null)
    : null;
}

/** Whether a boot may begin with the record. */
function mayBegin(record: Timed, state: BootState): boolean {
  if (record.afterBootNote || isMarkedAgain(record, state)) return true;
  return record.bootTimeUs !== null && fallsBack(highOf(state), record.bootTimeUs);
}

/** Of a record that may begin a boot: it does, whatever follows. */
function isCertain({ afterBootNote, bootTimeUs }: Timed): boolean {
  return afterBootNote || bootTimeUs === null;
}

function isMarkedAgain({ text }: Timed, { markers }: BootState): boolean {
  const marker = markerOf(text);
  return marker !== null && markers.has(marker);
}

const highOf = ({ lastUs, beforeLastUs }: BootState): number => Math.min(lastUs, beforeLastUs);

function fallsBack(highUs: number, timeUs: number): boolean {
  if (highUs - timeUs <= SECOND) return false;
  return timeUs < SECOND || (highUs > 100 * SECOND && timeUs < highUs / 10);
}

function beginsBoot(record: Timed, queue: Queue<Timed>, state: BootState): boolean {
  if (isCertain(record)) return true;
  const { seen, maxUs } = state;
  const isSeen = ({ bootTimeUs, text }: Timed): boolean => seen.has(bootTimeUs, text);
  // Two consoles that print the first lines in turns.
  if (maxUs < DISTINCT_US && isSeen(record)) return false;
  const ahead = queue.distinct();
  const highUs = highOf(state);
  const isOneStamp = ahead.some((next) => (next.bootTimeUs ?? 0) >= highUs);
  if (isOneStamp && !isMarkedAgain(record, state)) return false;
  // The lines that follow were read before: it is a replay.
  const known = ahead.filter(isSeen);
  return ahead.length > 0 ? known.length * 2 <= ahead.length : !queue.next().every(isSeen);
}

/** Records that wait, the first of them for those that follow it. */
interface Queue<T> {
  push(record: T): void;
  shift(): void;
  first(): T | undefined;
  /** The first of them, whatever their stamps. */
  next(): readonly T[];
  /** The first of them with a stamp that tells boots apart. */
  distinct(): readonly T[];
  /** There are as many as are looked at. */
  isEnough(): boolean;
}

function createQueue<T extends Timed>(): Queue<T> {
  let records: T[] = [];
  let start = 0;
  let distinct: number[] = [];
  let firstDistinct = 0;
  return {
    push(record) {
      if ((record.bootTimeUs ?? 0) >= DISTINCT_US) distinct.push(records.length);
      records.push(record);
    },
    shift() {
      if (distinct[firstDistinct] === start) firstDistinct++;
      start++;
      if (start < records.length && start < WAITING_MAX) return;
      records = records.slice(start);
      distinct = distinct.slice(firstDistinct).map((at) => at - start);
      [start, firstDistinct] = [0, 0];
    },
    first: () => records[start],
    next: () => records.slice(start, start + LOOKAHEAD),
    distinct: () =>
      distinct.slice(firstDistinct, firstDistinct + LOOKAHEAD).flatMap((at) => records[at] ?? []),
    isEnough: () =>
      distinct.length - firstDistinct >= LOOKAHEAD || records.length - start >= WAITING_MAX,
  };
}
