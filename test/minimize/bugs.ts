// The violations that scenarios expect: known bugs, each with the run that shows it.
import { readdirSync, readFileSync } from 'node:fs';
import type { Inputs } from '../../src/events/trace.ts';
import { findInvariant } from '../../src/invariants/all.ts';
import { runChecked } from '../../src/invariants/checked-run.ts';
import type { Violation } from '../../src/invariants/invariant.ts';
import type { Wanted } from '../../src/minimize/attempt.ts';
import type { Target } from '../../src/minimize/trial.ts';
import { driverKnowledge } from '../../src/scenario/known-drivers.ts';
import { parseScenario } from '../../src/scenario/parse.ts';

export interface Bug {
  readonly name: string;
  readonly inputs: Inputs;
  readonly target: Target;
}

/** The first violation of each scenario that expects one. */
export const BUGS: readonly Bug[] = readdirSync('scenarios')
  .filter((file) => file.endsWith('.yaml'))
  .flatMap((file) => {
    const text = readFileSync(`scenarios/${file}`, 'utf8');
    const { name, expect, steps, ...rest } = parseScenario(text, file, driverKnowledge);
    const { kernel, machine, choices } = rest;
    const target = expect.find((one) => one.kind === 'violation');
    const inputs = { kernel, machine, stimuli: steps, choices };
    return target === undefined ? [] : [{ name, inputs, target }];
  });

export function bugNamed(name: string): Bug {
  const bug = BUGS.find((one) => one.name === name);
  if (bug === undefined) throw new Error(`no scenario ${name} expects a violation`);
  return bug;
}

/** The target as a run is watched for it. */
export function wantedOf({ invariant: id, subject }: Target): Wanted {
  const invariant = findInvariant(id);
  if (invariant === undefined) throw new Error(`no invariant ${id}`);
  return { invariant, isIt: (violation) => violation.subject === (subject ?? violation.subject) };
}

/** Is that what a plain run of the inputs breaks, and nothing of the minimiser has a hand in it? */
export function breaks(inputs: Inputs, { invariant, subject, event }: Violation): boolean {
  return runChecked(inputs).violations.some(
    (one) => one.invariant === invariant && one.subject === subject && one.event === event,
  );
}
