/** What a finding is known by, so that the same bug found twice is one finding. */
import { canonicalJson } from '../events/canonical.ts';
import type { Inputs } from '../events/trace.ts';
import type { Violation } from '../invariants/invariant.ts';
import { hash64 } from './hash.ts';
import { type SubjectKind, subjectKindOf } from './subject.ts';

export interface Signature {
  readonly invariant: string;
  readonly subjectKind: SubjectKind;
  /** Kernel functions at the first bad event, outermost first. */
  readonly stack: readonly string[];
  /** Of the reproducer: the same for the same bug only where that is minimal and canonical. */
  readonly hash: string;
}

/** The signature of a violation of which `inputs` are the reproducer. */
export function signatureOf(inputs: Inputs, violation: Violation): Signature {
  const { invariant, subject, stack } = violation;
  const { kernel, machine, stimuli, choices } = inputs;
  const hash = hash64(canonicalJson({ kernel, machine, stimuli, choices }));
  return { invariant, subjectKind: subjectKindOf(subject, machine), stack, hash };
}

/** In one line: `owner_cnt-matches-users group really_probe 85944171f73967e8`. */
export function signatureText({ invariant, subjectKind, stack, hash }: Signature): string {
  return [invariant, subjectKind, stack.at(-1) ?? '-', hash].join(' ');
}
