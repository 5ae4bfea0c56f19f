import type { attempt, Wanted } from '../src/minimize/attempt.ts';
import type { Draft } from '../src/minimize/draft.ts';
import type { allParts } from '../src/minimize/part.ts';
import type { without } from '../src/minimize/without.ts';

export function ddmin(
  pieces: {
    readonly attempt: typeof attempt;
    readonly allParts: typeof allParts;
    readonly without: typeof without;
  },
  draft: Draft,
  wanted: Wanted,
  callsMax: number,
): { readonly calls: number; readonly left: number; readonly parts: number };
