/** Binary search for the first state of a row that a costly check calls bad. */
import type { BisectOutcome } from './outcome.ts';

/** What a check says of one state; `skip` when it cannot tell. */
export type Verdict = 'good' | 'bad' | 'skip';

export interface SearchOptions {
  /** Judges the state of that place, from 0. */
  readonly judge: (place: number) => Promise<Verdict>;
  /** Judges both ends of the answer once more, and looks into what was never looked at. */
  readonly confirm?: boolean;
  /** A place in a sentence: `the state after event 7`. */
  readonly name?: (place: number) => string;
}

/** Two neighbours, the first of them good and the second bad; or why there are none. */
export type Searched =
  | { readonly kind: 'found'; readonly good: number; readonly bad: number }
  | Settled;

/** How many places are looked at that no search needs, to see whether the check is of one mind. */
const SPOT_CHECKS = 4;

/**
 * Finds the event between a good and a bad state among the states after 0 to `events` events.
 *
 * Both ends are judged first. Calls `judge` at most ⌈log2 events⌉ + 2 times, and once more for each
 * state it skips; to confirm, twice more and for up to four places between that were never looked
 * at. The answer is one change from good to bad; whether the check was bad and good again within the
 * parts never looked at, nobody knows.
 */
export async function searchPrefixes(
  events: number,
  options: SearchOptions,
): Promise<BisectOutcome> {
  let evaluations = 0;
  const judge = (count: number): Promise<Verdict> => {
    evaluations += 1;
    return options.judge(count);
  };
  const found = await searchRow(events, { ...options, judge });
  if (found.kind !== 'found') return { ...found, evaluations };
  return { ...foundAt(found.good - 1, found.bad - 1), evaluations };
}

/** What a search found where no invariant is at stake. */
export function foundAt(lastGood: number, event: number) {
  return { kind: 'found', event, lastGood, violation: null, also: [], healed: null } as const;
}

/** The same over any row of states, of which the last has the number `last`. Cost: as searchPrefixes. */
export async function searchRow(
  last: number,
  { judge, confirm = false, name = afterEvent }: SearchOptions,
): Promise<Searched> {
  const seen = new Map<number, Verdict>();
  const ask = async (place: number): Promise<Verdict> => {
    const verdict = await judge(place);
    seen.set(place, verdict);
    return verdict;
  };
  const start = await ask(0);
  const end = last === 0 ? start : await ask(last);
  const settled = judgeEnds(start, end);
  if (settled !== null) return settled;

  const { lo, hi } = await narrow(last, ask);
  if (hi - lo > 1) {
    const between = `${name(lo + 1)} up to ${name(hi - 1)}`;
    return { kind: 'inconclusive', reason: `the check skips everything from ${between}` };
  }
  const reason = confirm ? await contradiction({ lo, hi, last, seen }, judge, name) : null;
  return reason === null ? { kind: 'found', good: lo, bad: hi } : { kind: 'notMonotone', reason };
}

const afterEvent = (count: number): string =>
  count === 0 ? 'the state before the first event' : `the state after event ${count - 1}`;

/** What the ends alone say. */
type Settled =
  | { readonly kind: 'holds'; readonly invariants: number }
  | { readonly kind: 'badFromStart' }
  | { readonly kind: 'notMonotone' | 'inconclusive'; readonly reason: string };

/** The outcome when the ends alone decide; null when they are good and bad. */
function judgeEnds(start: Verdict, end: Verdict): Settled | null {
  if (start === 'skip') {
    return { kind: 'inconclusive', reason: 'the check skips the state before the first event' };
  }
  if (end === 'skip') {
    return { kind: 'inconclusive', reason: 'the check skips the state after the last event' };
  }
  if (start === 'good') return end === 'good' ? { kind: 'holds', invariants: 0 } : null;
  if (end === 'bad') return { kind: 'badFromStart' };
  const reason = 'the check is bad before the first event and good after the last: it healed';
  return { kind: 'notMonotone', reason };
}

/** Halves the range until its ends are neighbours, or everything between them is skipped. */
async function narrow(events: number, ask: (count: number) => Promise<Verdict>) {
  let lo = 0;
  let hi = events;
  const skipped = new Set<number>();
  while (hi - lo > 1) {
    const at = nearestUnskipped(lo, hi, skipped);
    if (at === null) break;
    const verdict = await ask(at);
    if (verdict === 'skip') skipped.add(at);
    else if (verdict === 'good') lo = at;
    else hi = at;
  }
  return { lo, hi };
}

/** The count nearest to the middle between `lo` and `hi` that was not skipped; null for none. */
function nearestUnskipped(lo: number, hi: number, skipped: ReadonlySet<number>): number | null {
  const middle = lo + ((hi - lo) >> 1);
  for (let away = 0; away < hi - lo; away += 1) {
    for (const at of [middle + away, middle - away])
      if (at > lo && at < hi && !skipped.has(at)) return at;
  }
  return null;
}

interface Narrowed {
  readonly lo: number;
  readonly hi: number;
  readonly last: number;
  readonly seen: ReadonlyMap<number, Verdict>;
}

/** Why the check is not to be trusted, in a sentence; null where nothing speaks against it. */
async function contradiction(
  { lo, hi, last, seen }: Narrowed,
  judge: SearchOptions['judge'],
  name: (place: number) => string,
): Promise<string | null> {
  for (const [place, verdict] of [
    [lo, 'good'],
    [hi, 'bad'],
  ] as const) {
    const again = await judge(place);
    if (again !== verdict) return `${name(place)} was ${verdict} and is ${again} when repeated`;
  }
  for (const place of unseenBetween([...seen.keys()], last)) {
    const verdict = await judge(place);
    const expected = place < lo ? 'good' : 'bad';
    if (verdict !== 'skip' && verdict !== expected)
      return `${name(place)} is ${verdict}, ${place < lo ? 'before' : 'after'} the change that was found`;
  }
  return null;
}

/** The middles of the widest gaps between the places that were looked at. */
function unseenBetween(seen: readonly number[], last: number): readonly number[] {
  const places = [...new Set([0, ...seen, last])].sort((a, b) => a - b);
  return places
    .flatMap((place, i) => {
      const width = (places[i + 1] ?? place) - place;
      return width > 1 ? [{ width, middle: place + (width >> 1) }] : [];
    })
    .sort((a, b) => b.width - a.width)
    .slice(0, SPOT_CHECKS)
    .map(({ middle }) => middle);
}
