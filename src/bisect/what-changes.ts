/** Which patch or option decides whether a violation happens. */
import type { KernelSpec } from '../events/machine.ts';
import type { Trace } from '../events/trace.ts';
import { findInvariant } from '../invariants/all.ts';
import type { Violation } from '../invariants/invariant.ts';
import type { Patch } from '../model/versions/patch.ts';
import { PATCHES } from '../model/versions/patch-table.ts';
import { configOf, PATCH_NAMES } from '../model/versions/profile.ts';
import { sameViolation } from './first-violation.ts';
import { changeOfFlip, type Flip, oppositesOf } from './flips.ts';
import {
  kernelWith,
  mainlineRelease,
  type ReleasePoint,
  releaseBefore,
  releaseOfKernel,
} from './releases.ts';
import { type Rerun, violationsOf } from './rerun.ts';

/** One thing that, had it been otherwise, would have kept the violation away. */
export type Remedy =
  | ({
      readonly kind: 'patch';
      readonly name: string;
      /** `with`: the kernel lacks it and should have it. `without`: it brought the violation about. */
      readonly direction: 'with' | 'without';
    } & Pick<Patch, 'commit' | 'subject' | 'landed' | 'stable' | 'before' | 'after'>)
  | {
      readonly kind: 'config';
      readonly name: string;
      readonly from: string;
      readonly to: string;
    };

/** What the violated invariant itself suspects, most likely first. */
function suspectsOf({ invariant }: Violation): readonly string[] {
  return findInvariant(invariant)?.suspects ?? [];
}

/** Patches and options worth flipping, most likely first, each once. */
function candidatesOf(violation: Violation, { asked }: Trace): readonly string[] {
  const others = [...PATCH_NAMES, 'DEBUG_TEST_DRIVER_REMOVE'];
  return [
    ...new Set([...suspectsOf(violation), ...others.filter((name) => asked?.has(name) ?? true)]),
  ];
}

/**
 * Does the change make the violation go away for no better reason than that the schedule's choices
 * fall elsewhere? Of a race that is to be feared of each patch taken away that nobody suspects.
 */
function isLuck(remedy: Remedy, violation: Violation, { header }: Trace): boolean {
  const isTakenAway = remedy.kind === 'patch' && remedy.direction === 'without';
  return isTakenAway && header.choices.length > 0 && !suspectsOf(violation).includes(remedy.name);
}

function remedyOf(flip: Flip, kernel: KernelSpec): Remedy {
  const { name } = flip;
  if (flip.kind === 'config')
    return { kind: 'config', name, from: configOf(kernel, name), to: flip.value };
  const { commit, subject, landed, stable, before, after } = PATCHES[flip.name];
  const direction = flip.on ? 'with' : 'without';
  return { kind: 'patch', name, direction, commit, subject, landed, stable, before, after };
}

/**
 * Does the order of releases bear the flip out? A patch mends what the release before it still does
 * and its own does not any more; it brings about what its own release does and the one before it did
 * not. What the source set by hand against its release bears itself out, and of what no release has
 * only what the invariant suspects.
 */
function isBorneOut(flip: Flip, kernel: KernelSpec, suspects: readonly string[], isBad: IsBad) {
  if (flip.kind === 'config') return true;
  const { name, on } = flip;
  const own = releaseOfKernel(kernel);
  if (own.patches.has(name) === on) return true;
  const before = releaseBefore(name);
  const { landed } = PATCHES[name];
  if (before === null || landed === null) return suspects.includes(name);
  return isBad(before, name) === on && isBad(mainlineRelease(landed), name) !== on;
}

/** The release, with what the source set by hand but for one patch. */
type IsBad = (release: ReleasePoint, apart: string) => boolean;

export interface WhatChanges {
  /** The violation also happens when the source is run again unchanged. */
  readonly reproduced: boolean;
  readonly remedies: readonly Remedy[];
}

/**
 * Runs the inputs again with each candidate flipped alone, and keeps those under which the violation
 * is gone, none appears that the run did not have before, a log contradicts the run no more often,
 * and the releases around the one that a patch landed in say the same of it. Patches to add come first, then options, then patches whose absence helps, and last what
 * was proposed and never merged.
 *
 * Cost: one run a candidate and one more, and two for each patch that is kept. Without `among` the candidates are the invariant's suspects
 * and what the run asked about.
 */
export function whatChanges(
  rerun: Rerun,
  violation: Violation,
  among?: readonly string[],
): WhatChanges {
  const { trace, divergences } = rerun({});
  const candidates = among ?? candidatesOf(violation, trace);
  const had = violationsOf(trace);
  if (!had.some((one) => sameViolation(one, violation))) return { reproduced: false, remedies: [] };
  const remedies: Remedy[] = [];
  const { kernel } = trace.header;
  const isBad: IsBad = ({ series, patches }, apart) => {
    const byHand = Object.entries(kernel.patches).filter(([name]) => name !== apart);
    const ofRelease = kernelWith(kernel, series, patches).patches;
    const all = { ...ofRelease, ...Object.fromEntries(byHand) };
    const other = rerun({ version: series, patches: all });
    return violationsOf(other.trace).some((one) => sameViolation(one, violation));
  };
  for (const flip of oppositesOf(kernel, candidates)) {
    const other = rerun(changeOfFlip(flip));
    const has = violationsOf(other.trace);
    const isGone = !has.some((one) => sameViolation(one, violation));
    const isClean = has.every((one) => had.some((old) => sameViolation(one, old)));
    const isAsLikely = other.divergences.length <= divergences.length;
    if (!isGone || !isClean || !isAsLikely) continue;
    const remedy = remedyOf(flip, kernel);
    if (isLuck(remedy, violation, trace)) continue;
    if (isBorneOut(flip, kernel, suspectsOf(violation), isBad)) remedies.push(remedy);
  }
  return { reproduced: true, remedies: remedies.sort((a, b) => rank(a) - rank(b)) };
}

function rank(remedy: Remedy): number {
  if (remedy.kind === 'config') return 1;
  if (remedy.direction === 'without') return 2;
  return remedy.landed === null ? 3 : 0;
}
