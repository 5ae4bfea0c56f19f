/** What the steps of a scenario returned, and which of them failed though nothing expects it. */
import { errnoName } from '../events/errno.ts';
import type { Recorded } from '../events/event.ts';
import type { DeviceSpec, Machine } from '../events/machine.ts';
import { describeStimulus, type Single, singlesOf } from '../events/stimulus.ts';
import type { Trace } from '../events/trace.ts';
import { moduleName } from '../model/firmware/module-table.ts';
import { nearest } from '../scenario/nearest.ts';
import type { ParsedScenario } from '../scenario/scenario.ts';

export interface StepResult {
  /** Counted from 1. */
  readonly step: number;
  /** The step as a person would write it down. */
  readonly did: string;
  /** The step's first system call that did not return 0, else 0; null where none returned. */
  readonly ret: number | null;
  /** What the last of its system calls that gave a value back gave; null where none did. */
  readonly value: string | null;
  /** The event that says so; without one, the last of the step. */
  readonly event: number;
}

/**
 * How many events there were when each step was over. A step starts one task, or several at once; one
 * that comes meanwhile is over when the step that it comes in begins.
 * Cost: once through the trace.
 */
export function stepEndsOf({ header, events }: Trace): readonly number[] {
  const starts = events.flatMap(({ event }, n) =>
    event.type === 'task.started' && event.stimulus.do !== 'meanwhile' ? [n] : [],
  );
  const begins: number[] = [];
  for (let i = 0; i < starts.length; ) {
    const stimulus = header.stimuli[begins.length];
    begins.push(starts[i] ?? 0);
    if (stimulus?.do === 'meanwhile') continue;
    i += stimulus === undefined ? 1 : Math.max(singlesOf(stimulus).length, 1);
  }
  return begins.length === 0 ? [] : [...begins.slice(1), events.length];
}

export function stepResults(trace: Trace): readonly StepResult[] {
  const meanwhile = meanwhileResults(trace);
  return stepEndsOf(trace).flatMap((end, i, ends) => {
    if (trace.header.stimuli[i]?.do === 'meanwhile')
      return meanwhile.splice(0, 1).map((result) => ({ ...result, step: i + 1 }));
    const start = i === 0 ? 0 : (ends[i - 1] ?? 0);
    const own = trace.events.slice(start, end);
    const begins = own.flatMap(({ event, task }) =>
      event.type === 'task.started' && event.stimulus.do !== 'meanwhile'
        ? [{ task, did: describeStimulus(event.stimulus) }]
        : [],
    );
    if (begins.length === 0) return [];
    const returned = returnOf(
      own,
      begins.map(({ task }) => task),
    );
    const event = start + (returned?.at ?? own.length - 1);
    const did = begins.map((one) => one.did).join(' & ');
    const values = own.flatMap(({ event: { type, ...rest } }) =>
      type === 'syscall.returned' && 'value' in rest && rest.value !== '' ? [rest.value] : [],
    );
    const value = values.at(-1) ?? null;
    return [{ step: i + 1, did, ret: returned?.ret ?? null, value, event }];
  });
}

/** What came meanwhile, in the order of the tasks' names, which is that of the steps. */
function meanwhileResults({ events }: Trace): StepResult[] {
  const byName = new Intl.Collator('en', { numeric: true });
  return events
    .flatMap(({ event, task }, start) =>
      event.type === 'task.started' && event.stimulus.do === 'meanwhile'
        ? [{ task, start, did: describeStimulus(event.stimulus) }]
        : [],
    )
    .sort((a, b) => byName.compare(numberOf(a.task), numberOf(b.task)))
    .map(({ task, start, did }) => {
      const end = events.findIndex(
        ({ event, task: by }, n) => n > start && by === task && event.type === 'task.finished',
      );
      const finished = events[end]?.event;
      const ret = finished?.type === 'task.finished' ? finished.ret : null;
      return { step: 0, did, ret, value: null, event: end < 0 ? start : end };
    });
}

/** `0+12` of `dma-0+12`. */
const numberOf = (task: string): string => task.slice(task.lastIndexOf('-') + 1);

/** What the events of one step say that it returned, and which of them: of its first task that failed. */
function returnOf(own: readonly Recorded[], tasks: readonly string[]) {
  const returned = tasks.flatMap((task) => returnOfTask(own, task) ?? []);
  return returned.find(hasFailed) ?? returned[0];
}

/** The first of its system calls that failed, or the first; of a task that made none, how it ended. */
function returnOfTask(own: readonly Recorded[], task: string) {
  const returns = (type: 'syscall.returned' | 'task.finished') =>
    own.flatMap(({ event, task: by }, at) =>
      event.type === type && by === task ? [{ ret: event.ret, at }] : [],
    );
  const calls = returns('syscall.returned');
  return calls.find(hasFailed) ?? calls[0] ?? returns('task.finished')[0];
}

function hasFailed({ ret }: { readonly ret: number }): boolean {
  return ret !== 0;
}

/** `returned -EBUSY`, for a sentence about a step. */
export function describeReturn(ret: number | null): string {
  return ret === null ? 'did not return' : `returned ${errnoName(ret)}`;
}

/** A step that failed though no expectation says that it should. */
export interface Surprise extends StepResult {
  /** The line of the scenario, from 1. */
  readonly line: number | null;
  /** What was perhaps meant; null where there is no guess. */
  readonly hint: string | null;
}

/** The steps that failed with what the scenario does not expect of them, in their order. */
export function surprisingSteps(
  { steps, stepLines, expect, machine }: ParsedScenario,
  results: readonly StepResult[],
): readonly Surprise[] {
  const isExpected = ({ step, ret }: StepResult): boolean =>
    expect.some((one) => one.kind === 'returns' && one.step === step && one.ret === ret);
  return results.flatMap((result) => {
    if (result.ret === 0 || isExpected(result)) return [];
    const stimulus = steps[result.step - 1];
    const guesses =
      stimulus === undefined ? [] : singlesOf(stimulus).map((one) => guess(one, machine));
    const hint = guesses.find((one) => one !== null) ?? null;
    return [{ ...result, line: stepLines[result.step - 1] ?? null, hint }];
  });
}

/** One line: which step, what it did and returned, and what was perhaps meant. */
export function describeSurprise({ step, line, did, ret, event, hint }: Surprise): string {
  const where = line === null ? '' : ` (line ${line})`;
  const what = `step ${step}${where} ${describeReturn(ret)} at #${event}, which is not expected`;
  return `${what}: ${did}${hint === null ? '' : `; ${hint}`}`;
}

/** The first name of the step that the machine lacks and that resembles one it has. */
function guess(stimulus: Single, machine: Machine): string | null {
  const { devices, drivers, modules } = machine;
  const owners = drivers.flatMap(({ module }) => (module === null ? [] : [module]));
  const loadable = [...modules.map(({ name }) => name), ...owners].map(moduleName);
  const named: readonly (readonly [string | null, readonly string[]])[] = [
    ['module' in stimulus ? moduleName(stimulus.module) : null, loadable],
    ['drv' in stimulus ? stimulus.drv : null, drivers.map(({ name }) => name)],
    ['dev' in stimulus ? stimulus.dev : null, namesIn(devices)],
  ];
  for (const [name, known] of named) {
    if (name === null || known.includes(name)) continue;
    const meant = nearest(name, known);
    if (meant !== null) return `did you mean ${meant}?`;
  }
  return null;
}

function namesIn(devices: readonly DeviceSpec[]): readonly string[] {
  return devices.flatMap(({ name, creates = [] }) => [name, ...namesIn(creates)]);
}
