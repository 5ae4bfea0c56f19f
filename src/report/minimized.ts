/** What is left of inputs that were minimised, as text for people. */
import type { Inputs } from '../events/trace.ts';
import { wordsOf } from '../minimize/part.ts';
import type { OldNames } from '../minimize/search.ts';
import type { Signature } from '../minimize/signature.ts';
import { allDevices } from '../minimize/subject.ts';
import { aligned, counted, type Line, line } from './line.ts';

/** What inputs consist of, each thing as it is called. */
export type Contents = Readonly<Record<ContentKind, readonly string[]>>;

const KINDS = [
  ...(['devices', 'drivers', 'modules', 'boot steps', 'stimuli'] as const),
  ...(['options', 'patches', 'words', 'choices'] as const),
];
export type ContentKind = (typeof KINDS)[number];

/** Of choices those count that are not the default. Things have the names that they had at first. */
export function contentsOf(inputs: Inputs, was: OldNames | null = null): Contents {
  const { kernel, machine, stimuli, choices } = inputs;
  const old = (kind: keyof OldNames, name: string): string => was?.[kind].get(name) ?? name;
  return {
    devices: allDevices(machine.devices).map(({ name }) => old('device', name)),
    drivers: machine.drivers.map(({ name }) => old('driver', name)),
    modules: machine.modules.map(({ name }) => old('module', name)),
    'boot steps': machine.boot.map(({ step }) => step),
    stimuli: stimuli.map((stimulus) => stimulus.do),
    options: Object.keys(kernel.config),
    patches: Object.keys(kernel.patches),
    words: wordsOf(kernel.cmdline),
    choices: choices.filter((choice) => choice !== 0).map(String),
  };
}

/** By kind what is gone, each thing as often as it is gone. */
export function removedFrom(before: Contents, after: Contents): Partial<Contents> {
  const gone = KINDS.map((kind) => {
    const left = after[kind].slice();
    const names = before[kind].filter((name) => {
      const at = left.indexOf(name);
      if (at >= 0) left.splice(at, 1);
      return at < 0;
    });
    return [kind, names] as const;
  });
  return Object.fromEntries(gone.filter(([, names]) => names.length > 0));
}

/** Sizes before and after, and what was removed by name where there is room for names. */
export function sizeLines(before: Contents, after: Contents): readonly Line[] {
  const kinds = KINDS.filter((kind) => before[kind].length + after[kind].length > 0);
  const removed = removedFrom(before, after);
  const rows = kinds.map((kind) => {
    const gone = removed[kind] ?? [];
    const sizes = [String(before[kind].length), String(after[kind].length)];
    return [kind, ...sizes, gone.length === 0 ? '' : `without ${namesOf(gone)}`];
  });
  return aligned([['', 'before', 'after', ''], ...rows], [1, 2]);
}

const NAMES_MAX = 4;

/** Names with how often they are there, a few of them. */
function namesOf(names: readonly string[]): string {
  const counts = new Map<string, number>();
  for (const name of names) counts.set(name, (counts.get(name) ?? 0) + 1);
  const all = [...counts].map(([name, count]) => (count === 1 ? name : `${count} × ${name}`));
  const shown = all.slice(0, NAMES_MAX).join(', ');
  return all.length > NAMES_MAX ? `${shown} and ${all.length - NAMES_MAX} more` : shown;
}

/** The signature, a part a line. */
export function signatureLines({ subjectKind, stack, hash }: Signature): readonly Line[] {
  return [
    line(`signature: ${hash} (${subjectKind})`, 'dim'),
    ...(stack.length === 0 ? [] : [line(`path: ${stack.join(' > ')}`, 'dim')]),
  ];
}

/** `88 runs of the emulator`. */
export function callsLine(calls: number, isExternal: boolean): Line {
  return line(isExternal ? counted(calls, 'call', 'calls') : counted(calls, 'run'), 'dim');
}
