/** Where two runs part. */
import { canonicalJson } from '../events/canonical.ts';
import type { Recorded } from '../events/event.ts';

/** The first position where the events differ; null where one list is like the other throughout. */
export interface Parting {
  readonly event: number;
  /** Null where that run has ended. */
  readonly a: Recorded | null;
  readonly b: Recorded | null;
}

/**
 * Compares type and payload, not line numbers, times or evidence.
 *
 * Cost: linear up to the difference.
 */
export function whereRunsPart(a: readonly Recorded[], b: readonly Recorded[]): Parting | null {
  const length = Math.max(a.length, b.length);
  for (let event = 0; event < length; event += 1) {
    const left = a[event] ?? null;
    const right = b[event] ?? null;
    if (left === null || right === null || !isSame(left, right))
      return { event, a: left, b: right };
  }
  return null;
}

function isSame(a: Recorded, b: Recorded): boolean {
  if (a.event === b.event) return true;
  return a.event.type === b.event.type && canonicalJson(a.event) === canonicalJson(b.event);
}
