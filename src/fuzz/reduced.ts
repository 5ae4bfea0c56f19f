/** The smallest inputs of a trouble, and its signature. */
import type { Inputs } from '../events/trace.ts';
import { runChecked } from '../invariants/checked-run.ts';
import type { Violation } from '../invariants/invariant.ts';
import { EVENTS_MAX } from './segment.ts';
import { shrink } from './shrink.ts';
import { plainMessage } from './trouble.ts';

export interface Reduced {
  readonly inputs: Inputs;
  readonly signature: string;
}

export function reduceViolation(
  inputs: Inputs,
  { invariant, subject }: { readonly invariant: string; readonly subject: string },
): Reduced & { readonly violation: Violation } {
  const find = (one: Inputs) =>
    runChecked(one, { eventsMax: EVENTS_MAX }).violations.find(
      (other) => other.invariant === invariant && other.subject === subject,
    );
  const small = shrink(inputs, (one) => find(one) !== undefined);
  const violation = find(small);
  if (violation === undefined) throw new Error('gone');
  return { inputs: small, violation, signature: `${invariant} ${hashOf(violation.stack.join())}` };
}

/** The fewest steps and choices with which the model breaks in the same words. */
export function reduceError(inputs: Inputs, message: string): Reduced {
  const plain = plainMessage(message);
  const breaks = (one: Inputs): boolean => {
    try {
      runChecked(one, { eventsMax: EVENTS_MAX });
      return false;
    } catch (error) {
      return plainMessage(error instanceof Error ? error.message : String(error)) === plain;
    }
  };
  return { inputs: shrink(inputs, breaks), signature: `model error ${hashOf(plain)}` };
}

function hashOf(text: string): string {
  let hash = 0x811c9dc5;
  for (let i = 0; i < text.length; i += 1)
    hash = Math.imul(hash ^ text.charCodeAt(i), 0x01000193) >>> 0;
  return hash.toString(16).padStart(8, '0');
}
