/** What the devices wait for that are deferred when the log ends. */
import type { Run } from '../engine/run.ts';
import { iommuOf } from '../model/kernel/requester-ids.ts';

/** A device on a deferred list. */
export interface Waiting {
  readonly dev: string;
  /** The device that it waits for, where one is known. */
  readonly waitsFor: string | null;
  /** The reason the kernel keeps with it, if any. */
  readonly reason: string | null;
}

/**
 * The deferred devices in the order of the lists. Each waits for the first supplier that is not
 * there, else for its IOMMU. Cost: each device with its links once.
 */
export function stillWaiting({ state, kernel }: Run): readonly Waiting[] {
  return [...state.deferred.active, ...state.deferred.pending].map((dev) => {
    const device = state.devices[dev];
    const suppliers = device?.spec.suppliers ?? [];
    const missing = suppliers.find((name) => state.devices[name]?.bound !== true);
    const behind = device === undefined ? undefined : iommuOf(kernel, dev)?.name;
    const iommu = state.iommus.some(({ name }) => name === behind) ? null : behind;
    return { dev, waitsFor: missing ?? iommu ?? null, reason: device?.deferred_reason ?? null };
  });
}
