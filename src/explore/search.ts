/** Searches: directors that know which schedule comes next. */
import type { Director } from './step-watch.ts';

export interface Search extends Director {
  /** Goes to the next schedule; false where there is none left. To be called after each walk. */
  next(): boolean;
  /** How many states were met. */
  states(): number;
  /** Preemptions of the schedule just walked. */
  preemptions(): number;
  /** Was something left out for a bound? */
  isBounded(): boolean;
}
