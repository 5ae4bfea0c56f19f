/** Findings: troubles reduced, bisected, and told with what would have kept them away. */
import { rerunTrace } from '../bisect/rerun.ts';
import { type Remedy, whatChanges } from '../bisect/what-changes.ts';
import { ReprobeError } from '../error.ts';
import { canonicalJson } from '../events/canonical.ts';
import type { DeviceSpec } from '../events/machine.ts';
import type { Inputs } from '../events/trace.ts';
import { runChecked } from '../invariants/checked-run.ts';
import type { Violation } from '../invariants/invariant.ts';
import { type Minimized, minimize } from '../minimize/minimize.ts';
import { signatureText } from '../minimize/signature.ts';
import { driverKnowledge } from '../scenario/known-drivers.ts';
import { parseScenario } from '../scenario/parse.ts';
import { printScenario } from '../scenario/print.ts';
import type { Expectation } from '../scenario/scenario.ts';
import { type Claim, isKeptAway, keptAwayBy } from './drift.ts';
import { reduceError } from './reduced.ts';
import { EVENTS_MAX } from './segment.ts';
import type { Trouble } from './trouble.ts';

/** Plain data, as it stands in a campaign's journal. */
export interface Finding {
  /** The invariant that is broken; `model error` where the emulator itself is. */
  readonly invariant: string;
  readonly subject: string;
  readonly subjectKind: string;
  readonly message: string;
  /** Findings of one signature are one. */
  readonly signature: string;
  /** Patches that keep it away, most telling first; none: no known fix. */
  readonly fixes: readonly string[];
  /** Options that keep it away, set otherwise: `CONFIG_MODULES=n`. */
  readonly options: readonly string[];
  /** Patches without which it cannot happen. */
  readonly since: readonly string[];
  /** Steps of the reproducer, and devices of its machine. */
  readonly stimuli: number;
  readonly devices: number;
  /** The first bad event of the reproducer; null where the model broke. */
  readonly firstBad: number | null;
  readonly stack: readonly string[];
  readonly stimulus: string;
  /** The reproducer's name, and all of it as a scenario. */
  readonly name: string;
  readonly text: string;
  /** The scenario was read back and shows the same. */
  readonly shows: boolean;
}

export const MODEL_ERROR = 'model error';

/** From where a finding comes, for its story. */
export interface Origin {
  readonly seed: number;
  readonly run: number;
}

/**
 * Looks into a trouble: reduces its inputs, finds the first bad event, tries each patch and option that
 * the run asks about, and writes the scenario.
 *
 * Cost: some hundreds of runs.
 */
export function examine(trouble: Trouble, origin: Origin): Finding {
  const { cause } = trouble;
  if (cause.kind === 'model error') return examineError(trouble, cause.message, origin);
  try {
    return examineViolation(trouble, cause, origin);
  } catch (error) {
    // What cannot be looked into is saved all the same.
    const reason = error instanceof Error ? error.message : String(error);
    const message = `${cause.invariant} of ${cause.subject} cannot be looked into: ${reason}`;
    return examineError(trouble, message, origin);
  }
}

function examineViolation({ inputs }: Trouble, cause: Claim, origin: Origin): Finding {
  const { reduced, told } = reduceTrue(inputs, cause);
  const { invariant, subject } = reduced.violation;
  const signature = signatureText(reduced.signature);
  const { fixes, options, since } = told;
  const expect: Expectation = { kind: 'violation', invariant, subject };
  const name = nameFor(invariant, signature);
  const story = [
    reduced.violation.message,
    `Found by run ${origin.run} of the campaign of seed ${origin.seed}.`,
    fixes.length === 0 ? 'No known fix: new.' : `Kept away by: ${fixes.join(', ')}.`,
  ].join(' ');
  const text = scenarioText(name, `${invariant} is violated`, story, reduced.inputs, [expect]);
  const shown = violationIn(text, reduced.violation);
  return {
    ...{
      invariant,
      subject,
      message: reduced.violation.message,
      fixes,
      options,
      since,
      name,
      text,
    },
    ...{ signature, subjectKind: reduced.signature.subjectKind },
    ...sizeOf(reduced.inputs),
    firstBad: (shown ?? reduced.violation).event,
    stack: reduced.violation.stack,
    stimulus: reduced.violation.stimulus,
    shows: shown !== null,
  };
}

/** Reduces inputs to what has the same cause, as far as a patch tells: the first that keeps it away. */
function reduceTrue(inputs: Inputs, cause: Claim) {
  const reduced = minimize(inputs, cause);
  const told = remediesOf(reduced);
  const flips = keptAwayBy(inputs, cause);
  const [flip] = flips;
  const names = [...told.fixes, ...told.since];
  if (flip === undefined || flips.some(({ patch }) => names.includes(patch)))
    return { reduced, told };
  const and = (one: Inputs): boolean => isKeptAway(one, cause.invariant, flip);
  const truer = minimize(inputs, cause, { and });
  return { reduced: truer, told: remediesOf(truer) };
}

function remediesOf({ inputs, violation }: Minimized) {
  const trace = runChecked(inputs).run.trace();
  const rerun = (change: Parameters<typeof rerunTrace>[1]) => ({
    ...{ trace: rerunTrace(trace, change), divergences: [], doubts: [] },
  });
  return toldOf(whatChanges(rerun, violation).remedies);
}

function examineError({ inputs }: Trouble, message: string, origin: Origin): Finding {
  const reduced = reduceError(inputs, message);
  const name = nameFor(MODEL_ERROR, reduced.signature);
  const story = `${message} Found by run ${origin.run} of the campaign of seed ${origin.seed}.`;
  const holds: Expectation = { kind: 'holds', invariant: null };
  const text = scenarioText(name, 'the model breaks', story, reduced.inputs, [holds]);
  return {
    ...{
      invariant: MODEL_ERROR,
      subject: 'the emulator',
      message,
      fixes: [],
      options: [],
      since: [],
      name,
      text,
    },
    ...{ signature: reduced.signature, subjectKind: MODEL_ERROR },
    ...sizeOf(reduced.inputs),
    ...{ firstBad: null, stack: [], stimulus: '', shows: true },
  };
}

/** Taking a patch away is no cure: it says since when the bug is possible. */
function toldOf(remedies: readonly Remedy[]): Pick<Finding, 'fixes' | 'options' | 'since'> {
  const patches = (direction: string) =>
    remedies.flatMap((one) =>
      one.kind === 'patch' && one.direction === direction ? one.name : [],
    );
  return {
    fixes: patches('with'),
    options: remedies.flatMap((one) =>
      one.kind === 'config' ? `CONFIG_${one.name}=${one.to}` : [],
    ),
    since: patches('without'),
  };
}

function nameFor(invariant: string, signature: string): string {
  const [digest = ''] = /[0-9a-f]{8}(?=[0-9a-f]*$)/.exec(signature) ?? [];
  return `${invariant.replaceAll(' ', '-')}-${digest}`;
}

function scenarioText(
  name: string,
  title: string,
  story: string,
  { kernel, machine, stimuli, choices }: Inputs,
  expect: readonly Expectation[],
): string {
  const steps = stimuli;
  return printScenario(
    { name, title, story, kernel, machine, steps, choices, expect },
    driverKnowledge,
  );
}

/** The violation in a run of the scenario as it stands in a file; null where there is none. */
function violationIn(text: string, wanted: Violation): Violation | null {
  const inputs = readBack(text);
  if (inputs === null) return null;
  const { violations } = runChecked(inputs, { eventsMax: EVENTS_MAX });
  const same = violations.find(
    ({ invariant, subject }) => invariant === wanted.invariant && subject === wanted.subject,
  );
  return same ?? null;
}

/** null for what cannot be said in a scenario: a mistake of the printer, and no reason to stop. */
function readBack(text: string): Inputs | null {
  try {
    const { kernel, machine, steps, choices } = parseScenario(text, 'a finding', driverKnowledge);
    return { kernel, machine, stimuli: steps, choices };
  } catch (error) {
    if (error instanceof ReprobeError) return null;
    throw error;
  }
}

function sizeOf({ stimuli, machine }: Inputs): { stimuli: number; devices: number } {
  return { stimuli: stimuli.length, devices: countDevices(machine.devices) };
}

function countDevices(devices: readonly DeviceSpec[]): number {
  return devices.reduce((sum, { creates }) => sum + 1 + countDevices(creates ?? []), 0);
}

/**
 * What makes two findings one, whatever their reproducers: the same claim broken about the same kind of
 * thing, and the same fix; where none is known, the same path in which it broke.
 */
export function bugOf({ invariant, subjectKind, fixes: [fix], stack, signature }: Finding): string {
  if (invariant === MODEL_ERROR) return signature;
  return canonicalJson([
    invariant,
    subjectKind,
    fix ?? null,
    fix === undefined ? (stack.at(-1) ?? '') : '',
  ]);
}
