/** Running a trace's inputs again, under another kernel or with something left out. */
import { followChoices, runAll } from '../engine/run.ts';
import type { KernelSpec, Machine } from '../events/machine.ts';
import type { Inputs, Trace } from '../events/trace.ts';
import type { Divergence } from '../import/guide.ts';
import { checkTrace } from '../invariants/checker.ts';
import type { Violation } from '../invariants/invariant.ts';

/** Another kernel: what is absent stays as it is. */
export interface Change {
  /** Another release as it shipped: patches that the source switches are not carried over. */
  readonly version?: string;
  readonly config?: Readonly<Record<string, string>>;
  readonly patches?: Readonly<Record<string, boolean>>;
}

export interface RerunResult {
  readonly trace: Trace;
  readonly divergences: readonly Divergence[];
  /** Why the run, should it break no invariant, says little about the kernel of the log. */
  readonly doubts: readonly string[];
}
export type Rerun = (change: Change) => RerunResult;

/** One input to do without. */
export type Omission =
  /** The stimulus of that position in the header, from 0. */
  | { readonly kind: 'stimulus'; readonly index: number }
  | { readonly kind: 'driver'; readonly name: string }
  | { readonly kind: 'device'; readonly name: string };

/** The second change on top of the first. */
export function mergedChange(first: Change, second: Change): Change {
  const version = second.version ?? first.version;
  return {
    ...(version === undefined ? {} : { version }),
    config: { ...first.config, ...second.config },
    patches: { ...(second.version === undefined ? first.patches : {}), ...second.patches },
  };
}

/** The kernel with the change applied. */
export function changedKernel(spec: KernelSpec, change: Change): KernelSpec {
  const { version, config, patches } = change;
  const kept = version === undefined ? spec.patches : {};
  return {
    ...spec,
    version: version ?? spec.version,
    release: version === undefined ? spec.release : null,
    config: { ...spec.config, ...config },
    patches: { ...kept, ...patches },
  };
}

/**
 * Runs the stimuli of the trace again.
 *
 * The scheduler's choices are followed as far as they fit: a choice of a task that is not there any
 * more becomes the last one that is. Without a change it is the same run, but for a trace from a
 * log, which guides it no more: the machine has what the log shows that its drivers' probes return.
 */
export function rerunTrace(trace: Trace, change: Change, without: Omission | null = null): Trace {
  const { kernel, machine, stimuli, choices } = inputsWithout(trace.header, without);
  const system = { kernel: changedKernel(kernel, change), machine };
  return runAll(system, stimuli, { choose: followChoices(choices) }).trace(trace.header.source);
}

/** The inputs with one of them left out. */
export function inputsWithout(
  { kernel, machine, stimuli, choices }: Inputs,
  without: Omission | null,
): Inputs {
  const index = without?.kind === 'stimulus' ? without.index : -1;
  return {
    kernel,
    machine: machineWithout(machine, without),
    stimuli: stimuli.filter((_, i) => i !== index),
    choices,
  };
}

/** Every violation of a trace. */
export function violationsOf({ header, events }: Trace): readonly Violation[] {
  return checkTrace(header, events);
}

function machineWithout(machine: Machine, without: Omission | null): Machine {
  if (without === null || without.kind === 'stimulus') return machine;
  const { kind, name } = without;
  if (kind === 'driver') {
    return {
      ...machine,
      drivers: machine.drivers.filter((driver) => driver.name !== name),
      boot: machine.boot.filter((step) => step.step !== 'driver' || step.drv !== name),
    };
  }
  return {
    ...machine,
    devices: machine.devices.filter((device) => device.name !== name),
    boot: machine.boot.filter((step) => step.step !== 'device' || step.dev !== name),
  };
}
