/** Where two runs part, as text: what they were given, the first real difference, and the others. */
import { type Difference, isSameRun, type OtherStimulus, type Parting } from '../bisect/parting.ts';
import { describeRecorded } from '../events/describe.ts';
import type { Recorded } from '../events/event.ts';
import { aligned, counted, type Line, line } from './line.ts';

/** Of each side of the first difference so many events are shown. */
const EVENTS_SHOWN = 6;
/** So many rows of the summary. */
const ROWS_SHOWN = 12;

/** What to call the runs in sentences. */
export interface Sides {
  readonly a: string;
  readonly b: string;
}

export function partingLines(
  parting: Parting,
  a: readonly Recorded[],
  b: readonly Recorded[],
  { a: nameA, b: nameB }: Sides = { a: 'the first run', b: 'the second run' },
): readonly Line[] {
  if (isSameRun(parting)) return [line(`the runs are the same: ${counted(a.length, 'event')}`)];
  const [first, ...others] = parting.differences;
  return [
    line(`the runs part: - ${nameA}, + ${nameB}`, 'head'),
    ...parting.given.map(givenLine),
    ...(first === undefined ? nothingElse(parting) : firstLines(first, a, b)),
    ...otherLines(others),
    line(`${counted(parting.same, 'event')} are the same in both`, 'dim'),
  ];
}

function givenLine({ kind, stimulus, a, b, events }: OtherStimulus): Line {
  const caused = events === 0 ? 'which changes nothing else' : `${counted(events, 'event')}`;
  switch (kind) {
    case 'only-a':
      return line(`- step ${a}, ${stimulus}: ${caused}`, 'bad');
    case 'only-b':
      return line(`+ step ${b}, ${stimulus}: ${caused}`, 'good');
    case 'moved':
      return line(`~ step ${a} is step ${b}, ${stimulus}: ${caused} are different`, 'head');
  }
}

function nothingElse({ given }: Parting): readonly Line[] {
  return given.length === 0 ? [] : [line('all that both were given went the same way')];
}

/** The first difference with the event before it, which both runs have. */
function firstLines(
  difference: Difference,
  a: readonly Recorded[],
  b: readonly Recorded[],
): readonly Line[] {
  const { stimulus, task } = difference;
  const shown = (numbers: readonly number[], events: readonly Recorded[], sign: string): Line[] => {
    const tone = sign === '-' ? 'bad' : 'good';
    const rows = numbers.slice(0, EVENTS_SHOWN).flatMap((n) => {
      const recorded = events[n];
      return recorded === undefined ? [] : [line(`${sign} ${describeRecorded(recorded, n)}`, tone)];
    });
    const more = numbers.length - rows.length;
    return more > 0 ? [...rows, line(`${sign} and ${counted(more, 'event')} more`, tone)] : rows;
  };
  const path = pathOf(difference, a, b);
  return [
    line(
      `first in ${stimulus === '' ? 'what came before' : stimulus}, task ${task}${path}`,
      'head',
    ),
    ...before(difference, a, b),
    ...shown(difference.a, a, '-'),
    ...shown(difference.b, b, '+'),
  ];
}

/** The last event of the task before the difference. */
function before(
  { a: inA, b: inB }: Difference,
  a: readonly Recorded[],
  b: readonly Recorded[],
): readonly Line[] {
  const [numbers, events] = inA.length > 0 ? [inA, a] : [inB, b];
  const first = numbers[0] ?? 0;
  const task = events[first]?.task;
  const at = events.slice(0, first).findLastIndex((recorded) => recorded.task === task);
  const recorded = events[at];
  return recorded === undefined ? [] : [line(`  ${describeRecorded(recorded, at)}`, 'dim')];
}

function pathOf({ a: inA, b: inB }: Difference, a: readonly Recorded[], b: readonly Recorded[]) {
  const stack = (a[inA[0] ?? -1] ?? b[inB[0] ?? -1])?.stack ?? [];
  return stack.length === 0 ? '' : `, in ${stack.join(' > ')}`;
}

/** How much else differs, by stimulus and task. */
function otherLines(others: readonly Difference[]): readonly Line[] {
  if (others.length === 0) return [];
  const sums = new Map<string, { stimulus: string; task: string; a: number; b: number }>();
  for (const { stimulus, task, a, b } of others) {
    const key = `${stimulus}\0${task}`;
    const sum = sums.get(key) ?? { stimulus, task, a: 0, b: 0 };
    sums.set(key, { ...sum, a: sum.a + a.length, b: sum.b + b.length });
  }
  const rows = [...sums.values()].slice(0, ROWS_SHOWN);
  const left = sums.size - rows.length;
  return [
    line(`then in ${counted(others.length, 'other place')}`, 'head'),
    ...aligned(
      rows.map(({ stimulus, task, a, b }) => [`-${a}`, `+${b}`, task, stimulus]),
      [0, 1],
      '  ',
    ),
    ...(left === 0 ? [] : [line(`  and in ${counted(left, 'task')} more`, 'dim')]),
  ];
}
