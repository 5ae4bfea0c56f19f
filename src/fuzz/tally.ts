/** What a campaign's runs are like: how many have how much of what. For people; nothing depends on it. */
import type { DeviceSpec } from '../events/machine.ts';
import type { Inputs } from '../events/trace.ts';

/** Counts by what is counted and by value: `devices` → `8` → 113 runs. */
export type Tally = Record<string, Record<string, number>>;

interface Tallied {
  readonly inputs: Inputs;
  readonly events: number;
  readonly causes: readonly unknown[];
}

export function createTally(): Tally {
  return {};
}

/** Cost: linear in the inputs. */
export function tallyRun(tally: Tally, { inputs, events, causes }: Tallied): void {
  const { kernel, machine, stimuli, choices } = inputs;
  add(tally, 'kernel', kernel.version);
  add(tally, 'firmware', machine.firmware);
  add(tally, 'devices', range(countDevices(machine.devices)));
  add(tally, 'drivers', range(machine.drivers.length));
  add(tally, 'steps', range(stimuli.length));
  add(tally, 'choices', range(choices.length));
  add(tally, 'events', range(events));
  add(tally, 'violations', range(causes.length));
  for (const { iommu_kind } of machine.devices)
    if (iommu_kind !== undefined) add(tally, 'iommu', iommu_kind);
  for (const { do: word } of stimuli) add(tally, 'step', word);
}

export function addTally(sum: Tally, other: Tally): void {
  for (const [what, counts] of Object.entries(other))
    for (const [value, count] of Object.entries(counts)) add(sum, what, value, count);
}

function add(tally: Tally, what: string, value: string, count = 1): void {
  const counts = tally[what] ?? {};
  tally[what] = counts;
  counts[value] = (counts[value] ?? 0) + count;
}

/** `0`, `1`, `2-3`, `4-7`, … */
function range(count: number): string {
  if (count < 2) return String(count);
  const low = 2 ** Math.floor(Math.log2(count));
  return `${low}-${low * 2 - 1}`;
}

function countDevices(devices: readonly DeviceSpec[]): number {
  return devices.reduce((sum, { creates }) => sum + 1 + countDevices(creates ?? []), 0);
}
