/** What inputs consist of, as far as it can be left out. */
import type { Stimulus } from '../events/stimulus.ts';
import { type Detour, detours } from './detour.ts';
import type { Draft } from './draft.ts';
import { fieldCuts } from './field.ts';
import { allDevices } from './subject.ts';

/** The way to a value inside JSON. */
export type JsonPath = readonly (string | number)[];

/**
 * A part is told by its name or its position in the draft it is a part of. A field is cut out, or
 * where it must be there becomes `to`.
 */
export type Part =
  | { readonly kind: 'stimulus'; readonly index: number }
  | { readonly kind: 'device'; readonly name: string }
  | { readonly kind: 'driver'; readonly bus: string; readonly name: string }
  | { readonly kind: 'module'; readonly name: string }
  | { readonly kind: 'boot'; readonly index: number }
  | { readonly kind: 'config'; readonly name: string }
  | { readonly kind: 'patch'; readonly name: string }
  | { readonly kind: 'word'; readonly index: number }
  | { readonly kind: 'release' }
  | { readonly kind: 'switch'; readonly index: number }
  | Detour
  | FieldPart;

export interface FieldPart {
  readonly kind: 'field';
  /** Starts at `machine` or at `steps`. */
  readonly path: JsonPath;
  readonly to?: string | number | boolean | null | Stimulus;
}

/** The words of a command line. */
export const wordsOf = (cmdline: string): readonly string[] =>
  cmdline.split(' ').filter((word) => word !== '');

/** Parts that stand for themselves: what takes most with it first, what was given last first. */
export function coarseParts({ kernel, machine, steps, schedule }: Draft): readonly Part[] {
  const indexes = (list: readonly unknown[]) => list.map((_, index) => index).reverse();
  return [
    ...indexes(steps).map((index): Part => ({ kind: 'stimulus', index })),
    ...allDevices(machine.devices).map(({ name }): Part => ({ kind: 'device', name })),
    ...machine.drivers.map(({ bus, name }): Part => ({ kind: 'driver', bus, name })),
    ...machine.modules.map(({ name }): Part => ({ kind: 'module', name })),
    ...indexes(machine.boot).map((index): Part => ({ kind: 'boot', index })),
    ...Object.keys(kernel.config).map((name): Part => ({ kind: 'config', name })),
    ...Object.keys(kernel.patches).map((name): Part => ({ kind: 'patch', name })),
    ...indexes(wordsOf(kernel.cmdline)).map((index): Part => ({ kind: 'word', index })),
    ...(kernel.release === null ? [] : [{ kind: 'release' } as const]),
    ...(schedule.kind === 'switches' ? indexes(schedule.switches) : []).map(
      (index): Part => ({ kind: 'switch', index }),
    ),
  ];
}

/** Every part: the coarse ones, then fields of what they are, then what is a detour. */
export function allParts(draft: Draft): readonly Part[] {
  return [...coarseParts(draft), ...fieldCuts(draft), ...detours(draft)];
}
