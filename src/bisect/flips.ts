/** The opposite of what a kernel has, one patch or option at a time. */
import type { KernelSpec } from '../events/machine.ts';
import { isOptionName, OPTIONS } from '../model/versions/option-table.ts';
import type { PatchName } from '../model/versions/patch-table.ts';
import { configOf, isPatchName, patchesOf } from '../model/versions/profile.ts';
import type { Change } from './rerun.ts';

export type Flip =
  | { readonly kind: 'patch'; readonly name: PatchName; readonly on: boolean }
  | { readonly kind: 'config'; readonly name: string; readonly value: string };

const TRISTATE: readonly string[] = ['y', 'm', 'n'];

/** Each patch and option of these names turned over, in their order; no other name has an opposite. */
export function oppositesOf(kernel: KernelSpec, names: Iterable<string>): readonly Flip[] {
  const has = patchesOf(kernel);
  const flips: Flip[] = [];
  for (const name of names) {
    if (isPatchName(name)) flips.push({ kind: 'patch', name, on: !has.has(name) });
    else flips.push(...otherValues(name, configOf(kernel, name)));
  }
  return flips;
}

/** The kernel with the flip applied, as a change. */
export function changeOfFlip(flip: Flip): Change {
  return flip.kind === 'patch'
    ? { patches: { [flip.name]: flip.on } }
    : { config: { [flip.name]: flip.value } };
}

/** An option may be on or off, or a module; how large something is decides nothing here. */
function otherValues(name: string, present: string): readonly Flip[] {
  if (!isOptionName(name)) return [];
  const { values } = OPTIONS[name];
  if (!values.every((value) => TRISTATE.includes(value))) return [];
  return values
    .filter((value) => value !== present)
    .map((value) => ({ kind: 'config', name, value }));
}
