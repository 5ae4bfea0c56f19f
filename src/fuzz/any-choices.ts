/** Arbitrary schedules: where another task than the current one goes on. */
import type fc from 'fast-check';
import { type Dice, drawn } from './drawn.ts';

/**
 * Choices of which most are the default. What matters is mostly where few tasks are held up for long,
 * so that a schedule changes hands seldom, or all the time.
 */
export function anyChoices(dice: Dice, length: number): readonly number[] {
  const share = dice.weigh([
    [4, 0],
    [3, 8],
    [2, 30],
    [1, 70],
  ]);
  if (share === 0) return [];
  const count = dice.below(length + 1);
  return Array.from({ length: count }, () => (dice.percent(share) ? 1 + dice.below(3) : 0));
}

/** Choices of at most that many decisions. */
export const someChoices = (length: number): fc.Arbitrary<readonly number[]> =>
  drawn((dice) => anyChoices(dice, length));
