/** What of a kernel or a machine may have been otherwise than a log lets one think. */
import { changeOfFlip, type Flip, oppositesOf } from '../bisect/flips.ts';
import { changedKernel } from '../bisect/rerun.ts';
import type { DeviceSpec, KernelSpec, Machine } from '../events/machine.ts';
import { type Concurrent, describeStimulus } from '../events/stimulus.ts';
import type { Trace } from '../events/trace.ts';
import type { Patch } from '../model/versions/patch.ts';
import { PATCHES } from '../model/versions/patch-table.ts';
import { compareReleases, PROFILES } from '../model/versions/profile.ts';

export type Assumption =
  | Flip
  /** Another release as it shipped. */
  | { readonly kind: 'release'; readonly version: string }
  /** Whether an SMMU's table walks look into the caches, as firmware tells. */
  | { readonly kind: 'coherent'; readonly dev: string; readonly coherent: boolean }
  | UnloggedActions;

/** Users did this, one after the other, and the log does not show it. */
export interface UnloggedActions {
  readonly kind: 'action';
  /** It was done before what is there: `LogRecord.line`, and the line of the file. */
  readonly before: number;
  readonly line: number;
  readonly stimuli: readonly Concurrent[];
}

/** What two assumptions of actions have in common that differ in their place only. */
export const doingOf = ({ stimuli }: UnloggedActions): string =>
  stimuli.map(describeStimulus).join(', then ');

/** What a run is made of. */
export interface Inputs {
  readonly kernel: KernelSpec;
  readonly machine: Machine;
}

/** Two assumptions about the same thing have the same subject. */
export function subjectOf(assumption: Assumption): string {
  if (assumption.kind === 'release') return 'release';
  if (assumption.kind === 'action') return `action ${assumption.before} ${doingOf(assumption)}`;
  return `${assumption.kind} ${assumption.kind === 'coherent' ? assumption.dev : assumption.name}`;
}

/** The kernel and the machine as they are under the assumptions; what users did changes neither. */
export function assuming({ kernel, machine }: Inputs, assumptions: readonly Assumption[]): Inputs {
  let spec = kernel;
  const coherent = new Map<string, boolean>();
  // A release takes patches back to what it shipped with: it comes before them.
  for (const one of [...assumptions].sort((a, b) => order(a) - order(b))) {
    if (one.kind === 'coherent') coherent.set(one.dev, one.coherent);
    else if (one.kind !== 'action') spec = changedKernel(spec, changeOf(one));
  }
  return { kernel: spec, machine: withCoherency(machine, coherent) };
}

const order = ({ kind }: Assumption): number => (kind === 'release' ? 0 : 1);

function changeOf(assumption: Exclude<Assumption, { kind: 'coherent' | 'action' }>) {
  return assumption.kind === 'release' ? { version: assumption.version } : changeOfFlip(assumption);
}

function withCoherency(machine: Machine, coherent: ReadonlyMap<string, boolean>): Machine {
  if (coherent.size === 0) return machine;
  const devices = machine.devices.map((device): DeviceSpec => {
    const is = coherent.get(device.name);
    return is === undefined ? device : { ...device, dma_coherent: is };
  });
  return { ...machine, devices };
}

/** The opposite of each thing that the run asked about, one at a time: no other could change it. */
export function flipsOf({
  header: { kernel, machine },
  asked,
}: Pick<Trace, 'header' | 'asked'>): readonly Assumption[] {
  const flips: Assumption[] = [...oppositesOf(kernel, asked ?? [])];
  for (const { name, iommu_kind, dma_coherent = false } of machine.devices)
    if (iommu_kind === 'arm-smmu' || iommu_kind === 'arm-smmu-v3')
      flips.push({ kind: 'coherent', dev: name, coherent: !dma_coherent });
  return flips;
}

/** Every other release that has a profile. */
export function otherReleases({
  header: { kernel },
}: Pick<Trace, 'header'>): readonly Assumption[] {
  return PROFILES.filter((version) => version !== kernel.version).map((version) => ({
    kind: 'release',
    version,
  }));
}

/**
 * How much an assumption asks one to believe, from 1 on: an option or a wire is soon otherwise, and so
 * is a fix that stable updates bring; a tree seldom lacks what its release began with, or has what was
 * never merged. That somebody did something and left no trace of it asks for as much, each time.
 */
export function weightOf(assumption: Assumption, { version }: KernelSpec): number {
  if (assumption.kind === 'config' || assumption.kind === 'coherent') return 1;
  if (assumption.kind === 'release') return 2;
  if (assumption.kind === 'action') return 4 * assumption.stimuli.length;
  const { landed, stable }: Patch = PATCHES[assumption.name];
  if (landed === null) return 4;
  if (stable.length > 0) return 1;
  return assumption.on || compareReleases(landed, version) > 0 ? 2 : 3;
}
