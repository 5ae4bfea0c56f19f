/** Where two runs part, by cause: an inserted step does not make all that comes after it different. */
import { diffArrays } from 'diff';
import type { Recorded } from '../events/event.ts';
import { describeStimulus } from '../events/stimulus.ts';
import {
  createGlance,
  factOf,
  type Glance,
  groupNames,
  type Naming,
  stimulusKey,
  taskAlike,
  type Window,
  windowsOf,
} from './alike.ts';

/** Numbers of events that follow each other in one task, in one run or in both. */
export interface Difference {
  /** The stimulus during which it happened; '' before the first. */
  readonly stimulus: string;
  /** The task, by its name in the run that has the events; the first one's where both have some. */
  readonly task: string;
  /** Empty where the first run has nothing like it. */
  readonly a: readonly number[];
  readonly b: readonly number[];
}

/** A stimulus that only one run was given, or that it was given at another place. */
export interface OtherStimulus {
  readonly kind: 'only-a' | 'only-b' | 'moved';
  readonly stimulus: string;
  /** Its place among the stimuli, from 1; null where the run was not given it. */
  readonly a: number | null;
  readonly b: number | null;
  /** How many events it caused that the other run has not. */
  readonly events: number;
}

export interface Parting {
  /** What the runs were given differently. */
  readonly given: readonly OtherStimulus[];
  /** What came differently of the stimuli that both were given, in the order of the first run. */
  readonly differences: readonly Difference[];
  /** Events that both runs have. */
  readonly same: number;
}

/** Lanes that differ in more places are compared no further: the rest counts as different. */
const EDITS_MAX = 4000;

/**
 * Aligns two runs by stimulus, task, call path and what happened. Line numbers, times and evidence do
 * not count, nor does how tasks took turns, nor the numbers of groups.
 *
 * Cost: linear for runs that are alike; the length of a task's part times the number of differences
 * in it, of which at most `EDITS_MAX` are looked for.
 */
export function whereRunsPart(a: readonly Recorded[], b: readonly Recorded[]): Parting {
  const windows = { a: windowsOf(a), b: windowsOf(b) };
  const pairs = pairedWindows(windows.a, windows.b);
  const [left, right] = [sideOf(a, windows.a, 'a', pairs), sideOf(b, windows.b, 'b', pairs)];
  const sides = { a: left, b: right, glance: createGlance(left.naming, right.naming) };
  const found: (Difference & { readonly at: number })[] = [];
  let same = 0;
  const eventsOf = new Map<WindowPair, number>();
  for (const pair of pairs) {
    if (pair.a === null || pair.b === null) {
      const only = pair.a ?? pair.b;
      eventsOf.set(pair, only === null ? 0 : only.window.end - only.window.start);
      continue;
    }
    const before = found.length;
    same += compareWindows(sides, pair.a.window, pair.b.window, found);
    const events = found.slice(before).reduce((sum, one) => sum + one.a.length + one.b.length, 0);
    eventsOf.set(pair, events);
  }
  const differences = found.sort((x, y) => x.at - y.at).map(({ at: _, ...rest }) => rest);
  return { given: pairs.flatMap((pair) => givenOtherwise(pair, eventsOf)), differences, same };
}

export function isSameRun({ given, differences }: Parting): boolean {
  return given.length === 0 && differences.length === 0;
}

interface Placed {
  readonly window: Window;
  /** From 0. */
  readonly index: number;
}

/** A stimulus of one run and the same of the other; null where that was not given it. */
interface WindowPair {
  readonly a: Placed | null;
  readonly b: Placed | null;
  readonly moved: boolean;
}

function givenOtherwise(
  pair: WindowPair,
  eventsOf: ReadonlyMap<WindowPair, number>,
): readonly OtherStimulus[] {
  const { a, b, moved } = pair;
  if (a !== null && b !== null && !moved) return [];
  const stimulus = (a ?? b)?.window.stimulus ?? null;
  const kind = moved ? 'moved' : a === null ? 'only-b' : 'only-a';
  const text = stimulus === null ? '' : describeStimulus(stimulus);
  const [atA, atB] = [a === null ? null : a.index + 1, b === null ? null : b.index + 1];
  return [{ kind, stimulus: text, a: atA, b: atB, events: eventsOf.get(pair) ?? 0 }];
}

/** Same stimuli in the same order first; of the rest those that are alike were moved. */
function pairedWindows(a: readonly Window[], b: readonly Window[]): readonly WindowPair[] {
  const keys = (windows: readonly Window[]) => windows.map(({ stimulus }) => stimulusKey(stimulus));
  const pairs: WindowPair[] = [];
  const spare = new Map<string, Placed[]>();
  for (const { from, to } of alignedRanges(keys(a), keys(b))) {
    const common = from.same ? from.end - from.start : 0;
    for (let i = 0; i < common; i += 1)
      pairs.push({
        ...{ a: placed(a, from.start + i), b: placed(b, to.start + i), moved: false },
      });
    if (from.same) continue;
    for (let i = from.start; i < from.end; i += 1)
      pairs.push({ a: placed(a, i), b: null, moved: false });
    for (let i = to.start; i < to.end; i += 1) {
      const one = placed(b, i);
      const key = stimulusKey(one?.window.stimulus ?? null);
      if (one !== null) spare.set(key, [...(spare.get(key) ?? []), one]);
    }
  }
  const joined = pairs.map((pair): WindowPair => {
    if (pair.a === null || pair.b !== null) return pair;
    const other = spare.get(stimulusKey(pair.a.window.stimulus))?.shift();
    return other === undefined ? pair : { a: pair.a, b: other, moved: true };
  });
  const rest = [...spare.values()].flat();
  return [...joined, ...rest.map((one): WindowPair => ({ a: null, b: one, moved: false }))];
}

function placed(windows: readonly Window[], index: number): Placed | null {
  const window = windows[index];
  return window === undefined ? null : { window, index };
}

/** One run, ready to be compared. */
interface Side {
  readonly events: readonly Recorded[];
  readonly naming: Naming;
}

function sideOf(
  events: readonly Recorded[],
  windows: readonly Window[],
  side: 'a' | 'b',
  pairs: readonly WindowPair[],
): Side {
  const stimuli = new Map<string, string>();
  const before = windows[0]?.stimulus === null ? 1 : 0;
  for (const [n, pair] of pairs.entries()) {
    const own = pair[side];
    const isShared = pair.a !== null && pair.b !== null;
    if (own !== null && own.window.stimulus !== null)
      stimuli.set(String(own.index - before), isShared ? `of ${n}` : `of ${n} in ${side}`);
  }
  return { events, naming: { stimuli, groups: groupNames(events) } };
}

/** Compares task by task and adds what differs. Returns how many events both have. */
function compareWindows(
  { a, b, glance }: { readonly a: Side; readonly b: Side; readonly glance: Glance },
  left: Window,
  right: Window,
  found: (Difference & { readonly at: number })[],
): number {
  const lanes = { a: lanesOf(a, left), b: lanesOf(b, right) };
  const stimulus = left.stimulus === null ? '' : describeStimulus(left.stimulus);
  let same = 0;
  for (const lane of new Set([...lanes.a.keys(), ...lanes.b.keys()])) {
    const whole = { a: lanes.a.get(lane) ?? [], b: lanes.b.get(lane) ?? [] };
    const common = commonStart(whole.a, whole.b, (n, m) => isAlike(a, n, b, m, glance));
    same += common;
    const numbers = { a: whole.a.slice(common), b: whole.b.slice(common) };
    const last = whole.a[common - 1] ?? left.start - 1;
    const keys = {
      a: numbers.a.map((n) => keyAt(a, n)),
      b: numbers.b.map((n) => keyAt(b, n)),
    };
    for (const { from, to } of alignedRanges(keys.a, keys.b)) {
      if (from.same) {
        same += from.end - from.start;
        continue;
      }
      const [inA, inB] = [numbers.a.slice(from.start, from.end), numbers.b.slice(to.start, to.end)];
      // Where the first run has nothing, the place is behind what both have before.
      const behind = numbers.a[from.start - 1] ?? last;
      const task = (a.events[inA[0] ?? -1] ?? b.events[inB[0] ?? -1])?.task ?? '';
      found.push({ stimulus, task, a: inA, b: inB, at: inA[0] ?? behind + 0.5 });
    }
  }
  return same;
}

/** The numbers of a window's events by task. */
function lanesOf({ events, naming }: Side, { start, end }: Window): Map<string, number[]> {
  const lanes = new Map<string, number[]>();
  const names = new Map<string, string>();
  for (let n = start; n < end; n += 1) {
    const task = events[n]?.task ?? '';
    const name = names.get(task) ?? taskAlike(task, naming);
    names.set(task, name);
    const lane = lanes.get(name);
    if (lane === undefined) lanes.set(name, [n]);
    else lane.push(n);
  }
  return lanes;
}

function isAlike(a: Side, n: number, b: Side, m: number, glance: Glance): boolean {
  const [one, other] = [a.events[n], b.events[m]];
  return one !== undefined && other !== undefined && glance(one, n, other, m);
}

function keyAt({ events, naming }: Side, n: number): string {
  const recorded = events[n];
  return recorded === undefined ? '' : `${recorded.stack.join('>')} ${factOf(recorded, n, naming)}`;
}

interface Range {
  readonly start: number;
  readonly end: number;
  readonly same: boolean;
}

/** Both lists cut at the same places into parts that are the same and parts that are not. */
function alignedRanges(
  a: readonly string[],
  b: readonly string[],
): readonly { readonly from: Range; readonly to: Range }[] {
  const ranges: { from: Range; to: Range }[] = [];
  let [atA, atB] = [0, 0];
  const add = (countA: number, countB: number, same: boolean): void => {
    if (countA + countB === 0) return;
    const last = ranges.at(-1);
    const joins = last !== undefined && last.from.same === same;
    const [startA, startB] = joins ? [last.from.start, last.to.start] : [atA, atB];
    if (joins) ranges.pop();
    [atA, atB] = [atA + countA, atB + countB];
    ranges.push({
      from: { start: startA, end: atA, same },
      to: { start: startB, end: atB, same },
    });
  };
  const parts = diffArrays([...a], [...b], { maxEditLength: EDITS_MAX });
  if (parts === undefined) {
    const common = commonStart(a, b, (one, other) => one === other);
    add(common, common, true);
    add(a.length - common, b.length - common, false);
    return ranges;
  }
  for (const { count, added, removed } of parts)
    add(added ? 0 : count, removed ? 0 : count, !added && !removed);
  return ranges;
}

/** How many things the lists have in common from their start on. */
function commonStart<T>(
  a: readonly T[],
  b: readonly T[],
  isSame: (one: T, other: T) => boolean,
): number {
  const most = Math.min(a.length, b.length);
  for (let at = 0; at < most; at += 1) {
    const [one, other] = [a[at], b[at]];
    if (one === undefined || other === undefined || !isSame(one, other)) return at;
  }
  return most;
}
