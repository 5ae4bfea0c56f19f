/** Lines that a log has and the model prints, elsewhere: what is left of a race, or of another schedule. */
import type { Disagreement } from '../explain/witness.ts';

/** A line of a log that the model prints at another place. */
export interface Moved {
  readonly text: string;
  /** Where the log has it. */
  readonly line: number;
  /** The line of the log where the model prints it. */
  readonly expectedAt: number;
}

export interface Sorted {
  /** What no other disagreement makes up for. */
  readonly rest: readonly Disagreement[];
  readonly moved: readonly Moved[];
}

/**
 * Pairs each line that only the log has with one of the same text that only the model prints, the first
 * with the first. Cost: linear.
 */
export function sortOut(disagreements: readonly Disagreement[]): Sorted {
  const onlyModel = new Map<string, (Disagreement & { readonly kind: 'line' })[]>();
  for (const one of disagreements)
    if (one.kind === 'line' && one.observed === null && one.expected !== null)
      onlyModel.set(one.expected, [...(onlyModel.get(one.expected) ?? []), one]);
  const paired = new Set<Disagreement>();
  const moved: Moved[] = [];
  for (const one of disagreements) {
    // What a file beside the log says has no place in its order.
    if (one.kind !== 'line' || one.expected !== null || one.evidence !== undefined) continue;
    const text = one.observed ?? '';
    const other = onlyModel.get(text)?.shift();
    if (other === undefined) continue;
    paired.add(one).add(other);
    moved.push({ text, line: one.line, expectedAt: other.line });
  }
  return { rest: disagreements.filter((one) => !paired.has(one)), moved };
}
