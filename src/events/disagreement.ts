/** How a log and the model disagree, as one sentence. */

/** Stands for the side that has no line. */
export const NO_LINE = 'no such line';

/** Says which of the two has a line that the other lacks, or that the two read differently. */
export function disagreement(between: {
  readonly expected: string;
  readonly observed: string;
}): string {
  const [expected, observed] = [between.expected.trimEnd(), between.observed.trimEnd()];
  if (expected === NO_LINE) return `the log has "${observed}", the model would not print it`;
  if (observed === NO_LINE) return `the model prints "${expected}", the log lacks it`;
  return `the model has "${expected}", the log "${observed}"`;
}
