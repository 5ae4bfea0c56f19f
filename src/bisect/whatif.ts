/** The same inputs under other kernels: a table of verdicts. */
import type { KernelSpec } from '../events/machine.ts';
import type { Violation } from '../invariants/invariant.ts';
import { configOf, flipped, PATCH_NAMES, PROFILES, patchesOf } from '../model/versions/profile.ts';
import { type Change, type Rerun, violationsOf } from './rerun.ts';

/** What is varied; each patch and option is tried both ways. */
export interface Axes {
  readonly kernels: readonly string[];
  readonly patches: readonly string[];
  readonly config: Readonly<Record<string, string>>;
}

export interface WhatIfRow {
  readonly kernel: string;
  /** The patches and options that were set for this run. */
  readonly patches: Readonly<Record<string, boolean>>;
  readonly config: Readonly<Record<string, string>>;
  readonly verdict: 'holds' | 'violates' | 'diverges';
  /** The first one. */
  readonly violation: Violation | null;
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
 * Runs each change. A run without a violation `diverges` when it is in doubt, or when a log
 * contradicts it more often than it contradicts the kernel it came from.
 *
 * Cost: one run a change and one more.
 */
export function whatIf(rerun: Rerun, changes: readonly Change[]): readonly WhatIfRow[] {
  const allowed = rerun({}).divergences.length;
  return changes.map((change) => {
    const { trace, divergences, doubts } = rerun(change);
    const violation = violationsOf(trace)[0] ?? null;
    const diverges = doubts.length > 0 || divergences.length > allowed;
    return {
      kernel: trace.header.kernel.version,
      patches: change.patches ?? {},
      config: change.config ?? {},
      verdict: violation !== null ? 'violates' : diverges ? 'diverges' : 'holds',
      violation,
    };
  });
}
