import type { EventOf } from '../events/event.ts';

/** Tasks that start in the middle of others. */
export interface Interrupts {
  /**
   * A task is about to print the line: starts the next thing that comes before it, if anything. Asked
   * again when that is done.
   */
  beforeLine(line: EventOf<'printk'>): boolean;
  /** Nothing can run: starts what comes now, if anything. */
  atRest(): boolean;
}

/** Nothing starts by itself. */
export const NONE: Interrupts = { beforeLine: () => false, atRest: () => false };
