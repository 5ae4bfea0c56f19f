/** Writing the `type` file of a group. Kernel: drivers/iommu/iommu.c:iommu_group_store_type, v6.1. */
import type { DomainType } from '../../events/terms.ts';
import type { Kernel } from '../context.ts';
import { EACCES, EBUSY, EINVAL, EPERM } from '../errno.ts';
import { groupById } from '../lookup.ts';
import { deviceLock, groupMutex, locked, type Path, path } from '../path.ts';
import { dev_printk, printk } from '../printk.ts';
import { domainName, typeByDevice, typeByGroup } from './def-domain-type.ts';
import { defaultDomainType } from './default-domain.ts';
import { attachToDefault } from './set-domain.ts';

/**
 * Writes the `type` file of a group, which is read-only before group_type_writable.
 *
 * Kernel: drivers/iommu/iommu.c:iommu_group_store_type and iommu_change_dev_def_domain, v6.1; the
 * former with iommu_setup_default_domain since group_type_by_owner.
 * Leaves out: failures to allocate or attach, what is printed of a device that is gone.
 *
 * @returns 0; -EACCES; -EINVAL for a word that is no type, for a type that a device cannot have and,
 * before group_type_by_owner, for a group of several devices; -EBUSY (before) or -EPERM (since)
 * while a driver uses the group.
 */
export const iommu_group_store_type = path(
  'iommu_group_store_type',
  function* (k, id: number, value: string): Path<number> {
    const group = k.state.groups[id];
    if (!k.has('group_type_writable')) return -EACCES;
    if (group === undefined || group.default_domain === null || !isWord(value)) return -EINVAL;
    if (k.has('group_type_by_owner'))
      return yield* locked(groupMutex(id), setByOwner(k, id, value));
    const [dev] = group.devices;
    if (dev === undefined || group.devices.length !== 1) {
      yield printk('err', `iommu: ${REFUSED}: Group has more than one device`);
      return -EINVAL;
    }
    return yield* locked(deviceLock(dev), setForDevice(k, id, dev, value));
  },
);

const REFUSED = 'Cannot change default domain';

type Word = 'identity' | 'DMA' | 'DMA-FQ' | 'auto';
const isWord = (value: string): value is Word =>
  value === 'identity' || value === 'DMA' || value === 'DMA-FQ' || value === 'auto';

/** What may change while a driver is bound: the flush queue is brought up in place. */
const flushQueueOnly = (k: Kernel, id: number, value: Word): boolean =>
  value === 'DMA-FQ' && groupById(k, id).default_domain === 'DMA';

/** Any number of devices, as long as nobody owns the group. */
function* setByOwner(k: Kernel, id: number, value: Word): Path<number> {
  const group = k.state.groups[id];
  // Its last device may have left it while it was waited for the mutex.
  if (group === undefined) return -EPERM;
  if (flushQueueOnly(k, id, value)) return yield* change(k, id, 'DMA-FQ');
  if (group.devices.length === 0 || group.owner_cnt > 0) return -EPERM;
  const wanted = yield* typeByGroup(k, id);
  if (wanted === 'refused') return -EINVAL;
  if (value !== 'auto' && wanted !== null && wanted !== value) return -EINVAL;
  return yield* change(k, id, value === 'auto' ? (wanted ?? defaultDomainType(k)) : value);
}

/** One device, under its lock, without a driver. */
function* setForDevice(k: Kernel, id: number, dev: string, value: Word): Path<number> {
  if (k.state.devices[dev]?.bound === true && !flushQueueOnly(k, id, value)) {
    yield printk('err', 'iommu: Device is still bound to driver');
    return -EBUSY;
  }
  return yield* locked(groupMutex(id), changeForDevice(k, id, dev, value));
}

function* changeForDevice(k: Kernel, id: number, dev: string, value: Word): Path<number> {
  const group = k.state.groups[id];
  // It was waited for the device's lock: the device may be gone, or the group another.
  if (k.state.devices[dev] === undefined) return -EBUSY;
  if (group?.devices.length !== 1) {
    yield dev_printk(k, 'err', dev, `${REFUSED}: Group has more than one device`);
    return -EINVAL;
  }
  if (group.devices[0] !== dev) {
    yield dev_printk(k, 'err', dev, `${REFUSED}: Device has been changed`);
    return -EBUSY;
  }
  const { domain, default_domain } = group;
  if (domain !== default_domain) {
    yield dev_printk(k, 'err', dev, 'Group not assigned to default domain');
    return -EBUSY;
  }
  const wanted = typeByDevice(k, dev);
  if (value !== 'auto' && wanted !== null && wanted !== value) {
    yield dev_printk(k, 'err', dev, `Device cannot be in ${domainName(value)} domain`);
    return -EINVAL;
  }
  return yield* change(k, id, value === 'auto' ? (wanted ?? defaultDomainType(k)) : value);
}

function* change(k: Kernel, id: number, domain: DomainType): Path<number> {
  const { default_domain: old } = groupById(k, id);
  if (old === domain) return 0;
  yield { type: 'group.default_domain', group: id, domain };
  const ret = yield* attachToDefault(k, id, domain, null);
  if (ret !== 0) yield { type: 'group.default_domain', group: id, domain: old };
  return ret;
}
