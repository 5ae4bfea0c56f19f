/** DMA ownership: who is counted, who may count, and that counts come back. */
import type { Facts } from '../model/context.ts';
import { driver_managed_dma, driverOf } from '../model/lookup.ts';
import type { ReadDevice, ReadGroup } from '../model/state/state.ts';
import { type Breach, devicesOf, groupsOf, type Invariant } from './invariant.ts';

const groupName = (subject: string): string => `group ${subject}`;
const deviceName = (subject: string): string => subject;

const LEAK_SUSPECTS = [
  'test_remove_dma_cleanup',
  'DEBUG_TEST_DRIVER_REMOVE',
  'bus_dma_cleanup',
] as const;

/** Does the driver leave DMA to user space, or do none, whether or not this kernel knows it? */
function isManaged(device: ReadDevice, k: Facts): boolean {
  const driver = device.driver === null ? undefined : driverOf(k, device.bus, device.driver);
  return driver?.spec.driver_managed_dma ?? false;
}

/**
 * Does a kernel driver use the device for DMA? From when it is counted, or from when it is bound; on
 * a kernel that counts before the device joins its group, as soon as it has a driver and a group.
 */
function isUsed(device: ReadDevice, k: Facts): boolean {
  if (device.driver === null || isManaged(device, k)) return false;
  if (device.owner_uses > 0) return true;
  if (!countsUses(device, k) || device.unbinding) return false;
  return device.bound || k.has('use_before_configure');
}

/** Does this kernel count the drivers of such devices? */
function countsUses({ bus }: ReadDevice, k: Facts): boolean {
  return k.has('dma_ownership_iface') && k.has('bus_dma_ownership') && COUNTED_BUSES.includes(bus);
}

const COUNTED_BUSES: readonly string[] = ['platform', 'amba', 'pci', 'fsl-mc'];

/** Members that a kernel driver uses, each counted once however often it was counted. */
function users(group: ReadGroup, k: Facts): readonly string[] {
  return group.devices.filter((dev) => {
    const device = k.state.devices[dev];
    return device !== undefined && isUsed(device, k);
  });
}

/** INV-BAL. */
export const balance: Invariant = {
  id: 'dma_cleanup-balances-dma_configure',
  code: 'INV-BAL',
  harm: 'lockout',
  claim:
    'A device counts at most once in the owner_cnt of its group, and not at all without a driver.',
  subsystem: 'driver core',
  when: 'always',
  watches: ['owner.used', 'owner.unused', 'device.unbind_cleanup', 'driver.unbound'],
  subjects: devicesOf,
  name: deviceName,
  suspects: LEAK_SUSPECTS,
  check(dev, k): Breach | null {
    const device = k.state.devices[dev];
    if (device === undefined) return null;
    const { owner_uses, driver, iommu_group, unbinding } = device;
    const most = driver === null || unbinding ? 0 : 1;
    if (owner_uses >= 0 && owner_uses <= most) return null;
    const owner_cnt = k.state.groups[iommu_group ?? '']?.owner_cnt ?? null;
    const has = driver === null ? 'has no driver' : `is bound or probing with ${driver}`;
    const message =
      `${dev} ${has} but still counts ${owner_uses} in owner_cnt of group ${iommu_group}: ` +
      'a dma_configure was not followed by its dma_cleanup';
    return { message, values: { owner_uses, driver, group: iommu_group, owner_cnt } };
  },
};

/** INV-OWN. */
export const ownerCount: Invariant = {
  id: 'owner_cnt-matches-users',
  code: 'INV-OWN',
  harm: 'lockout',
  claim:
    'While no user owns a group, owner_cnt is the number of its devices that a kernel driver uses.',
  subsystem: 'iommu core',
  when: 'always',
  watches: [
    'owner.used',
    'owner.unused',
    'owner.claimed',
    'owner.released',
    'driver.bound',
    'group.joined',
    'group.left',
    'device.unbind_cleanup',
  ],
  subjects: groupsOf,
  name: groupName,
  suspects: [
    ...LEAK_SUSPECTS,
    ...['portdrv_managed', 'pci_stub_managed', 'vfio_claims', 'vfio_vendor_managed'],
    'amba_own_dma_configure',
  ],
  check(subject, k) {
    const group = k.state.groups[subject];
    if (group === undefined || group.owner !== null) return null;
    const expected = users(group, k).length;
    if (group.owner_cnt === expected) return null;
    const by = expected === 1 ? '1 device' : `${expected} devices`;
    const message = `owner_cnt of group ${subject} is ${group.owner_cnt} with ${by} in use`;
    return { message, values: { owner_cnt: group.owner_cnt, users: expected } };
  },
};

/** INV-IDLE. */
export const idle: Invariant = {
  id: 'idle-group-has-no-owner',
  code: 'INV-IDLE',
  harm: 'lockout',
  claim:
    'A group that no kernel driver and no container uses has owner_cnt 0, no owner, and its default domain.',
  subsystem: 'iommu core',
  when: 'quiescent',
  watches: [
    'driver.unbound',
    'probe.finished',
    'vfio.container_unset',
    'vfio.group_closed',
    'group.joined',
    'group.left',
  ],
  subjects: groupsOf,
  name: groupName,
  suspects: LEAK_SUSPECTS,
  check(subject, k) {
    const group = k.state.groups[subject];
    if (group === undefined || isInContainer(group, k)) return null;
    const used = group.devices.some((dev) => {
      const device = k.state.devices[dev];
      return device?.bound === true && !driver_managed_dma(k, device);
    });
    if (used) return null;
    const { owner_cnt, owner, domain, default_domain } = group;
    // Nothing is attached to a group whose first attach failed, or is under way.
    const isDefault = domain === default_domain || domain === null || hasMapping(group, k);
    if (owner_cnt === 0 && owner === null && isDefault) return null;
    const message = `group ${subject} is idle, yet owner_cnt is ${owner_cnt} and its domain ${domain}`;
    return { message, values: { owner_cnt, owner, domain, default_domain } };
  },
};

/** On 32-bit Arm the driver of an IOMMU may keep a device on a mapping for good. */
function hasMapping(group: ReadGroup, k: Facts): boolean {
  return group.devices.some((dev) => (k.state.devices[dev]?.archdata.mapping ?? null) !== null);
}

/** Does a user have the group, by a container or by an iommufd? */
function isInContainer(group: ReadGroup, k: Facts): boolean {
  const { groups, iommufds } = k.state.vfio;
  return (
    group.devices.some((dev) => iommufds[dev] !== undefined) ||
    Object.values(groups).some((vfio) => vfio.iommu_group === group.id && vfio.container !== null)
  );
}

/** Is its driver on its way out, so far that it has taken its hands off and given back its use? */
const isGivenBack = ({ driver, unbinding, owner_uses }: ReadDevice): boolean =>
  driver === null || (unbinding && owner_uses === 0);

/** INV-ISO. */
export const isolation: Invariant = {
  id: 'user-owned-group-has-no-kernel-driver',
  code: 'INV-ISO',
  harm: 'isolation',
  claim: 'No device of a group that a user has is bound to a kernel driver, which may do DMA.',
  subsystem: 'vfio',
  when: 'always',
  watches: [
    'driver.bound',
    'owner.claimed',
    'owner.device_claimed',
    'vfio.container_set',
    'group.joined',
  ],
  subjects: groupsOf,
  name: groupName,
  suspects: ['bus_dma_ownership', 'vfio_claims', 'vfio_no_viable_scan', 'dma_ownership_iface'],
  check(subject, k) {
    const group = k.state.groups[subject];
    if (group === undefined || (group.owner === null && !isInContainer(group, k))) return null;
    const intruder = group.devices.find((dev) => {
      const device = k.state.devices[dev];
      return device?.bound === true && !isManaged(device, k) && !isGivenBack(device);
    });
    if (intruder === undefined) return null;
    const driver = k.state.devices[intruder]?.driver ?? null;
    const owner = group.owner ?? 'a VFIO user';
    const message = `${intruder} is bound to ${driver} in group ${subject}, which ${owner} has`;
    return { message, values: { device: intruder, driver, owner: group.owner } };
  },
};
