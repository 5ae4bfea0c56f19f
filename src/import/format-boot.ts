/** Which boot a record belongs to, and whether it was printed before. */

/** What is known of a record when boots are told apart. */
export interface Timed {
  /** Microseconds of the kernel's clock, or null. */
  readonly bootTimeUs: number | null;
  readonly text: string;
  /** A line before it says that a boot begins, or the boot's id has changed. */
  readonly afterBootNote: boolean;
}

export interface Placed {
  readonly boot: number;
  readonly replay: boolean;
}

const MARKER = /^(Linux version \d|Booting Linux on physical CPU )/;
const SECOND = 1_000_000;
/** Earlier stamps are alike in every boot of a machine. */
const DISTINCT_US = 1000;
/** Stamps looked at to tell a boot from a replay or from one wrong stamp. */
const LOOKAHEAD = 4;

interface BootState {
  boot: number;
  /** Index of the boot's first record. */
  first: number;
  maxUs: number;
  /** The last two stamps. */
  lastUs: number;
  beforeLastUs: number;
  markers: Set<string>;
  /** Stamp and text of the boot's records so far; null until it is first needed. */
  seen: Set<string> | null;
}

interface Log {
  readonly records: readonly Timed[];
  /** Of each record, the index of the first record from it on with a distinct stamp. */
  readonly nextDistinct: Int32Array;
}

/**
 * Numbers the boots of a log from 0.
 *
 * A boot begins where the kernel introduces itself again or where time falls back to about 0, unless
 * what follows carries the very stamps of lines already read: then a console prints the log again.
 * A smaller step back is no boot: stamps of different CPUs are not in order. Cost: linear.
 */
export function placeBoots(records: readonly Timed[]): readonly Placed[] {
  const log: Log = { records, nextDistinct: nextDistinct(records) };
  const state: BootState = newBoot(0, 0);
  return records.map((record, index) => {
    if (index > 0 && beginsBoot(log, index, record, state)) {
      Object.assign(state, newBoot(state.boot + 1, index));
    }
    return place(log, index, record, state);
  });
}

function newBoot(boot: number, first: number): BootState {
  const times = { maxUs: -1, lastUs: -1, beforeLastUs: -1 };
  return { boot, first, ...times, markers: new Set(), seen: null };
}

function nextDistinct(records: readonly Timed[]): Int32Array {
  const next = new Int32Array(records.length + 1).fill(records.length);
  for (let index = records.length - 1; index >= 0; index--) {
    const time = records[index]?.bootTimeUs ?? 0;
    next[index] = time >= DISTINCT_US ? index : (next[index + 1] ?? records.length);
  }
  return next;
}

function place(log: Log, index: number, record: Timed, state: BootState): Placed {
  const time = record.bootTimeUs;
  const marker = MARKER.exec(record.text)?.[1];
  if (marker !== undefined) state.markers.add(marker);
  if (time === null) return { boot: state.boot, replay: false };
  const replay = time < state.maxUs && seenBefore(log, index, state).has(keyOf(record));
  state.seen?.add(keyOf(record));
  state.maxUs = Math.max(state.maxUs, time);
  state.beforeLastUs = state.lastUs;
  state.lastUs = time;
  return { boot: state.boot, replay };
}

function beginsBoot(log: Log, index: number, record: Timed, state: BootState): boolean {
  if (record.afterBootNote) return true;
  const time = record.bootTimeUs;
  const marker = MARKER.exec(record.text)?.[1];
  const again = marker !== undefined && state.markers.has(marker);
  if (time === null) return again;
  const highUs = Math.min(state.lastUs, state.beforeLastUs);
  if (!again && !fallsBack(highUs, time)) return false;
  const seen = seenBefore(log, index, state);
  // Two consoles that print the first lines in turns.
  if (state.maxUs < DISTINCT_US && seen.has(keyOf(record))) return false;
  const ahead = distinctAhead(log, index);
  if (!again && ahead.some((next) => (next.bootTimeUs ?? 0) >= highUs)) return false;
  return !isReplay(log, index, ahead, seen);
}

function fallsBack(highUs: number, timeUs: number): boolean {
  if (highUs - timeUs <= SECOND) return false;
  return timeUs < SECOND || (highUs > 100 * SECOND && timeUs < highUs / 10);
}

function distinctAhead({ records, nextDistinct }: Log, index: number): readonly Timed[] {
  const ahead: Timed[] = [];
  let at = nextDistinct[index] ?? records.length;
  while (ahead.length < LOOKAHEAD) {
    const record = records[at];
    if (record === undefined) break;
    ahead.push(record);
    at = nextDistinct[at + 1] ?? records.length;
  }
  return ahead;
}

function isReplay(
  { records }: Log,
  index: number,
  ahead: readonly Timed[],
  seen: ReadonlySet<string>,
): boolean {
  const known = ahead.filter((record) => seen.has(keyOf(record)));
  if (ahead.length > 0) return known.length * 2 > ahead.length;
  return records.slice(index, index + LOOKAHEAD).every((record) => seen.has(keyOf(record)));
}

function seenBefore({ records }: Log, index: number, state: BootState): ReadonlySet<string> {
  state.seen ??= new Set(records.slice(state.first, index).map(keyOf));
  return state.seen;
}

function keyOf(record: Timed): string {
  return `${record.bootTimeUs}|${record.text}`;
}
