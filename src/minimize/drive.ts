/** Answers what a search asks, and counts how often something had to be judged for it. */
import { canonicalJson } from '../events/canonical.ts';
import type { Hit } from './attempt.ts';
import type { Answer, Candidate, Search } from './search.ts';

export interface Driven<T> {
  readonly value: T;
  /** Candidates that were judged; one that was asked for again counts once. */
  readonly calls: number;
}

type OnHit = (hit: Hit, calls: number) => void;

/** Judges candidates one by one, each once. */
export function drive<T>(
  search: Search<T>,
  judge: (candidate: Candidate) => Hit | null,
  onHit: OnHit = () => {},
): Driven<T> {
  const known = new Map<string, Hit | null>();
  const firstOf = (candidates: Iterable<Candidate>): Answer | null => {
    let index = 0;
    for (const candidate of candidates) {
      const key = canonicalJson(candidate.draft);
      const old = known.get(key);
      const hit = old === undefined ? judge(candidate) : old;
      known.set(key, hit);
      if (hit !== null) return { index, hit };
      index += 1;
    }
    return null;
  };
  for (let answer: Answer | null = null; ; ) {
    const { done, value } = search.next(answer);
    if (done === true) return { value, calls: known.size };
    answer = firstOf(value);
    if (answer !== null) onHit(answer.hit, known.size);
  }
}

/**
 * Judges up to `width` candidates at once, ahead of the answers: the result and the count are those of
 * `drive`. What was judged ahead in vain is not counted, and not thrown away.
 */
export async function driveAhead<T>(
  search: Search<T>,
  judge: (candidate: Candidate) => Promise<Hit | null>,
  width: number,
  onHit: OnHit = () => {},
): Promise<Driven<T>> {
  const known = new Map<string, Promise<Hit | null>>();
  const counted = new Set<string>();
  const limited = createLimit(width);
  const start = (candidate: Candidate) => {
    const key = canonicalJson(candidate.draft);
    const hit = known.get(key) ?? limited(() => judge(candidate));
    known.set(key, hit);
    // Told to whoever waits for it; what is judged ahead may be waited for by nobody.
    hit.catch(() => {});
    return { key, hit };
  };
  const firstOf = async (candidates: Iterable<Candidate>): Promise<Answer | null> => {
    const ahead: ReturnType<typeof start>[] = [];
    const rest = candidates[Symbol.iterator]();
    for (let index = 0; ; index += 1) {
      while (ahead.length < width) {
        const { done, value } = rest.next();
        if (done === true) break;
        ahead.push(start(value));
      }
      const next = ahead.shift();
      if (next === undefined) return null;
      counted.add(next.key);
      const hit = await next.hit;
      if (hit !== null) return { index, hit };
    }
  };
  for (let answer: Answer | null = null; ; ) {
    const { done, value } = search.next(answer);
    if (done === true) return { value, calls: counted.size };
    answer = await firstOf(value);
    if (answer !== null) onHit(answer.hit, counted.size);
  }
}

/** Runs at most so many things at once; the others wait in turn. */
function createLimit(width: number) {
  const waiting: (() => void)[] = [];
  let free = width;
  return async <T>(run: () => Promise<T>): Promise<T> => {
    if (free > 0) free -= 1;
    else await new Promise<void>((resolve) => waiting.push(resolve));
    try {
      return await run();
    } finally {
      const next = waiting.shift();
      if (next === undefined) free += 1;
      else next();
    }
  };
}
