/** How the search for smaller inputs speaks with whoever runs them. */
import type { Hit } from './attempt.ts';
import type { Draft } from './draft.ts';
import type { Subject } from './subject.ts';

/** A draft that is smaller, or nearer to the normal form, and the subject by its names there. */
export interface Candidate {
  readonly draft: Draft;
  readonly subject: Subject;
}

/** Inputs that have the violation, what its subject is called in them, and what was called otherwise. */
export interface Form {
  readonly hit: Hit;
  readonly subject: Subject;
  readonly was: OldNames;
}

/** By the new name, the one that a thing had at first, where that is another one. */
export interface OldNames {
  readonly device: ReadonlyMap<string, string>;
  readonly driver: ReadonlyMap<string, string>;
  readonly module: ReadonlyMap<string, string>;
}

/** The first candidate of a question that still has the violation: its number, and the run. */
export interface Answer {
  readonly index: number;
  readonly hit: Hit;
}

/**
 * Asks which of some candidates is the first, in order, that still has the violation; null stands for
 * none. Candidates are made as they are taken, so that a question may have many.
 */
export type Search<T> = Generator<Iterable<Candidate>, T, Answer | null>;

/** Asks for one candidate. */
export function* askFor(candidate: Candidate): Search<Hit | null> {
  const answer = yield [candidate];
  return answer?.hit ?? null;
}

/** Asks for the first of some. */
export function* askForFirst(candidates: readonly Candidate[]): Search<Hit | null> {
  const answer = yield candidates;
  return answer?.hit ?? null;
}
