/** Groups and order: who shares a group with whom, and that the IOMMU comes first. */
import { isX86Iommu } from '../events/machine.ts';
import type { Facts } from '../model/context.ts';
import { ipmmu_device_is_allowed } from '../model/kernel/ipmmu-vmsa.ts';
import { pci_acs_enabled } from '../model/kernel/pci-group.ts';
import {
  bridges,
  dmaAliases,
  iommuOf,
  pciAddress,
  streamIds,
} from '../model/kernel/requester-ids.ts';
import { deviceOf } from '../model/lookup.ts';
import { acsLeftOff, joinedWhileBound } from './group-choice.ts';
import { devicesOf, type Invariant } from './invariant.ts';

/**
 * The bridges that nothing isolates from `dev`: those it aliases, and those up to the first that ACS
 * isolates. One that is grouped later does not look down and gets a group of its own.
 */
function bridgesNotIsolated(dev: string, k: Facts): readonly string[] {
  const found = dmaAliases(k, dev).map((alias) => alias.by);
  const above = bridges(k, dev);
  for (const [i, bridge] of above.entries()) {
    if (above.slice(i).every(pci_acs_enabled)) break;
    found.push(bridge.name);
  }
  return found.filter((name) => name !== dev);
}

/** Functions of the slot without ACS. One that is grouped later finds the group of `dev`. */
function sameSlot(dev: string, k: Facts): readonly string[] {
  const device = deviceOf(k, dev);
  if (device.spec.pci?.multifunction !== true || pci_acs_enabled(device)) return [];
  const slot = (pciAddress(dev)?.devfn ?? 0) >> 3;
  return (k.state.buses['pci']?.devices ?? []).filter((name) => {
    const other = k.state.devices[name];
    if (other?.parent !== device.parent || pci_acs_enabled(other)) return false;
    return (pciAddress(name)?.devfn ?? -1) >> 3 === slot;
  });
}

/** INV-GRP. */
export const grouping: Invariant = {
  id: 'non-isolated-devices-share-a-group',
  code: 'INV-GRP',
  harm: 'isolation',
  claim:
    'Devices that are not isolated from each other are in one group, whoever comes first and whenever.',
  subsystem: 'iommu core',
  when: 'always',
  watches: ['group.joined', 'device.added', 'pci.acs_enabled'],
  subjects: devicesOf,
  name: (subject) => subject,
  suspects: ['fw_parse_at_add', 'of_acs_at_dma_configure', 'iommu_ready_flag', 'of_request_acs'],
  check(dev, k) {
    const untimely = acsLeftOff(dev, k) ?? joinedWhileBound(dev, k);
    if (untimely !== null) return untimely;
    const group = k.state.devices[dev]?.iommu_group ?? null;
    if (group === null || k.state.devices[dev]?.spec.pci === undefined) return null;
    const above = bridgesNotIsolated(dev, k);
    for (const other of [...above, ...sameSlot(dev, k)]) {
      const device = k.state.devices[other];
      if (device === undefined || device.iommu_group === group) continue;
      const joinsLater = !above.includes(other) || streamIds(k, other).length === 0;
      if (device.iommu_group === null && joinsLater) continue;
      const theirs =
        device.iommu_group === null ? 'it has no group yet' : `its group is ${device.iommu_group}`;
      const message =
        `${dev} is in group ${group}, but ${other}, from which nothing isolates it, ` +
        `is not: ${theirs}`;
      return { message, values: { group, other, otherGroup: device.iommu_group } };
    }
    return null;
  },
};

/** INV-ORDER. */
export const order: Invariant = {
  id: 'client-binds-after-its-iommu',
  code: 'INV-ORDER',
  harm: 'corruption',
  claim:
    'A device that firmware puts behind an IOMMU that takes it is in a group when its driver is bound, and ' +
    'the IOMMU is bound before.',
  subsystem: 'iommu core',
  when: 'always',
  watches: ['driver.bound'],
  subjects: devicesOf,
  name: (subject) => subject,
  suspects: ['timeout_default_10', 'fw_parse_at_add', 'fw_devlink_on', 'viommu_waits_for_ever'],
  check(dev, k) {
    const device = k.state.devices[dev];
    const spec = device?.bound === true ? iommuOf(k, dev) : null;
    if (device === undefined || spec === null) return null;
    const { name: iommu, iommu_kind } = spec;
    if (device.iommu_group !== null) {
      if (isX86Iommu(iommu_kind) || k.state.devices[iommu]?.bound === true) return null;
      const message = `${dev} is bound to ${device.driver} before ${iommu}, its IOMMU, is bound`;
      return { message, values: { driver: device.driver, iommu, registered: true } };
    }
    if (!ipmmu_device_is_allowed(k, dev, iommu)) return null;
    const registered = k.state.iommus.some(({ name }) => name === iommu);
    const message =
      `${dev} is bound to ${device.driver} without an IOMMU group, although firmware puts it ` +
      `behind ${iommu}, which is ${registered ? '' : 'not '}registered`;
    return { message, values: { driver: device.driver, iommu, registered } };
  },
};
