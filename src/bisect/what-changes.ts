/** Which patch or option decides whether a violation happens. */
import type { KernelSpec } from '../events/machine.ts';
import type { Trace } from '../events/trace.ts';
import { findInvariant } from '../invariants/all.ts';
import type { Violation } from '../invariants/invariant.ts';
import type { Patch } from '../model/versions/patch.ts';
import { PATCHES } from '../model/versions/patch-table.ts';
import {
  configOf,
  flipped,
  isPatchName,
  PATCH_NAMES,
  patchesOf,
} from '../model/versions/profile.ts';
import { sameViolation } from './first-violation.ts';
import { type Change, type Rerun, violationsOf } from './rerun.ts';

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

/** The opposite of what the kernel has of a patch or an option. */
export function flip(kernel: KernelSpec, name: string): { remedy: Remedy; change: Change } {
  if (isPatchName(name)) {
    const has = patchesOf(kernel).has(name);
    const { commit, subject, landed, stable, before, after } = PATCHES[name];
    const direction = has ? 'without' : 'with';
    return {
      remedy: {
        ...{ kind: 'patch', name, direction, commit, subject, landed, stable, before, after },
      },
      change: { patches: { [name]: !has } },
    };
  }
  const from = configOf(kernel, name);
  const to = flipped(from);
  return { remedy: { kind: 'config', name, from, to }, change: { config: { [name]: to } } };
}

export interface WhatChanges {
  /** The violation also happens when the source is run again unchanged. */
  readonly reproduced: boolean;
  readonly remedies: readonly Remedy[];
}

/**
 * Runs the inputs again with each candidate flipped alone, and keeps those under which the violation
 * is gone, none appears that the run did not have before, and a log contradicts the run no more
 * often. Patches to add come first, then options, then patches whose absence helps, and last what
 * was proposed and never merged.
 *
 * Cost: one run a candidate and one more. Without `among` the candidates are the invariant's suspects
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
  for (const name of candidates) {
    const { remedy, change } = flip(trace.header.kernel, name);
    const other = rerun(change);
    const has = violationsOf(other.trace);
    const isGone = !has.some((one) => sameViolation(one, violation));
    const isClean = has.every((one) => had.some((old) => sameViolation(one, old)));
    const isAsLikely = other.divergences.length <= divergences.length;
    const isTold = isGone && isClean && isAsLikely;
    if (isTold && !isLuck(remedy, violation, trace)) remedies.push(remedy);
  }
  return { reproduced: true, remedies: remedies.sort((a, b) => rank(a) - rank(b)) };
}

function rank(remedy: Remedy): number {
  if (remedy.kind === 'config') return 1;
  if (remedy.direction === 'without') return 2;
  return remedy.landed === null ? 3 : 0;
}
