/** What comes while a stimulus is under way, told by the line that is printed next. */
import type { EventOf } from '../events/event.ts';
import type { Meanwhile } from '../events/stimulus.ts';

/** Stimuli that wait, and how often each line came since the stimulus under way began. */
export interface Meanwhiles {
  /** `start` starts its task. */
  add(stimulus: Meanwhile, start: () => void): void;
  /** Is nothing waiting? */
  isEmpty(): boolean;
  /** For which time the line is about to be printed: always the same of one line. */
  timeOf(line: EventOf<'printk'>): number;
  /** Starts the first that waits for the line to be printed for the nth time; false where none does. */
  startNext(line: string, nth: number): boolean;
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
  const times = new WeakMap<EventOf<'printk'>, number>();
  const startAt = (index: number): boolean => {
    const [one] = index < 0 ? [] : waiting.splice(index, 1);
    one?.start();
    return one !== undefined;
  };
  return {
    add: (stimulus, start) => void waiting.push({ stimulus, start }),
    isEmpty: () => waiting.length === 0,
    timeOf(line) {
      const known = times.get(line);
      if (known !== undefined) return known;
      const nth = (counts.get(line.text) ?? 0) + 1;
      counts.set(line.text, nth);
      times.set(line, nth);
      return nth;
    },
    startNext: (line, nth) =>
      startAt(waiting.findIndex(({ stimulus }) => stimulus.line === line && stimulus.nth === nth)),
    startAny: () => startAt(waiting.length === 0 ? -1 : 0),
    begin: () => counts.clear(),
  };
}
