/** Patches that no invariant tells of, and why: what they change in their own scenario. */
import { canonicalJson } from '../events/canonical.ts';
import { describeEvent } from '../events/describe.ts';
import type { KernelEvent } from '../events/event.ts';
import type { Inputs } from '../events/trace.ts';
import { runChecked } from '../invariants/checked-run.ts';
import { PATCHES, type PatchName } from '../model/versions/patch-table.ts';

export interface Untold {
  readonly patch: PatchName;
  readonly why: 'nothing but what is printed' | 'broken either way' | 'another way, and no worse';
  /** Invariants that break with the patch and without it. */
  readonly broken: readonly string[];
  /** The first thing that happens with the patch and not without it, or the other way round. */
  readonly differs: string | null;
}

/**
 * What becomes of the patch's scenario with it and without it, where the same invariants hold.
 *
 * Cost: two runs.
 */
export function whyUntold(patch: PatchName, scenarioOf: (name: string) => Inputs): Untold {
  const inputs = scenarioOf(PATCHES[patch].scenario);
  const [on, off] = [true, false].map((has) => run(inputs, patch, has));
  const broken = [...(on?.broken ?? [])].filter((id) => off?.broken.has(id));
  const [withIt, without] = [on?.events ?? [], off?.events ?? []];
  const texts = new Set(without.map((event) => canonicalJson(event)));
  const others = new Set(withIt.map((event) => canonicalJson(event)));
  const event =
    withIt.find((one) => !texts.has(canonicalJson(one))) ??
    without.find((one) => !others.has(canonicalJson(one)));
  const differs = event === undefined ? null : describeEvent(event);
  if (broken.length > 0) return { patch, why: 'broken either way', broken, differs };
  const why = differs === null ? 'nothing but what is printed' : 'another way, and no worse';
  return { patch, why, broken, differs };
}

function run(inputs: Inputs, patch: PatchName, has: boolean) {
  const { kernel } = inputs;
  const events: KernelEvent[] = [];
  const { violations } = runChecked(
    { ...inputs, kernel: { ...kernel, patches: { ...kernel.patches, [patch]: has } } },
    {
      onEvent({ event }) {
        if (event.type !== 'printk') events.push(event);
      },
    },
  );
  return { events, broken: new Set(violations.map(({ invariant }) => invariant)) };
}
