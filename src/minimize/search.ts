/** How the search for smaller inputs speaks with whoever runs them. */
import type { Hit } from './attempt.ts';
import type { Draft } from './draft.ts';
import type { Subject } from './subject.ts';

/** A draft that is smaller, or nearer to the normal form, and the subject by its names there. */
export interface Candidate {
  readonly draft: Draft;
  readonly subject: Subject;
}

/** Inputs that have the violation, and what its subject is called in them. */
export interface Form {
  readonly hit: Hit;
  readonly subject: Subject;
}

/** Asks for the first candidate, in order, that still has the violation; null where none has. */
export type Search<T> = Generator<readonly Candidate[], T, Hit | null>;
