/** Bisection between a good run and a bad one: which of their differences make it bad. */
import type { Inputs } from '../events/trace.ts';
import { smallestEnough } from './delta.ts';
import { type Difference, describeDifference, differencesBetween } from './differences.ts';
import { counting, type Judge } from './judge.ts';
import type { Verdict } from './search.ts';

export type Between =
  | {
      readonly kind: 'found';
      /** All differences. */
      readonly differences: readonly Difference[];
      /** The least of them with which the good inputs are bad. */
      readonly smallest: readonly Difference[];
      /** What the bad inputs are without these: `good` where they alone are the reason. */
      readonly without: Verdict;
      readonly evaluations: number;
    }
  | { readonly kind: 'inconclusive'; readonly reason: string; readonly evaluations: number };

/**
 * Finds the least differences that turn the good inputs bad, and looks whether the bad ones are good
 * without them. Mixed inputs that cannot be run count as not bad.
 *
 * Cost: three runs and those of smallestEnough over the differences.
 */
export async function bisectBetween(good: Inputs, bad: Inputs, judge: Judge): Promise<Between> {
  const counted = counting(judge);
  const verdictOf = async (inputs: Inputs, what: string) =>
    (await counted.judge(inputs, what)).verdict;
  const inconclusive = (reason: string): Between => {
    return { kind: 'inconclusive', reason, evaluations: counted.count() };
  };
  const ends = [await verdictOf(good, 'the good one'), await verdictOf(bad, 'the bad one')];
  if (ends[0] !== 'good')
    return inconclusive(`the inputs that should be good are ${said(ends[0])}`);
  if (ends[1] !== 'bad') return inconclusive(`the inputs that should be bad are ${said(ends[1])}`);
  const { differences, mixed } = differencesBetween(good, bad);
  if (differences.length === 0) return inconclusive('the inputs do not differ');
  const isEnough = async (part: readonly Difference[]) =>
    (await verdictOf(mixed(new Set(part)), part.map(describeDifference).join('; '))) === 'bad';
  if (!(await isEnough(differences)))
    return inconclusive('the differences that are known do not make the good inputs bad');
  const smallest = await smallestEnough(differences, isEnough);
  const rest = new Set(differences.filter((one) => !smallest.includes(one)));
  const without = await verdictOf(mixed(rest), 'the bad one without these');
  return { kind: 'found', differences, smallest, without, evaluations: counted.count() };
}

const said = (verdict: Verdict | undefined): string =>
  verdict === 'skip' ? 'not to be judged' : `${verdict}`;
