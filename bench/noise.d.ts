import type { Inputs } from '../src/events/trace.ts';
import type { Violation } from '../src/invariants/invariant.ts';
import type { attempt, Violating, Wanted } from '../src/minimize/attempt.ts';
import type { draftOf } from '../src/minimize/draft.ts';
import type { isKnown } from '../src/minimize/normal-names.ts';
import type { renamed, renamedSubject } from '../src/minimize/rename.ts';

interface Pieces {
  readonly attempt: typeof attempt;
  readonly draftOf: typeof draftOf;
  readonly isKnown: typeof isKnown;
  readonly renamed: typeof renamed;
  readonly renamedSubject: typeof renamedSubject;
}

interface Noisy {
  readonly inputs: Inputs;
  readonly violation: Violation;
  readonly kinds: readonly string[];
  readonly core: Violating;
}

export function createNoise(
  pieces: Pieces,
): (inputs: Inputs, wanted: Wanted, seed: number) => Noisy;

export function dice(seed: number): {
  readonly below: (n: number) => number;
  readonly of: <T>(list: readonly T[]) => T;
  readonly chance: (p: number) => boolean;
};
