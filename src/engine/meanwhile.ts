/** What comes while a stimulus is under way, told by the line that is printed next. */
import type { Meanwhile } from '../events/stimulus.ts';

/** Stimuli that wait, and how often each line came since the stimulus under way began. */
export interface Meanwhiles {
  /** `start` starts its task. */
  add(stimulus: Meanwhile, start: () => void): void;
  /** Is nothing waiting? */
  isEmpty(): boolean;
  /** The line is about to be printed once more. */
  count(line: string): void;
  timesOf(line: string): number;
  /** Starts the first that waits for the line as often as it came; false where none does. */
  startNext(line: string): boolean;
  /** Starts the first that waits at all; false where none does. */
  startAny(): boolean;
  /** Another stimulus begins: lines are counted anew. */
  begin(): void;
}

interface Waiting {
  readonly stimulus: Meanwhile;
  readonly start: () => void;
}

/** Nothing waits at first. Cost of a line: a look at what waits. */
export function createMeanwhiles(): Meanwhiles {
  const waiting: Waiting[] = [];
  const counts = new Map<string, number>();
  const timesOf = (line: string): number => counts.get(line) ?? 0;
  const startAt = (index: number): boolean => {
    const [one] = index < 0 ? [] : waiting.splice(index, 1);
    one?.start();
    return one !== undefined;
  };
  return {
    add: (stimulus, start) => void waiting.push({ stimulus, start }),
    isEmpty: () => waiting.length === 0,
    count: (line) => void counts.set(line, timesOf(line) + 1),
    timesOf,
    startNext: (line) =>
      startAt(
        waiting.findIndex(
          ({ stimulus }) => stimulus.line === line && stimulus.nth === timesOf(line),
        ),
      ),
    startAny: () => startAt(waiting.length === 0 ? -1 : 0),
    begin: () => counts.clear(),
  };
}
