/** Every invariant, in the order in which one event's violations are reported. */
import { bootDma } from './boot-dma.ts';
import { coherency, stale, wiring } from './coherency.ts';
import { dmaOps, sharedMapping } from './dma.ts';
import type { Invariant } from './invariant.ts';
import { liveness } from './liveness.ts';
import { masters } from './masters.ts';
import { balance, idle, isolation, ownerCount } from './ownership.ts';
import { grouping, order } from './placement.ts';
import { once } from './shutdown.ts';
import { oops } from './soundness.ts';
import { acyclic, suppliersStay, waitsEnd } from './waiting.ts';

export const INVARIANTS: readonly Invariant[] = [
  balance,
  ownerCount,
  idle,
  isolation,
  coherency,
  stale,
  wiring,
  grouping,
  order,
  once,
  acyclic,
  waitsEnd,
  suppliersStay,
  liveness,
  masters,
  sharedMapping,
  dmaOps,
  bootDma,
  oops,
];

/** The invariant of that id or code, in any case of letters; undefined for none. */
export function findInvariant(name: string): Invariant | undefined {
  const wanted = name.toLowerCase();
  return INVARIANTS.find(({ id, code }) => id === wanted || code.toLowerCase() === wanted);
}
