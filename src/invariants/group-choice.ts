/** What makes the choice of a group depend on when it is made: ACS that is off, a driver that is there. */
import type { Facts } from '../model/context.ts';
import { iommuOf } from '../model/kernel/requester-ids.ts';
import { driver_managed_dma } from '../model/lookup.ts';
import type { ReadDevice } from '../model/state/state.ts';
import type { Breach } from './invariant.ts';

/** Does the grouping of this function, or of those behind it, ask whether its ACS is on? */
function asksForAcs({ spec: { pci } }: ReadDevice): boolean {
  if (pci?.pcie === 'root-port' || pci?.pcie === 'downstream') return true;
  return pci?.multifunction === true && pci.pcie !== null;
}

/**
 * A function that could be isolated and is not, because it was found before ACS was requested: found
 * again later it gets another group. With of_acs_at_dma_configure that is mended until it is grouped.
 */
export function acsLeftOff(dev: string, k: Facts): Breach | null {
  const device = k.state.devices[dev];
  if (device === undefined) return null;
  const { spec, acs_enabled, iommu_group } = device;
  if (spec.pci?.acs_capable !== true || acs_enabled || !asksForAcs(device)) return null;
  if (k.has('of_acs_at_dma_configure') && iommu_group === null) return null;
  if (iommuOf(k, dev) === null) return null;
  const message =
    `${dev} has ACS and it is off, although an IOMMU translates for it: the function was found ` +
    'before ACS was requested, and would be grouped differently if it came later';
  return { message, values: { acs_enabled, group: iommu_group } };
}

/**
 * A device whose driver, one that counts, is bound as it joins its group: it was not counted there.
 * One that was counted and is moved by a log that says otherwise is none.
 */
export function joinedWhileBound(dev: string, k: Facts): Breach | null {
  const device = k.state.devices[dev];
  if (device === undefined) return null;
  const { bound, driver, iommu_group, owner_uses } = device;
  if (!k.has('bus_dma_ownership') || !bound || iommu_group === null) return null;
  if (owner_uses > 0 || driver_managed_dma(k, device)) return null;
  const message =
    `${dev} joins group ${iommu_group} while ${driver} is bound to it and does DMA already: it ` +
    'should have been grouped before';
  return { message, values: { driver, group: iommu_group, owner_uses } };
}
