/** The same inputs under other kernels, on other machines or with other steps: a table of verdicts. */
import type { KernelSpec, Machine } from '../events/machine.ts';
import type { Trace } from '../events/trace.ts';
import type { Violation } from '../invariants/invariant.ts';
import { configOf, flipped, PATCH_NAMES, PROFILES, patchesOf } from '../model/versions/profile.ts';
import { describeEdit, editSteps, runSteps, type Step, type StepEdit, stepsOf } from './edit.ts';
import { sameViolation } from './first-violation.ts';
import {
  type Change,
  changedKernel,
  type Rerun,
  type RerunResult,
  rerunTrace,
  violationsOf,
} from './rerun.ts';

/** What is varied; each patch and option is tried both ways. */
export interface Axes {
  readonly kernels: readonly string[];
  readonly patches: readonly string[];
  readonly config: Readonly<Record<string, string>>;
}

export interface NamedMachine {
  readonly name: string;
  readonly machine: Machine;
}

/** One run of the table: what differs from the source. */
export interface Variant {
  readonly change: Change;
  readonly edit: StepEdit | null;
  readonly machine: NamedMachine | null;
}

export interface WhatIfRow {
  readonly kernel: string;
  /** The patches and options that were set for this run. */
  readonly patches: Readonly<Record<string, boolean>>;
  readonly config: Readonly<Record<string, string>>;
  /** What was done with the steps, and on which machine; null for what the source has. */
  readonly step: string | null;
  readonly machine: string | null;
  readonly verdict: 'holds' | 'violates' | 'diverges';
  /** The first one. */
  readonly violation: Violation | null;
  /**
   * What the kernel would have printed otherwise: lines that the source's run has and this one has
   * not, and the other way round.
   */
  readonly prints: { readonly missing: readonly string[]; readonly extra: readonly string[] };
}

/** A row with the run that it is about. */
export interface WhatIfRun {
  readonly row: WhatIfRow;
  readonly variant: Variant;
  readonly trace: Trace;
  readonly violations: readonly Violation[];
}

/** The product of the axes, the last axis changing fastest. */
export function crossed(kernel: KernelSpec, { kernels, patches, config }: Axes): readonly Change[] {
  let changes: readonly Change[] =
    kernels.length === 0 ? [{}] : [...new Set(kernels)].map((version) => ({ version }));
  for (const name of new Set(patches)) {
    changes = changes.flatMap((change) =>
      [false, true].map((on) => ({ ...change, patches: { ...change.patches, [name]: on } })),
    );
  }
  for (const [option, value] of Object.entries(config)) {
    changes = changes.flatMap((change) =>
      [otherValue(kernel, option, value), value].map((one) => ({
        ...change,
        config: { ...change.config, [option]: one },
      })),
    );
  }
  return changes;
}

/** Each change as it is, on each other machine and with each edit, one at a time. */
export function variantsOf(
  changes: readonly Change[],
  machines: readonly NamedMachine[],
  edits: readonly StepEdit[],
): readonly Variant[] {
  return changes.flatMap((change) => [
    { change, machine: null, edit: null },
    ...machines.map((machine) => ({ change, machine, edit: null })),
    ...edits.map((edit) => ({ change, machine: null, edit })),
  ]);
}

function otherValue(kernel: KernelSpec, option: string, value: string): string {
  const present = configOf(kernel, option);
  return present === value ? flipped(value) : present;
}

/**
 * The source as it is, each release as it shipped, and each patch and option flipped alone: of the
 * patches those that the run asked about, for no other can change it.
 */
export function allChanges(
  kernel: KernelSpec,
  options: readonly string[],
  asked?: ReadonlySet<string>,
): readonly Change[] {
  const present = patchesOf(kernel);
  return [
    {},
    ...PROFILES.map((version) => ({ version })),
    ...PATCH_NAMES.filter((name) => asked?.has(name) ?? true).map((name) => ({
      patches: { [name]: !present.has(name) },
    })),
    ...options.map((option) => ({
      config: { [option]: flipped(configOf(kernel, option)) },
    })),
  ];
}

/**
 * Runs each variant, lazily.
 *
 * A log tells what its kernel did, and would contradict any other. So where the inputs that were read
 * out of it show the same violations without it, what they would have done otherwise is looked for
 * without it too: what is printed otherwise then is no contradiction. Where they do not, the log goes
 * on to guide other kernels, and a run without a violation `diverges` when it is in doubt, or when the
 * log contradicts it more often than the kernel it came from, lines that the change itself accounts
 * for aside; other steps and machines have no log to guide them, and decide nothing unless they
 * violate something.
 *
 * Cost: one run a variant and two more; twice as many where a log has to guide.
 */
export function* whatIfRuns(rerun: Rerun, variants: readonly Variant[]): Generator<WhatIfRun> {
  const base = baseOf(rerun);
  for (const variant of variants) {
    const { change, edit, machine } = variant;
    const { trace, diverges, reference } = judged(base, variant);
    const violations = violationsOf(trace);
    const [violation = null] = violations;
    const row: WhatIfRow = {
      kernel: trace.header.kernel.version,
      patches: change.patches ?? {},
      config: change.config ?? {},
      step: edit === null ? null : describeEdit(edit, base.given.trace.header.stimuli),
      machine: machine?.name ?? null,
      verdict: violation !== null ? 'violates' : diverges ? 'diverges' : 'holds',
      violation,
      prints: printedOtherwise(reference, trace),
    };
    yield { row, variant, trace, violations };
  }
}

/** The rows alone. */
export function whatIf(rerun: Rerun, changes: readonly Change[]): readonly WhatIfRow[] {
  return [...whatIfRuns(rerun, variantsOf(changes, [], []))].map(({ row }) => row);
}

/** The source's own run, and what is known of it. */
interface Base {
  readonly rerun: Rerun;
  readonly given: RerunResult;
  /** The run of the same inputs without a log. */
  readonly free: Trace;
  readonly steps: readonly Step[];
  /** It breaks what the guided run breaks, so that the inputs account for it. */
  readonly isFaithful: boolean;
  /** The run breaks nothing, and is in doubt. */
  readonly isDoubtful: boolean;
}

function baseOf(rerun: Rerun): Base {
  const given = rerun({});
  const isGuided = given.trace.header.source !== null;
  const free = isGuided ? rerunTrace(given.trace, {}) : given.trace;
  const [has, hasFree] = [violationsOf(given.trace), isGuided ? violationsOf(free) : null];
  const isDoubtful = has.length === 0 && given.doubts.length > 0;
  return {
    ...{ rerun, given, free, isDoubtful },
    steps: stepsOf(given.trace.header),
    isFaithful: hasFree === null || isSameSet(has, hasFree),
  };
}

function isSameSet(a: readonly Violation[], b: readonly Violation[]): boolean {
  const isIn = (list: readonly Violation[]) => (one: Violation) =>
    list.some((other) => sameViolation(one, other));
  return a.every(isIn(b)) && b.every(isIn(a));
}

interface Judged {
  readonly trace: Trace;
  readonly diverges: boolean;
  /** The run that it is compared with. */
  readonly reference: Trace;
}

function judged(base: Base, { change, edit, machine }: Variant): Judged {
  const { given, free, steps, isFaithful, isDoubtful } = base;
  const isUnchanged = edit === null && machine === null;
  if (isUnchanged && Object.keys(change).length === 0)
    return { trace: given.trace, diverges: isDoubtful, reference: given.trace };
  if (isUnchanged && (!isFaithful || given.trace.header.source === null))
    return guided(base, change);
  const { header } = given.trace;
  const system = {
    kernel: changedKernel(header.kernel, change),
    machine: machine?.machine ?? header.machine,
  };
  const trace = runSteps(system, editSteps(steps, edit), header.source);
  return { trace, diverges: !isFaithful || isDoubtful, reference: free };
}

/** Runs the change under the log, if there is one. */
function guided({ rerun, given, free }: Base, change: Change): Judged {
  const { trace, divergences, doubts } = rerun(change);
  const isGuided = trace.header.source !== null;
  const lost = isGuided ? new Set(printedOtherwise(free, rerunTrace(trace, {})).missing) : null;
  const left = divergences.filter(({ observed }) => lost?.has(observed) !== true);
  const diverges = doubts.length > 0 || left.length > given.divergences.length;
  return { trace, diverges, reference: given.trace };
}

/** The lines of each run that the other has not, or not as often, in the order of the runs. */
function printedOtherwise(a: Trace, b: Trace): WhatIfRow['prints'] {
  return { missing: without(linesOf(a), linesOf(b)), extra: without(linesOf(b), linesOf(a)) };
}

function linesOf({ events }: Trace): readonly string[] {
  return events.flatMap(({ event }) => (event.type === 'printk' ? [event.text] : []));
}

function without(lines: readonly string[], taken: readonly string[]): readonly string[] {
  const counts = new Map<string, number>();
  for (const text of taken) counts.set(text, (counts.get(text) ?? 0) + 1);
  return lines.filter((text) => {
    const left = counts.get(text) ?? 0;
    counts.set(text, left - 1);
    return left <= 0;
  });
}
