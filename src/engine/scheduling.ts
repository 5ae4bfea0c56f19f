/** What may be decided about a run, or watched, from outside. */
import type { EventOf, KernelEvent, Origin, Recorded } from '../events/event.ts';
import type { Pause } from '../model/path.ts';
import type { ReadState } from '../model/state/state.ts';

/** Where an event of a guided run comes from. */
export interface Label {
  readonly origin: Origin;
  readonly line: number | null;
  readonly timeUs: number | null;
}

/** What may be decided or watched from outside. */
export interface SchedulerOptions {
  /** Decisions to replay; 0 (stay) where they end. */
  readonly choices?: readonly number[];
  /** Decides where `choices` end: gets the tasks that can run, the present one first, returns an index. */
  readonly choose?: (runnable: readonly TaskView[]) => number;
  /** Labels each event as it is recorded. */
  readonly label?: (event: KernelEvent) => Label;
  /** Called after each event, with the state that it led to. */
  readonly onEvent?: (recorded: Recorded, index: number, state: ReadState) => void;
  /** Stops a run that does not end. */
  readonly eventsMax?: number;
  /** Sees each step, for what depends on the order of steps. */
  readonly watch?: StepWatch;
}

/**
 * Sees what a run does beside its events, step by step. A step begins when its task is picked and
 * ends where the task can be left for another.
 */
export interface StepWatch {
  /** A task was started, by the one that has the step or by a stimulus. */
  started(task: TaskView): void;
  /**
   * What a task waits for is about to be looked at: the state, or whether tasks of the name `joined`
   * are there.
   */
  asks(task: TaskView, joined: string | null): void;
  /** The task has the next step; `runnable` are all that could have it. */
  picked(task: TaskView, runnable: readonly TaskView[]): void;
  /** The code of the step has run; what follows is what it asked for. */
  asked(): void;
  /** The step ended where it asks for a lock. */
  wants(lock: string): void;
  /** The step took a lock that was free, or gave one back. */
  locked(lock: string, isTaken: boolean): void;
  /** The step looked whether tasks of that name are there, before it started one. */
  looked(name: string): void;
  /** The task of the step has ended, with all other tasks where the machine stops. */
  ended(task: TaskView, isHalt: boolean): void;
}

/** What a choice may be made by. */
export interface TaskView {
  readonly name: string;
  /** Where it stands and waits to be chosen; null in the middle of its work. */
  readonly at: Pause | null;
}

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
