/**
 * Finding the schedule of a log or a recording. What a kernel does beside other things is a matter of luck;
 * what was recorded tells how the dice fell. This guide lets tasks run up to their next line or
 * probed call, and then lets that one pass first which was recorded first.
 */
import type { SchedulerOptions, TaskView } from '../engine/scheduling.ts';
import type { Pause, Sleep } from '../model/path.ts';

/** A line or a probed call that was recorded. */
export interface Mark {
  /** Under which it meets the line or call of an emulated task. */
  readonly key: string;
  readonly isCall: boolean;
  readonly timeUs: number;
}

/** The key of what an emulated task is about to print or call; null for what nobody records. */
export type KeyOfPause = (at: Exclude<Pause, Sleep>) => string | null;

/** A place in what was recorded of an action. */
interface Place {
  readonly action: number;
  readonly place: number;
}

/** A task with the last mark it passed, to the mark that it came to next. */
export type TaskCourses = ReadonlyMap<string, Place>;

/** Choices by what was recorded. */
export interface ScheduleGuide {
  readonly choose: NonNullable<SchedulerOptions['choose']>;
  /** A line was printed. */
  readonly onEvent: NonNullable<SchedulerOptions['onEvent']>;
  /** A probed path was called. */
  called(name: string, args: readonly unknown[], task: string): void;
  /** From here on the marks of action `n` are followed; 0 is the boot. */
  begin(n: number): void;
  /** What each task of this run came to next, for another round. */
  readonly courses: TaskCourses;
}

/** The marks of one action. */
interface Stretch {
  readonly action: number;
  readonly marks: readonly Mark[];
  /** Key to its places, the next one last. */
  readonly places: ReadonlyMap<string, number[]>;
  /** Before this place nobody watches calls. */
  readonly firstCall: number;
  /** The first place that is still ahead. */
  next: number;
}

/**
 * A guide along the marks of each action, which are in the order of their time.
 *
 * A task that has come to no line and to no probed call goes on, the present one first; so does one
 * whose line the recording does not have ahead. When every task has come to a mark, the one whose
 * mark comes first passes, and what the recording has before it is passed over. Cost: linear in the
 * marks, and at each step in the tasks that can run.
 *
 * @param before what the tasks of an earlier round came to: a task that sleeps, or was just started,
 * sleeps on until that is due.
 */
export function createScheduleGuide(
  marks: ReadonlyMap<number, readonly Mark[]>,
  keyOfPause: KeyOfPause,
  before: TaskCourses = new Map(),
): ScheduleGuide {
  let stretch = stretchOf(0, marks.get(0) ?? []);
  const keyAt = rememberKeys(keyOfPause);
  const passed = new Map<string, Place>();
  const courses = new Map<string, Place>();

  const placeOf = (at: Exclude<Pause, Sleep>): number | null => {
    const key = keyAt(at);
    return key === null ? null : nextPlace(stretch, key);
  };
  const wakingOf = (task: string): number | null => {
    const waking = before.get(moment(task, passed.get(task)));
    return waking?.action === stretch.action && waking.place >= stretch.next ? waking.place : null;
  };
  const pass = (at: Exclude<Pause, Sleep>, task: string): void => {
    const place = placeOf(at);
    if (place === null) return;
    stretch.next = place + 1;
    const mark = { action: stretch.action, place };
    courses.set(moment(task, passed.get(task)), mark);
    passed.set(task, mark);
  };
  return {
    courses,
    begin(n) {
      stretch = stretchOf(n, marks.get(n) ?? []);
    },
    choose: (runnable) =>
      firstToPass(runnable, ({ name, at }) => {
        if (at === null) return null;
        return at.type === 'sleep' ? wakingOf(name) : placeOf(at);
      }),
    onEvent({ event, task }) {
      if (event.type === 'printk') pass(event, task);
    },
    called: (name, args, task) => pass({ type: 'call', name, args }, task),
  };
}

/** What a search for a schedule works on. */
export interface ScheduleSearch<T> {
  readonly marks: ReadonlyMap<number, readonly Mark[]>;
  readonly keyOfPause: KeyOfPause;
  /** How often a schedule is looked for, each time with what the round before showed. */
  readonly rounds: number;
  /** A run under the guide. */
  readonly attempt: (guide: ScheduleGuide) => T;
  /** How much of what was recorded the run contradicts. */
  readonly cost: (run: T) => number;
  /** How often the schedule of the run had a choice. */
  readonly choices: (run: T) => number;
}

/**
 * The run that what was recorded contradicts least: `first`, or the best of those whose schedules
 * follow the marks. Ends at a run without a contradiction, or without a choice to make. Cost: up to
 * `rounds` runs.
 */
export function searchSchedule<T>(first: T, search: ScheduleSearch<T>): T {
  const { marks, keyOfPause, rounds, attempt, cost, choices } = search;
  let best = first;
  let courses: TaskCourses | undefined;
  for (let round = 0; round < rounds && cost(best) > 0; round += 1) {
    const guide = createScheduleGuide(marks, keyOfPause, courses);
    const found = attempt(guide);
    courses = guide.courses;
    if (cost(found) < cost(best)) best = found;
    if (choices(found) === 0) break;
  }
  return best;
}

/** A task and how far it has come. */
function moment(task: string, passed: Place | undefined): string {
  return passed === undefined ? task : `${task} ${passed.action} ${passed.place}`;
}

/** Remembers the key of each line and call: they are asked for at every step until they pass. */
function rememberKeys(keyOfPause: KeyOfPause): KeyOfPause {
  const known = new WeakMap<Pause, string | null>();
  return (at) => {
    let key = known.get(at);
    if (key === undefined) {
      key = keyOfPause(at);
      known.set(at, key);
    }
    return key;
  };
}

function stretchOf(action: number, marks: readonly Mark[]): Stretch {
  const places = new Map<string, number[]>();
  for (const [place, { key }] of [...marks.entries()].reverse()) {
    const list = places.get(key);
    if (list === undefined) places.set(key, [place]);
    else list.push(place);
  }
  return { action, marks, places, firstCall: marks.findIndex(({ isCall }) => isCall), next: 0 };
}

/** The next place of the key; null when it is not ahead, or of a call that nobody watches yet. */
function nextPlace(stretch: Stretch, key: string): number | null {
  const places = stretch.places.get(key);
  if (places === undefined) return null;
  while (places.length > 0 && (places.at(-1) ?? 0) < stretch.next) places.pop();
  const place = places.at(-1);
  if (place === undefined) return null;
  const isEarly = stretch.marks[place]?.isCall === true && stretch.next < stretch.firstCall;
  return isEarly ? null : place;
}

/** Index of the task to run: one that waits for no mark, else the one whose mark comes first. */
function firstToPass(
  runnable: readonly TaskView[],
  placeOf: (task: TaskView) => number | null,
): number {
  let best = 0;
  let first = Number.POSITIVE_INFINITY;
  for (const [i, task] of runnable.entries()) {
    const place = placeOf(task);
    if (place === null) return i;
    if (place < first) [best, first] = [i, place];
  }
  return best;
}
