/** DMA ownership: who is counted, who may count, and that counts come back. */
import type { Facts } from '../model/context.ts';
import { driver_managed_dma } from '../model/lookup.ts';
import type { ReadGroup } from '../model/state/state.ts';
import { type Breach, devicesOf, groupsOf, type Invariant } from './invariant.ts';

const groupName = (subject: string): string => `group ${subject}`;
const deviceName = (subject: string): string => subject;

const LEAK_SUSPECTS = [
  'test_remove_dma_cleanup',
  'DEBUG_TEST_DRIVER_REMOVE',
  'bus_dma_cleanup',
] as const;

/** Members that a kernel driver uses, each counted once however often it was counted. */
function users(group: ReadGroup, k: Facts): readonly string[] {
  return group.devices.filter((dev) => {
    const device = k.state.devices[dev];
    return device !== undefined && device.driver !== null && device.owner_uses > 0;
  });
}

/** INV-BAL. */
export const balance: Invariant = {
  id: 'dma_cleanup-balances-dma_configure',
  code: 'INV-BAL',
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
  claim:
    'While no user owns a group, owner_cnt is the number of its devices that a kernel driver uses.',
  subsystem: 'iommu core',
  when: 'always',
  watches: [
    'owner.used',
    'owner.unused',
    'owner.claimed',
    'owner.released',
    'group.left',
    'device.unbind_cleanup',
  ],
  subjects: groupsOf,
  name: groupName,
  suspects: LEAK_SUSPECTS,
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
    if (owner_cnt === 0 && owner === null && domain === default_domain) return null;
    const message = `group ${subject} is idle, yet owner_cnt is ${owner_cnt} and its domain ${domain}`;
    return { message, values: { owner_cnt, owner, domain, default_domain } };
  },
};

function isInContainer(group: ReadGroup, k: Facts): boolean {
  return Object.values(k.state.vfio.groups).some(
    (vfio) => vfio.iommu_group === group.id && vfio.container !== null,
  );
}

/** INV-ISO. */
export const isolation: Invariant = {
  id: 'user-owned-group-has-no-kernel-driver',
  code: 'INV-ISO',
  claim:
    'No device of a group that a user owns is bound to a driver that counts as a kernel owner.',
  subsystem: 'vfio',
  when: 'always',
  watches: ['driver.bound', 'owner.claimed', 'group.joined'],
  subjects: groupsOf,
  name: groupName,
  suspects: ['bus_dma_ownership', 'vfio_claims', 'portdrv_managed', 'pci_stub_managed'],
  check(subject, k) {
    const group = k.state.groups[subject];
    if (group === undefined || group.owner === null) return null;
    const intruder = group.devices.find((dev) => {
      const device = k.state.devices[dev];
      return device?.bound === true && !driver_managed_dma(k, device);
    });
    if (intruder === undefined) return null;
    const driver = k.state.devices[intruder]?.driver ?? null;
    const message = `${intruder} is bound to ${driver} in group ${subject}, which ${group.owner} owns`;
    return { message, values: { device: intruder, driver, owner: group.owner } };
  },
};
