/** The fewest assumptions under which a run agrees with what was seen. */
import type { Trace } from '../events/trace.ts';
import {
  type Assumption,
  doingOf,
  flipsOf,
  otherReleases,
  subjectOf,
  type UnloggedActions,
  weightOf,
} from './assumption.ts';
import type { Testimony, Witness } from './witness.ts';

export interface Hypothesis {
  readonly assumptions: readonly Assumption[];
  /** How many disagreements it does away with, and how many it leaves or brings. */
  readonly explains: number;
  readonly leaves: number;
  readonly testimony: Testimony;
}

export interface Search {
  readonly asItIs: Testimony;
  /** The best first: what leaves least, then what assumes least; none where nothing disagrees. */
  readonly hypotheses: readonly Hypothesis[];
  readonly runs: number;
}

/** How many assumptions are tried together. */
const DEPTH = 3;
/** How many hypotheses are carried on to the next depth, and how many options that open a way. */
const BEAM = 2;
const OPENING = 2;
const LISTED = 5;
/** How many unlogged actions are tried beside what is assumed already. */
const FURTHER_ACTIONS = 16;

/** A hypothesis without the events of its run, of which there are many while the search goes on. */
interface Tried {
  readonly assumptions: readonly Assumption[];
  readonly leaves: number;
  readonly run: Pick<Trace, 'header' | 'asked'>;
  readonly unlogged: readonly UnloggedActions[];
}

/** Is it known, and not to be assumed? Asked by the names of subjectOf. */
export type IsKnown = (subject: string) => boolean;

/**
 * Tries every single assumption, then further ones beside the best of them, until one leaves nothing,
 * or more of them leave no less.
 * An option that changes nothing by itself is carried on as well where the run under it asks about
 * what it did not ask about before. Assumptions that are not needed are dropped.
 * What users did unseen costs so much that patches and options are still joined where it leaves nothing.
 *
 * Cost: with F things that a run asks about and A actions that its disagreements suggest, at most 64,
 * F + A + 12 runs, then 4(F + 16) at most for each of two further depths, and a few for what is listed;
 * `onRun` hears of each.
 */
export function explain(
  witness: Witness,
  isKnown: IsKnown = () => false,
  onRun: (runs: number) => void = () => {},
): Search {
  let runs = 0;
  const run = (assumptions: readonly Assumption[]): Testimony => {
    runs += 1;
    onRun(runs);
    return witness(assumptions);
  };
  const asItIs = run([]);
  const base = asItIs.disagreements.length;
  if (base === 0) return { asItIs, hypotheses: [], runs };

  const judge = (assumptions: readonly Assumption[]): Tried =>
    triedAs(assumptions, run(assumptions));
  const found = search(triedAs([], asItIs), judge, isKnown);
  const needed = onceDone(sorted(found))
    .slice(0, LISTED)
    .map((tried) => withoutIdle(tried, judge));
  const hypotheses = sorted(distinct(needed)).map(({ assumptions, leaves }) => {
    const testimony = run(assumptions);
    return { assumptions, leaves, explains: base - leaves, testimony };
  });
  return { asItIs, hypotheses, runs };
}

function triedAs(
  assumptions: readonly Assumption[],
  { trace: { header, asked }, disagreements, unlogged = [] }: Testimony,
): Tried {
  const run = { header, ...(asked === undefined ? {} : { asked }) };
  return { assumptions, leaves: disagreements.length, run, unlogged };
}

/** All that leave less than what they build on. */
function search(
  start: Tried,
  judge: (assumptions: readonly Assumption[]) => Tried,
  isKnown: IsKnown,
): readonly Tried[] {
  const tried = new Set<string>();
  const found: Tried[] = [];
  let frontier: readonly Tried[] = [start];
  let least = start.leaves;
  for (let depth = 1; depth <= DEPTH; depth += 1) {
    const next = frontier.flatMap((parent) =>
      extensions(parent, depth, isKnown, least > 0)
        .filter((assumptions) => isNew(tried, assumptions))
        .map((assumptions) => ({ parent, child: judge(assumptions) })),
    );
    const better = next.filter(({ parent, child }) => child.leaves < parent.leaves);
    found.push(...better.map(({ child }) => child));
    const best = Math.min(...found.map(({ leaves }) => leaves));
    const isIdle = depth > 1 && best >= least;
    least = best;
    if (found.some((one) => one.leaves === 0 && !doesUnseen(one)) || isIdle) break;
    const opening = next.filter(({ parent, child }) => opens(parent, child));
    const open = better.map(({ child }) => child).filter(({ leaves }) => leaves > 0);
    frontier = [
      ...sorted(open).slice(0, BEAM),
      ...opening.map(({ child }) => child).slice(0, OPENING),
    ];
  }
  return found;
}

/** One more assumption than the parent has, about something that it says nothing of. */
function extensions(
  { assumptions, run, unlogged }: Tried,
  depth: number,
  isKnown: IsKnown,
  withActions: boolean,
): readonly (readonly Assumption[])[] {
  // Another release changes everything at once: by itself only.
  if (assumptions.some(({ kind }) => kind === 'release')) return [];
  const subjects = new Set(assumptions.map(subjectOf));
  const actions = depth === 1 ? unlogged : unlogged.slice(0, FURTHER_ACTIONS);
  const more = [
    ...flipsOf(run),
    ...(depth === 1 ? otherReleases(run) : []),
    ...(withActions ? actions : []),
  ];
  return more
    .filter((one) => !subjects.has(subjectOf(one)) && !isKnown(subjectOf(one)))
    .map((one) => [...assumptions, one]);
}

function isNew(tried: Set<string>, assumptions: readonly Assumption[]): boolean {
  const key = keyOf(assumptions);
  if (tried.has(key)) return false;
  tried.add(key);
  return true;
}

const keyOf = (assumptions: readonly Assumption[]): string =>
  assumptions
    .map((one) => JSON.stringify(one))
    .sort()
    .join();

/** Does an option bring the run to places where it asks about more, and at no cost? */
function opens(parent: Tried, child: Tried): boolean {
  const last = child.assumptions.at(-1);
  if (last?.kind !== 'config' || child.leaves > parent.leaves) return false;
  const before = parent.run.asked;
  return [...(child.run.asked ?? [])].some((name) => before?.has(name) !== true);
}

/** What is left of it without assumptions that it does not need. */
function withoutIdle(tried: Tried, judge: (assumptions: readonly Assumption[]) => Tried): Tried {
  let best = tried;
  for (const one of tried.assumptions) {
    if (best.assumptions.length < 2) break;
    const less = judge(best.assumptions.filter((other) => other !== one));
    if (less.leaves <= best.leaves) best = less;
  }
  return best;
}

const doesUnseen = ({ assumptions }: Tried): boolean =>
  assumptions.some(({ kind }) => kind === 'action');

/** The same actions in several places are one hypothesis: the best place stays. */
function onceDone(hypotheses: readonly Tried[]): readonly Tried[] {
  const seen = new Set<string>();
  return hypotheses.filter(({ assumptions }) => {
    const key = assumptions
      .map((one) => (one.kind === 'action' ? doingOf(one) : JSON.stringify(one)))
      .sort()
      .join('\n');
    if (seen.has(key)) return false;
    seen.add(key);
    return true;
  });
}

function distinct(hypotheses: readonly Tried[]): readonly Tried[] {
  const byKey = new Map(hypotheses.map((one) => [keyOf(one.assumptions), one]));
  return [...byKey.values()];
}

function sorted(hypotheses: readonly Tried[]): readonly Tried[] {
  return [...hypotheses].sort((a, b) => a.leaves - b.leaves || believed(a) - believed(b));
}

function believed({ assumptions, run }: Tried): number {
  return assumptions.reduce((sum, one) => sum + weightOf(one, run.header.kernel), 0);
}
