/** A campaign as text: each finding as a short story, and what came of all of it. */
import { countPoints, WATCH_POINTS } from '../fuzz/coverage.ts';
import { MODEL_ERROR } from '../fuzz/finding.ts';
import type { Known, Ledger } from '../fuzz/ledger.ts';
import { type Ranked, ranked, type Sort } from '../fuzz/ranking.ts';
import type { Sometimes } from '../fuzz/sometimes-table.ts';
import type { Counts, Stats } from '../fuzz/stats.ts';
import { shellWords } from '../import/action-shell.ts';
import { findInvariant } from '../invariants/all.ts';
import { aligned, counted, type Line, line } from './line.ts';

/** What is told of a finding as soon as it is saved. */
export function findingStory({ first }: Known, path: string, seed: number): readonly Line[] {
  const { run, finding } = first;
  const { invariant, message, stack, stimulus, firstBad, stimuli, devices } = finding;
  const code = findInvariant(invariant)?.code;
  const head =
    invariant === MODEL_ERROR
      ? `${MODEL_ERROR}: reprobe itself broke in run ${run} of seed ${seed}`
      : `${invariant}${code === undefined ? '' : ` (${code})`} is violated in run ${run}`;
  const size = `${counted(stimuli, 'step')} on ${counted(devices, 'device')}`;
  const rows = [
    ['reduced to', firstBad === null ? size : `${size}, first bad event #${firstBad}`],
    ...(stimulus === '' ? [] : [['stimulus', stimulus]]),
    ...(stack.length === 0 ? [] : [['path', stack.join(' > ')]]),
    ...(invariant === MODEL_ERROR ? [] : [['fix', fixText(finding)]]),
    ...(finding.options.length === 0 ? [] : [['or', finding.options.join(', ')]]),
    ...(finding.since.length === 0 ? [] : [['since', finding.since.join(', ')]]),
    ...(finding.shows
      ? []
      : [['doubt', 'the saved scenario does not show it: a mistake of reprobe']]),
    ['again', shellWords(['reprobe', 'run', path])],
  ];
  return [line(head, 'bad'), line(`  ${message}`), ...aligned(rows, [], '  '), line('')];
}

function fixText({ fixes }: { readonly fixes: readonly string[] }): string {
  return fixes.length === 0 ? 'no known fix: new' : fixes.join(', ');
}

export interface Summary {
  readonly ledger: Ledger;
  readonly seed: number;
  readonly seconds: number;
  /** Runs that were made now; the others were resumed. */
  readonly made: number;
  /** What was not met and could have been; none is asked for where something was found. */
  readonly unmet: readonly Sometimes[];
  /** Edges of the table that were reached. */
  readonly edges: number;
  readonly edgesOf: number;
  readonly pathOf: (name: string) => string;
}

/** The whole campaign. */
export function campaignSummary(summary: Summary): readonly Line[] {
  const { ledger, seed, seconds, made, unmet } = summary;
  const { runs, events, known, points } = ledger;
  const rate = seconds > 0 ? `, ${Math.round(made / seconds)} runs/s` : '';
  const counts = countPoints(points);
  const reached =
    `${summary.edges} of ${summary.edgesOf} calls, ${counts.watch} of ${WATCH_POINTS} watch points, ` +
    `${counts.ret} return codes, ${counts.event} transitions`;
  return [
    line(
      known.length === 0 ? 'nothing found' : counted(known.length, 'finding'),
      known.length === 0 ? 'good' : 'bad',
    ),
    ...rankedLines(summary),
    line(`${counted(runs, 'run')} of seed ${seed}, ${counted(events, 'event')}${rate}`),
    line(`reached: ${reached}`),
    line(`met: ${counts.sometimes} of ${counts.sometimes + unmet.length} situations that can be`),
    ...unmet.map(({ claim }) => line(`  never: ${claim}`, 'bad')),
  ];
}

const SORTS: Readonly<Record<Sort, string>> = {
  new: 'no known fix, the worst first',
  known: 'with a known fix',
  mistake: 'mistakes of reprobe itself',
};

function rankedLines({ ledger, pathOf }: Summary): readonly Line[] {
  const all = ranked(ledger);
  const sorts = [...new Set(all.map(({ sort }) => sort))];
  return sorts.flatMap((sort) => {
    const rows = all.filter((one) => one.sort === sort).map((one) => rankedRow(one, pathOf));
    return [line(`${SORTS[sort]}:`, 'head'), ...aligned(rows, [], '  ')];
  });
}

function rankedRow({ known, harm, seen, alike }: Ranked, pathOf: Summary['pathOf']) {
  const { invariant, fixes, name } = known.first.finding;
  const others = alike === 0 ? '' : ` with ${counted(alike, 'other')} alike`;
  return [
    harm ?? '',
    invariant,
    `seen ${seen}${others}`,
    ...(fixes.length === 0 ? [] : [fixes.join(', ')]),
    pathOf(name),
  ];
}

/** What a sample of the runs' inputs is like. */
export function statsLines({ inputs, sizes, ...shares }: Stats): readonly Line[] {
  const spreads = Object.entries(sizes).map(([what, { least, median, most }]) => [
    what,
    `${least} to ${most}, half have up to ${median}`,
  ]);
  return [
    line(`inputs of ${counted(inputs, 'run')}`, 'head'),
    ...aligned(spreads, [], '  '),
    ...Object.entries(shares).flatMap(([what, counts]) => shareLines(what, counts, inputs)),
    line(''),
  ];
}

function shareLines(what: string, counts: Counts, inputs: number): readonly Line[] {
  const rows = Object.entries(counts).map(([value, count]) => [
    value,
    `${Math.round((100 * count) / inputs)} %`,
  ]);
  return [line(what, 'head'), ...aligned(rows, [1], '  ')];
}
