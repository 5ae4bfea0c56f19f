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
  const event = firstOnlyIn(withIt, without) ?? firstOnlyIn(without, withIt);
  const at = withIt.findIndex((one, i) => canonicalJson(one) !== canonicalJson(without[i] ?? null));
  const moved = at < 0 ? undefined : withIt[at];
  const first = event ?? moved;
  if (first === undefined) {
    return { patch, why: 'nothing but what is printed', broken: [], differs: null };
  }
  const differs = event === undefined ? `sooner: ${describeEvent(first)}` : describeEvent(first);
  const why = broken.length > 0 ? 'broken either way' : 'another way, and no worse';
  return { patch, why, broken, differs };
}

function firstOnlyIn(
  events: readonly KernelEvent[],
  others: readonly KernelEvent[],
): KernelEvent | undefined {
  const texts = new Set(others.map((event) => canonicalJson(event)));
  return events.find((event) => !texts.has(canonicalJson(event)));
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
