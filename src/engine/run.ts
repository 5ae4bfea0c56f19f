/** A run of the emulated system: stimuli in, events out. */
import type { Allocation, KernelSpec, Machine } from '../events/machine.ts';
import type { Stimulus } from '../events/stimulus.ts';
import type { Trace, TraceSource } from '../events/trace.ts';
import { SCHEMA_VERSION } from '../events/trace.ts';
import type { Kernel, Oracle, PathProbe } from '../model/context.ts';
import { kernelOps } from '../model/kernel/ops.ts';
import { initialState, type ReadState, type State } from '../model/state/state.ts';
import type { OptionName } from '../model/versions/option-table.ts';
import type { PatchName } from '../model/versions/patch-table.ts';
import { configOf, parseCmdline, patchesOf } from '../model/versions/profile.ts';
import { createGiving, type Interrupt } from './giving.ts';
import { copyState, type Rest } from './rest.ts';
import { createScheduler, type ScheduledKernel, type Scheduler } from './scheduler.ts';
import type { SchedulerOptions, TaskView } from './scheduling.ts';
import type { TaskEnd } from './tasks.ts';

/** The system under emulation. */
export interface System {
  readonly machine: Machine;
  readonly kernel: KernelSpec;
}

export interface RunOptions extends SchedulerOptions {
  /** Watches path calls as kprobes would. */
  readonly probe?: PathProbe;
  /** Answers for drivers the model does not know from inside; where null, the machine's outcomes. */
  readonly oracle?: (dev: string, drv: string) => number | null;
  /**
   * Asked before each line what happens before it is printed, until nothing does. The trace has it as
   * `meanwhile`, so that another run gets the same.
   */
  readonly interrupt?: Interrupt;
  /** Goes on from where another run of the same system was at rest. */
  readonly from?: Rest;
  /** What paths, reducers and watchers work on instead of the state itself, such as a proxy of it. */
  readonly view?: (state: State) => State;
}

export interface Run {
  readonly system: System;
  readonly kernel: Kernel;
  readonly state: ReadState;
  readonly scheduler: Scheduler;
  /**
   * Gives the system one stimulus and runs until nothing moves. Returns how its task ended; of
   * several at once the first that did not return 0.
   */
  give(stimulus: Stimulus): TaskEnd;
  /**
   * The task's name of the stimulus given as the n-th, from 0, those left out that come meanwhile; of
   * several at once the first.
   */
  taskOf(n: number): string;
  /** The run at rest, with a state of its own; null where it is not. */
  rest(): Rest | null;
  trace(source?: TraceSource | null): Trace;
}

/** Answers of the machine's drivers: per device the listed outcomes, the last one for ever. */
function specOracle(machine: Machine, attempts: Map<string, number>): Oracle {
  return (dev, drv) => {
    const spec = machine.drivers.find((driver) => driver.name === drv);
    const key = `${drv} ${dev}`;
    const attempt = attempts.get(key) ?? 0;
    attempts.set(key, attempt + 1);
    const listed = spec?.outcomes !== undefined && Object.hasOwn(spec.outcomes, dev);
    const outcomes = listed ? (spec.outcomes?.[dev] ?? []) : [];
    return outcomes[attempt] ?? outcomes.at(-1) ?? spec?.outcome ?? 0;
  };
}

/** What allocations come to: as the machine says attempt by attempt, or 0. */
function specFailures({ failures = {} }: Machine, attempts: Map<string, number>) {
  return (call: Allocation, dev: string): number => {
    const table = failures[call];
    const answers = table !== undefined && Object.hasOwn(table, dev) ? (table[dev] ?? []) : [];
    if (answers.length === 0) return 0;
    const key = `${call} ${dev}`;
    const attempt = attempts.get(key) ?? 0;
    attempts.set(key, attempt + 1);
    return answers[attempt] ?? answers.at(-1) ?? 0;
  };
}

/** What paths asked their kernel about, with what they were told: it is asked again and again. */
interface Answers {
  readonly has: Map<PatchName, boolean>;
  readonly config: Map<OptionName, string>;
}

function createKernel(
  system: System,
  state: State,
  options: RunOptions,
  attempts: Map<string, number>,
  answers: Answers,
): ScheduledKernel {
  const patches = patchesOf(system.kernel);
  const params = parseCmdline(system.kernel.cmdline);
  const ofMachine = specOracle(system.machine, attempts);
  return {
    spec: system.kernel,
    machine: system.machine,
    state,
    ops: kernelOps,
    task: { name: '' },
    probe: options.probe ?? null,
    oracle: (dev, drv) => options.oracle?.(dev, drv) ?? ofMachine(dev, drv),
    allocates: specFailures(system.machine, attempts),
    has: (patch) => {
      const known = answers.has.get(patch);
      if (known !== undefined) return known;
      const isIn = patches.has(patch);
      answers.has.set(patch, isIn);
      return isIn;
    },
    config: (option) => {
      const known = answers.config.get(option);
      if (known !== undefined) return known;
      const value = configOf(system.kernel, option);
      answers.config.set(option, value);
      return value;
    },
    cmdline: (name) => params.get(name) ?? null,
  };
}

/** Choices up to the last that is not the default: where they end, the default goes on. */
export function withoutDefaults(choices: readonly number[]): readonly number[] {
  return choices.slice(0, choices.findLastIndex((choice) => choice !== 0) + 1);
}

/**
 * A system at rest, ready for stimuli.
 *
 * @throws ReprobeError UNKNOWN_NAME for a patch that is not in the table.
 */
export function createRun(system: System, options: RunOptions = {}): Run {
  const { from, view } = options;
  const own = from === undefined ? initialState() : copyState(from.state, system.machine);
  const state = view?.(own) ?? own;
  const attempts = new Map(from?.attempts);
  const given = from?.given ?? 0;
  const answers: Answers = { has: new Map(), config: new Map() };
  const k = createKernel(system, state, options, attempts, answers);
  const scheduler: Scheduler = createScheduler(state, k, options, {
    beforeLine: (line) => giving.beforeLine(line),
    atRest: () => giving.atRest(),
  });
  const giving = createGiving(k, scheduler, given, options.interrupt ?? null);
  return {
    system,
    kernel: k,
    state,
    scheduler,
    give: giving.give,
    taskOf: (n) => giving.names[n - given] ?? '',
    rest: () =>
      scheduler.isIdle() && own.oops === null && giving.isIdle()
        ? {
            state: copyState(own, system.machine),
            given: given + giving.names.length,
            attempts: new Map(attempts),
          }
        : null,
    trace: (source = null) => ({
      header: {
        schema: SCHEMA_VERSION,
        source,
        kernel: system.kernel,
        machine: system.machine,
        stimuli: giving.stimuli.slice(),
        choices: withoutDefaults(scheduler.choices),
      },
      events: scheduler.events,
      asked: new Set<string>([...answers.has.keys(), ...answers.config.keys()]),
    }),
  };
}

/** Gives a system all its stimuli, one after the other. */
export function runAll(
  system: System,
  stimuli: readonly Stimulus[],
  options: RunOptions = {},
): Run {
  const run = createRun(system, options);
  for (const stimulus of stimuli) run.give(stimulus);
  return run;
}

/**
 * Makes choices as they were made in another run, as far as they fit: a choice of a task that is not
 * there any more becomes the last one that is. Where they end, `then` goes on, or the default.
 */
export function followChoices(
  choices: readonly number[],
  then: (runnable: readonly TaskView[]) => number = () => 0,
): (runnable: readonly TaskView[]) => number {
  let made = 0;
  return (runnable) => {
    const choice = choices[made];
    made += 1;
    return choice === undefined ? then(runnable) : Math.min(choice, runnable.length - 1);
  };
}
