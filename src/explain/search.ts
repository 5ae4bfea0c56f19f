/** The fewest assumptions under which a run agrees with what was seen. */
import { type Assumption, flipsOf, otherReleases, subjectOf, weightOf } from './assumption.ts';
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

/**
 * Tries every single assumption, then further ones beside the best of them, until one leaves nothing,
 * or more of them leave no less.
 * An option that changes nothing by itself is carried on as well where the run under it asks about
 * what it did not ask about before. Assumptions that are not needed are dropped.
 *
 * Cost: one run for each assumption tried; `onRun` hears of each.
 *
 * @param known what nothing is assumed about, by the names of subjectOf.
 */
export function explain(
  witness: Witness,
  known: ReadonlySet<string> = new Set(),
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

  const judge = (assumptions: readonly Assumption[]): Hypothesis => {
    const testimony = run(assumptions);
    const leaves = testimony.disagreements.length;
    return { assumptions, testimony, leaves, explains: base - leaves };
  };
  const tried = new Set<string>();
  const found: Hypothesis[] = [];
  let frontier: readonly Hypothesis[] = [
    { assumptions: [], testimony: asItIs, leaves: base, explains: 0 },
  ];
  let least = base;
  for (let depth = 1; depth <= DEPTH; depth += 1) {
    const next = frontier.flatMap((parent) =>
      extensions(parent, depth, known)
        .filter((assumptions) => isNew(tried, assumptions))
        .map((assumptions) => ({ parent, child: judge(assumptions) })),
    );
    const better = next.filter(({ parent, child }) => child.leaves < parent.leaves);
    found.push(...better.map(({ child }) => child));
    const best = Math.min(...found.map(({ leaves }) => leaves));
    const isIdle = depth > 1 && best >= least;
    least = best;
    if (best === 0 || isIdle) break;
    const opening = next.filter(({ parent, child }) => opens(parent, child));
    frontier = [
      ...sorted(better.map(({ child }) => child)).slice(0, BEAM),
      ...opening.map(({ child }) => child).slice(0, OPENING),
    ];
  }
  const needed = sorted(found)
    .slice(0, LISTED)
    .map((hypothesis) => withoutIdle(hypothesis, judge));
  return { asItIs, hypotheses: sorted(distinct(needed)), runs };
}

/** One more assumption than the parent has, about something that it says nothing of. */
function extensions(
  { assumptions, testimony }: Hypothesis,
  depth: number,
  known: ReadonlySet<string>,
): readonly (readonly Assumption[])[] {
  const subjects = new Set([...known, ...assumptions.map(subjectOf)]);
  const flips = flipsOf(testimony.trace);
  // Another release changes everything at once: by itself only.
  const more = depth === 1 ? [...flips, ...otherReleases(testimony.trace)] : flips;
  if (assumptions.some(({ kind }) => kind === 'release')) return [];
  return more.filter((one) => !subjects.has(subjectOf(one))).map((one) => [...assumptions, one]);
}

function isNew(tried: Set<string>, assumptions: readonly Assumption[]): boolean {
  const key = keyOf(assumptions);
  if (tried.has(key)) return false;
  tried.add(key);
  return true;
}

const keyOf = (assumptions: readonly Assumption[]): string =>
  assumptions.map(subjectOf).sort().join(', ');

/** Does an option bring the run to places where it asks about more, and at no cost? */
function opens(parent: Hypothesis, child: Hypothesis): boolean {
  const last = child.assumptions.at(-1);
  const before = parent.testimony.trace.asked;
  if (last?.kind !== 'config' || child.leaves > parent.leaves) return false;
  return [...(child.testimony.trace.asked ?? [])].some((name) => before?.has(name) !== true);
}

/** The hypothesis without assumptions that it does not need. */
function withoutIdle(
  hypothesis: Hypothesis,
  judge: (assumptions: readonly Assumption[]) => Hypothesis,
): Hypothesis {
  let best = hypothesis;
  for (const one of hypothesis.assumptions) {
    if (best.assumptions.length < 2) break;
    const less = judge(best.assumptions.filter((other) => other !== one));
    if (less.leaves <= best.leaves) best = less;
  }
  return best;
}

function distinct(hypotheses: readonly Hypothesis[]): readonly Hypothesis[] {
  const byKey = new Map(hypotheses.map((one) => [keyOf(one.assumptions), one]));
  return [...byKey.values()];
}

function sorted(hypotheses: readonly Hypothesis[]): readonly Hypothesis[] {
  return [...hypotheses].sort((a, b) => a.leaves - b.leaves || believed(a) - believed(b));
}

function believed({ assumptions, testimony }: Hypothesis): number {
  const { kernel } = testimony.trace.header;
  return assumptions.reduce((sum, one) => sum + weightOf(one, kernel), 0);
}
