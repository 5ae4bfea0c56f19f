/** How much is violated, in a few words. */
import type { Violation } from '../invariants/invariant.ts';
import { counted } from './line.ts';

/** `2 invariants`, or `2 invariants, 5 times` where one broke for several subjects or anew. */
export function violated(violations: readonly Pick<Violation, 'invariant'>[]): string {
  const invariants = new Set(violations.map(({ invariant }) => invariant)).size;
  const times = violations.length === invariants ? '' : `, ${violations.length} times`;
  return `${counted(invariants, 'invariant')}${times}`;
}
