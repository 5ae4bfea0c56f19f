/** What is wrong with a run, cheaply named: equal names are taken to be one bug until it is looked at. */
import { canonicalJson } from '../events/canonical.ts';
import type { Machine } from '../events/machine.ts';
import type { Inputs } from '../events/trace.ts';
import type { Violation } from '../invariants/invariant.ts';
import { allDevices, subjectKindOf } from '../minimize/subject.ts';

/** What a run showed, with all that is needed to show it again. */
export interface Trouble {
  readonly key: string;
  readonly inputs: Inputs;
  readonly cause: Cause;
}

export type Cause =
  | { readonly kind: 'violation'; readonly invariant: string; readonly subject: string }
  /** The model itself broke: it threw. Always a bug of reprobe. */
  | { readonly kind: 'model error'; readonly message: string };

/**
 * The invariant, the kind of its subject, the path in which it broke, whoever called that, and in which way,
 * for a claim can be broken in several.
 *
 * Cost: linear in the machine.
 */
export function keyOfViolation(violation: Violation, machine: Machine): string {
  const { invariant, subject, stack, message } = violation;
  const names = new Set([
    ...allDevices(machine.devices).map(({ name }) => name),
    ...machine.drivers.map(({ name }) => name),
  ]);
  const words = message.split(/(?<=[\s;,:()])|(?=[\s;,:()])/);
  const plain = plainMessage(words.map((word) => (names.has(word) ? 'N' : word)).join(''));
  const way = plain.replace(/\bDEV\b/g, 'N').replace(/N(?: -> N)+/g, 'N');
  return canonicalJson([invariant, subjectKindOf(subject, machine), stack.at(-1) ?? '', way]);
}

/** What it says without names and numbers, which change from machine to machine. */
export function keyOfError(message: string): string {
  return canonicalJson(['model error', plainMessage(message)]);
}

export function plainMessage(message: string): string {
  return message
    .replace(/'[^']*'|"[^"]*"/g, "''")
    .replace(/\b[0-9a-f]{4,}:[0-9a-f]{2}:[0-9a-f]{2}\.[0-7]\b/g, 'DEV')
    .replace(/\S*\d\S*/g, 'N');
}
