/** Binary search for the first prefix of a trace that a costly check calls bad. */
import type { BisectOutcome } from './outcome.ts';

/** What a check says of one state; `skip` when it cannot tell. */
export type Verdict = 'good' | 'bad' | 'skip';

export interface SearchOptions {
  /** Judges the state after the first `count` events. */
  readonly judge: (count: number) => Promise<Verdict>;
  /** Judges both ends of the answer once more: a check that then disagrees is not to be trusted. */
  readonly confirm?: boolean;
}

/**
 * Finds the event between a good and a bad state among the states after 0 to `events` events.
 *
 * Both ends are judged first. Calls `judge` at most ⌈log2 events⌉ + 2 times, twice more to confirm,
 * and once more for each state it skips. The answer is one change from good to bad; whether the
 * check was bad and good again within the parts never looked at, nobody knows.
 */
export async function searchPrefixes(
  events: number,
  { judge, confirm = false }: SearchOptions,
): Promise<BisectOutcome> {
  let evaluations = 0;
  const ask = (count: number): Promise<Verdict> => {
    evaluations += 1;
    return judge(count);
  };
  const start = await ask(0);
  const end = events === 0 ? start : await ask(events);
  const settled = judgeEnds(start, end);
  if (settled !== null) return { ...settled, evaluations };

  const range = await narrow(events, ask);
  if (range.hi - range.lo > 1) {
    const reason = `the check skips every state after event ${range.lo - 1} up to ${range.hi - 2}`;
    return { kind: 'inconclusive', reason, evaluations };
  }
  if (confirm) {
    const reason = await contradiction(range.lo, range.hi, ask);
    if (reason !== null) return { kind: 'notMonotone', reason, evaluations };
  }
  return {
    kind: 'found',
    event: range.hi - 1,
    lastGood: range.lo - 1,
    violation: null,
    also: [],
    healed: null,
    evaluations,
  };
}

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

async function contradiction(
  lo: number,
  hi: number,
  ask: (count: number) => Promise<Verdict>,
): Promise<string | null> {
  const good = await ask(lo);
  if (good !== 'good')
    return `the state after event ${lo - 1} was good and is ${good} when repeated`;
  const bad = await ask(hi);
  if (bad !== 'bad') return `the state after event ${hi - 1} was bad and is ${bad} when repeated`;
  return null;
}
