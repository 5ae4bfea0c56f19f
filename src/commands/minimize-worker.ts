/** Judges candidates in a thread of its own. */
import { readDraft } from '../minimize/read-draft.ts';
import type { Candidate } from '../minimize/search.ts';
import { type Claim, trial } from '../minimize/trial.ts';

/** Does the candidate break the claim on its subject? */
export default function violates({ candidate, claim }: Task): boolean {
  const draft = readDraft(candidate.draft);
  return draft !== null && trial({ ...candidate, draft }, claim) !== null;
}

export interface Task {
  readonly candidate: Candidate;
  readonly claim: Claim;
}
