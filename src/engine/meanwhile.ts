/** What comes while a stimulus is under way, told by the line that is printed next. */
import type { Meanwhile } from '../events/stimulus.ts';

/** Stimuli that wait, and how often each line came since they began to. */
export interface Meanwhiles {
  /** `start` starts its task. */
  add(stimulus: Meanwhile, start: () => void): void;
  /** Is nothing waiting? */
  isEmpty(): boolean;
  /** The line is about to be printed once more: says for which time, and starts what waited for that. */
  meet(line: string): { readonly nth: number; readonly started: boolean };
  /** Starts the rest, in the order in which they were added; false where there is none. */
  startAll(): boolean;
  /** Another stimulus begins: lines are counted anew. */
  begin(): void;
}

interface Waiting {
  readonly stimulus: Meanwhile;
  readonly start: () => void;
}

/** Nothing waits at first. Cost of a line: that of finding it among those that are waited for. */
export function createMeanwhiles(): Meanwhiles {
  const waiting = new Map<string, Waiting[]>();
  const counts = new Map<string, number>();
  let order: Waiting[] = [];
  return {
    add(stimulus, start) {
      const one = { stimulus, start };
      order.push(one);
      waiting.set(stimulus.line, [...(waiting.get(stimulus.line) ?? []), one]);
    },
    isEmpty: () => order.length === 0,
    meet(line) {
      const nth = (counts.get(line) ?? 0) + 1;
      counts.set(line, nth);
      const due = (waiting.get(line) ?? []).filter(({ stimulus }) => stimulus.nth === nth);
      if (due.length === 0) return { nth, started: false };
      order = order.filter((one) => !due.includes(one));
      for (const { start } of due) start();
      return { nth, started: true };
    },
    startAll() {
      const rest = order;
      order = [];
      waiting.clear();
      for (const { start } of rest) start();
      return rest.length > 0;
    },
    begin: () => counts.clear(),
  };
}
