/** Devices that firmware makes wait for each other, where the kernel saw it: many boards have some. */
import type { Violation } from '../invariants/invariant.ts';
import { isBrokenCircle } from '../invariants/waiting.ts';

/** What a board breaks, without the circles that its firmware asks for and that the kernel breaks. */
export function withoutBrokenCircles(violations: readonly Violation[]): readonly Violation[] {
  return violations.filter((one) => !isBrokenCircle(one));
}

/** One sentence with each broken circle once, whichever device it was found at; empty for none. */
export function brokenCircles(violations: readonly Violation[]): readonly string[] {
  const circles = new Map<string, string>();
  for (const { values } of violations.filter(isBrokenCircle)) {
    const way = String(values['circle']);
    const members = way.split(' -> ').slice(1).toSorted().join(' ');
    if (!circles.has(members)) circles.set(members, way);
  }
  if (circles.size === 0) return [];
  const ways = [...circles.values()].join(', ');
  return [`firmware makes devices wait in circles, which the kernel breaks: ${ways}`];
}
