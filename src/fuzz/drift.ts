/**
 * What keeps a trouble away before it is reduced: a smaller run may break the same claim for another reason,
 * and then the bug that was met would go untold.
 */
import type { Inputs } from '../events/trace.ts';
import { findInvariant } from '../invariants/all.ts';
import { runChecked } from '../invariants/checked-run.ts';
import { PATCHES } from '../model/versions/patch-table.ts';
import { isPatchName, patchesOf } from '../model/versions/profile.ts';

/** Enough for what is drawn; a run that goes on for longer says nothing. */
const EVENTS_MAX = 50_000;

export interface Claim {
  readonly invariant: string;
  readonly subject: string;
}

/** A patch turned over. */
export interface Flipped {
  readonly patch: string;
  readonly on: boolean;
}

/**
 * Patches without which, or with which, the claim would not be broken: those that somebody switched first,
 * then fixes that the invariant suspects and the kernel lacks.
 *
 * Cost: a run for each of them, some ten.
 */
export function keptAwayBy(inputs: Inputs, claim: Claim): readonly Flipped[] {
  const { kernel } = inputs;
  const has = patchesOf(kernel);
  const given = Object.keys(kernel.patches);
  const suspects = findInvariant(claim.invariant)?.suspects ?? [];
  const lacking = suspects.filter(
    (name) => isPatchName(name) && !has.has(name) && PATCHES[name].landed !== null,
  );
  return [...new Set([...given, ...lacking])]
    .filter(isPatchName)
    .map((patch) => ({ patch, on: !has.has(patch) }))
    .filter((flip) => helps(inputs, claim, flip));
}

/** Is the claim not broken with the patch turned over? No where the model cannot tell. */
function helps(inputs: Inputs, { invariant, subject }: Claim, flip: Flipped): boolean {
  const broken = brokenWith(inputs, invariant, flip);
  return broken !== null && !broken.includes(subject);
}

/** Does it not break the claim on anything with the patch turned over? */
export function isKeptAway(inputs: Inputs, invariant: string, flip: Flipped): boolean {
  return brokenWith(inputs, invariant, flip)?.length === 0;
}

function brokenWith(inputs: Inputs, id: string, { patch, on }: Flipped): readonly string[] | null {
  const { kernel } = inputs;
  const invariant = findInvariant(id);
  const other = { ...kernel, patches: { ...kernel.patches, [patch]: on } };
  try {
    const { violations } = runChecked(
      { ...inputs, kernel: other },
      { eventsMax: EVENTS_MAX, ...(invariant && { invariants: [invariant] }) },
    );
    return violations.map(({ subject }) => subject);
  } catch {
    return null;
  }
}
