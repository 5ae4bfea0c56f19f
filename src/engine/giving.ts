/** Giving stimuli to a run: the tasks that they start, and which come while others are under way. */
import type { EventOf } from '../events/event.ts';
import {
  type Concurrent,
  type Meanwhile,
  type Single,
  type Stimulus,
  singlesOf,
  type Together,
} from '../events/stimulus.ts';
import type { Kernel } from '../model/context.ts';
import { stimulusPath } from '../model/kernel/userspace.ts';
import type { Interrupts } from './interrupts.ts';
import { createMeanwhiles } from './meanwhile.ts';
import { INIT_TASK, type Scheduler } from './scheduler.ts';
import type { TaskEnd } from './tasks.ts';

/** The next thing that happens before the line; null for nothing more. */
export type Interrupt = (line: EventOf<'printk'>) => Concurrent | null;

export interface Giving extends Interrupts {
  give(stimulus: Stimulus): TaskEnd;
  /** All that was given; what comes meanwhile stands before the stimulus that it came in. */
  readonly stimuli: readonly Stimulus[];
  /** The first task of each stimulus, those left out that come meanwhile. */
  readonly names: readonly string[];
  /** Does nothing wait for a line? */
  isIdle(): boolean;
}

/** @param given how many stimuli the run had before. */
export function createGiving(
  k: Kernel,
  scheduler: Scheduler,
  given: number,
  interrupt: Interrupt | null,
): Giving {
  const stimuli: Stimulus[] = [];
  const names: string[] = [];
  const meanwhiles = createMeanwhiles();
  let interrupts = 0;
  const nameMeanwhile = (step: Single): string => {
    interrupts += 1;
    return taskName(step, `${given + names.length}+${interrupts}`);
  };
  const start = (name: string, stimulus: Single | Meanwhile): void => {
    const step = stimulus.do === 'meanwhile' ? stimulus.step : stimulus;
    scheduler.start(name, { type: 'task.started', stimulus }, stimulusPath(k, step, name));
  };
  const giveNow = (stimulus: Single | Together): TaskEnd => {
    const n = given + names.length;
    const tasks = singlesOf(stimulus).map((one, i) => {
      const name = taskName(one, stimulus.do === 'together' ? `${n}.${i}` : `${n}`);
      start(name, one);
      return name;
    });
    stimuli.push(stimulus);
    meanwhiles.begin();
    scheduler.settle();
    interrupts = 0;
    names.push(tasks[0] ?? '');
    const ends = tasks.map(scheduler.endOf);
    return ends.find(hasFailed) ?? ends[0] ?? { kind: 'returned', ret: 0 };
  };
  return {
    stimuli,
    names,
    isIdle: () => meanwhiles.isEmpty(),
    give(stimulus) {
      if (stimulus.do !== 'meanwhile') return giveNow(stimulus);
      const name = nameMeanwhile(stimulus.step);
      stimuli.push(stimulus);
      meanwhiles.add(stimulus, () => start(name, stimulus));
      return { kind: 'blocked', on: `the line "${stimulus.line}"` };
    },
    beforeLine(line) {
      if (interrupt === null && meanwhiles.isEmpty()) return false;
      const nth = meanwhiles.timeOf(line);
      if (meanwhiles.startNext(line.text, nth)) return true;
      const step = interrupt?.(line) ?? null;
      if (step === null) return false;
      const stimulus: Meanwhile = { do: 'meanwhile', line: line.text, nth, step };
      const name = nameMeanwhile(step);
      stimuli.splice(-1, 0, stimulus);
      start(name, stimulus);
      return true;
    },
    atRest: () => meanwhiles.startAny(),
  };
}

/** What a task is called, after the program that would do it. */
function taskName(stimulus: Single, n: string): string {
  switch (stimulus.do) {
    case 'boot':
      return INIT_TASK;
    case 'modprobe':
    case 'insmod':
    case 'rmmod':
      return `${stimulus.do}-${n}`;
    case 'vfio':
      return `vfio-user-${n}`;
    case 'deferred_probe_timeout':
      return `kworker-${n}`;
    case 'dma':
      return `dma-${n}`;
    default:
      return `sh-${n}`;
  }
}

function hasFailed(end: TaskEnd): boolean {
  return end.kind !== 'returned' || end.ret !== 0;
}
