import type { Judge, Memory } from '../bisect/judge.ts';
import type { BisectOutcome } from '../bisect/outcome.ts';
import type { Line } from '../report/line.ts';
import type { Predicate } from './bisect-predicate.ts';
import { EXIT } from './exit.ts';
import type { LoadedSource } from './source.ts';

/** What a bisection is done with. */
export interface Means {
  readonly source: LoadedSource;
  readonly predicate: Predicate;
  /** The predicate for whole runs. */
  readonly judge: Judge;
  readonly memory: Memory;
  readonly confirm: boolean;
  /** What is bad, in words. */
  readonly what: string;
}

/** What a command says and ends with. */
export interface Told {
  readonly lines: readonly Line[];
  readonly json: object;
  readonly exit: number;
}

/** The exit code for what a search found. */
export function exitForOutcome({ kind }: Pick<BisectOutcome, 'kind'>): number {
  if (kind === 'holds') return EXIT.holds;
  return kind === 'found' || kind === 'badFromStart' ? EXIT.violated : EXIT.inconclusive;
}
