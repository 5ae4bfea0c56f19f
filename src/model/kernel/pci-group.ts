/** Which group a PCI function belongs to. Kernel: drivers/iommu/iommu.c, drivers/pci/pci.c, v6.1. */
import type { Facts } from '../context.ts';
import { deviceOf } from '../lookup.ts';
import { type Path, path } from '../path.ts';
import type { ReadDevice } from '../state/state.ts';
import { iommu_group_alloc } from './iommu-group.ts';
import { bridges, dmaAliases, pciAddress } from './requester-ids.ts';

/**
 * Is the function kept from peer-to-peer DMA around the IOMMU by ACS?
 *
 * Kernel: drivers/pci/pci.c:pci_acs_enabled, v6.1, for the bits SV, RR, CR and UF.
 * Leaves out: the quirk table.
 */
export function pci_acs_enabled(device: ReadDevice): boolean {
  const pci = device.spec.pci;
  switch (pci?.pcie ?? null) {
    case null:
    case 'pcie-to-pci':
    case 'pci-to-pcie':
    case 'rc-event-collector':
      return false;
    case 'root-port':
    case 'downstream':
      return device.acs_enabled;
    default:
      return pci?.multifunction === true ? device.acs_enabled : true;
  }
}

/** Functions on the bus of `dev`, itself not among them, in the order they were found. */
function onSameBus(k: Facts, dev: string): readonly string[] {
  const { parent } = deviceOf(k, dev);
  return (k.state.buses['pci']?.devices ?? []).filter(
    (name) => name !== dev && k.state.devices[name]?.parent === parent,
  );
}

const groupIdOf = (k: Facts, dev: string): number | null =>
  k.state.devices[dev]?.iommu_group ?? null;

/**
 * The group of another function of the slot that nothing isolates from `dev`.
 *
 * Kernel: drivers/iommu/iommu.c:get_pci_function_alias_group, v6.1.
 * Leaves out: get_pci_alias_group, which asks for quirks of single devices.
 */
function get_pci_function_alias_group(k: Facts, dev: string): number | null {
  const device = deviceOf(k, dev);
  if (device.spec.pci?.multifunction !== true || pci_acs_enabled(device)) return null;
  const slot = (pciAddress(dev)?.devfn ?? 0) >> 3;
  for (const other of onSameBus(k, dev)) {
    if ((pciAddress(other)?.devfn ?? -1) >> 3 !== slot) continue;
    if (pci_acs_enabled(deviceOf(k, other))) continue;
    const group = groupIdOf(k, other);
    if (group !== null) return group;
  }
  return null;
}

/** Where the search for a shared group ends: an existing group, or the function to search beside. */
type Found = { readonly group: number } | { readonly beside: string };

/** Goes up from the function to where ACS isolates it, looking for a group on the way. */
function searchUpstream(k: Facts, dev: string): Found {
  let last = dev;
  for (const { by } of dmaAliases(k, dev)) {
    last = by;
    const group = groupIdOf(k, by);
    if (group !== null) return { group };
  }
  const above = bridges(k, last);
  for (const [i, bridge] of above.entries()) {
    if (above.slice(i).every(pci_acs_enabled)) break;
    last = bridge.name;
    const group = groupIdOf(k, last);
    if (group !== null) return { group };
  }
  return { beside: last };
}

/**
 * The existing group a function would join now, or null for a new one. Looks, changes nothing.
 *
 * Kernel: drivers/iommu/iommu.c:pci_device_group, v6.1.
 * Leaves out: the DMA alias quirks of single devices.
 */
function sharedGroup(k: Facts, dev: string): number | null {
  const found = searchUpstream(k, dev);
  return 'group' in found ? found.group : get_pci_function_alias_group(k, found.beside);
}

/**
 * The group of a PCI function: one that exists already on what it is not isolated from, else a new
 * one. Only existing groups are found, so that the result depends on the order of probing.
 *
 * Kernel: drivers/iommu/iommu.c:pci_device_group, v6.1.
 * Leaves out: alias quirks of single devices.
 */
export const pci_device_group = path('pci_device_group', function* (k, dev: string): Path<number> {
  return sharedGroup(k, dev) ?? (yield* iommu_group_alloc(k, dev));
});
