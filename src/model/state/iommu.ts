/** Reducers of IOMMU instances, groups, domains and DMA ownership. */
import type { DomainType } from '../../events/terms.ts';
import { busOf } from './devices.ts';
import type { Device } from './driver-core-types.ts';
import { defaultDomain, dropDomain, ownDomain } from './io-mappings.ts';
import { drop, type Reducers } from './reducer.ts';
import type { State } from './state.ts';

/** The device has no IOMMU any more. */
function forgetIommu(device: Device): void {
  device.iommu = null;
  device.iommu_ops = null;
  device.iommu_ops_at = null;
  device.iommu_freed = false;
}

/** The group's domains of these types are freed, and with them their context banks. */
function freeContextBanks(state: State, group: number, is: (type: DomainType) => boolean): void {
  for (const { context_banks } of Object.values(state.smmus))
    for (const [bank, use] of Object.entries(context_banks))
      if (use.group === group && is(use.domain)) delete context_banks[bank];
}

/** The IOMMU of that name: the one that is in use, else the first that its driver freed. */
export function instanceNamed<T extends { readonly name: string; readonly freed: boolean }>(
  iommus: readonly T[],
  name: string,
): T | undefined {
  const named = iommus.filter((instance) => instance.name === name);
  return named.find(({ freed }) => !freed) ?? named[0];
}

export const iommuReducers = {
  'fwspec.set': (state, { dev, iommu, ids }) => {
    const device = state.devices[dev];
    if (device !== undefined) device.fwspec = { iommu, ids: [...ids] };
  },
  'dev_iommu.allocated': (state, { dev }) => {
    const device = state.devices[dev];
    if (device !== undefined) device.dev_iommu = true;
  },
  'dev_iommu.freed': (state, { dev }) => {
    const device = state.devices[dev];
    if (device === undefined) return;
    device.dev_iommu = false;
    device.fwspec = null;
    forgetIommu(device);
  },
  'iommu.disabled': (state, { iommu }) => {
    const found = instanceNamed(state.iommus, iommu);
    if (found !== undefined) found.disabled = true;
  },
  'iommu.registered': (state, { iommu, ops, fwnode, at }) => {
    state.iommus.push({
      name: iommu,
      ops,
      at,
      freed: false,
      fwnode,
      in_sysfs: true,
      disabled: false,
      ready: false,
    });
  },
  'iommu.ready': (state, { iommu }) => {
    for (const instance of state.iommus) if (instance.name === iommu) instance.ready = true;
  },
  'iommu.freed': (state, { iommu }) => {
    for (const instance of state.iommus) if (instance.name === iommu) instance.freed = true;
    for (const device of Object.values(state.devices))
      if (device.iommu === iommu) device.iommu_freed = true;
  },
  'iommu.sysfs_removed': (state, { iommu }) => {
    const found = instanceNamed(state.iommus, iommu);
    if (found !== undefined) found.in_sysfs = false;
  },
  'iommu.unregistered': (state, { iommu }) => {
    const at = state.iommus.findLastIndex((instance) => instance.name === iommu);
    if (at >= 0) state.iommus.splice(at, 1);
  },
  'iommu.dma_strict': (state) => {
    state.dma_strict = true;
  },
  'bus.iommu_ops': (state, { bus, ops, at }) => {
    const found = busOf(state, bus);
    found.iommu_ops = ops;
    found.iommu_ops_at = at;
  },
  'bus.iommu_notifier': (state, { bus, refs }) => {
    busOf(state, bus).iommu_notifier = refs;
  },
  'iommu.device_probed': (state, { dev, iommu }) => {
    const device = state.devices[dev];
    if (device === undefined) return;
    const instance = instanceNamed(state.iommus, iommu);
    device.iommu = iommu;
    device.iommu_ops = instance?.ops ?? null;
    device.iommu_ops_at = instance?.at ?? null;
    device.iommu_freed = instance?.freed ?? false;
  },
  'iommu.device_released': (state, { dev }) => {
    const device = state.devices[dev];
    if (device !== undefined) forgetIommu(device);
  },
} satisfies Partial<Reducers>;

export const groupReducers = {
  'group.allocated': (state, { group }) => {
    state.groups[group] = {
      id: group,
      devices: [],
      default_domain: null,
      domain: null,
      owner: null,
      owner_cnt: 0,
      direct_mapped: [],
    };
  },
  'group.joined': (state, { dev, group }) => {
    const device = state.devices[dev];
    if (device !== undefined) device.iommu_group = group;
    const devices = state.groups[group]?.devices;
    if (devices !== undefined && !devices.includes(dev)) devices.push(dev);
  },
  'group.left': (state, { dev, group }) => {
    const device = state.devices[dev];
    if (device !== undefined) device.iommu_group = null;
    const devices = state.groups[group]?.devices;
    if (devices !== undefined) drop(devices, dev);
    drop(state.groups[group]?.direct_mapped ?? [], dev);
  },
  'group.freed': (state, { group }) => {
    delete state.groups[group];
    freeContextBanks(state, group, () => true);
    dropDomain(state, defaultDomain(group));
    dropDomain(state, ownDomain(group));
  },
  'group.default_domain': (state, { group, domain }) => {
    freeContextBanks(state, group, (type) => type.startsWith('DMA') && type !== domain);
    const found = state.groups[group];
    if (found === undefined) return;
    const inPlace = found.default_domain === 'DMA' && domain === 'DMA-FQ';
    found.default_domain = domain;
    if (inPlace) return;
    found.direct_mapped = [];
    dropDomain(state, defaultDomain(group));
  },
  'group.attached': (state, { group, domain }) => {
    const found = state.groups[group];
    if (found !== undefined) found.domain = domain;
    if (domain !== 'unmanaged') freeContextBanks(state, group, (type) => type === 'unmanaged');
  },
  'group.direct_mapped': (state, { dev, group }) => {
    state.groups[group]?.direct_mapped.push(dev);
  },
  'owner.used': (state, { dev, group, ret }) => {
    const found = state.groups[group];
    if (found === undefined || ret !== 0) return;
    found.owner_cnt += 1;
    const device = state.devices[dev];
    if (device !== undefined) device.owner_uses += 1;
  },
  'owner.unused': (state, { dev, group }) => {
    const found = state.groups[group];
    if (found === undefined || found.owner_cnt === 0) return;
    found.owner_cnt -= 1;
    const device = state.devices[dev];
    if (device !== undefined) device.owner_uses -= 1;
  },
  'owner.claimed': (state, { group, owner, ret }) => {
    const found = state.groups[group];
    if (found === undefined || ret !== 0) return;
    found.owner = owner;
    found.owner_cnt = 1;
  },
  'owner.released': (state, { group }) => {
    const found = state.groups[group];
    if (found === undefined) return;
    found.owner = null;
    found.owner_cnt = 0;
  },
  'owner.device_claimed': (state, { group, owner, ret }) => {
    const found = state.groups[group];
    if (found === undefined || ret !== 0) return;
    found.owner = owner;
    found.owner_cnt += 1;
  },
  'owner.device_released': (state, { group }) => {
    const found = state.groups[group];
    if (found === undefined) return;
    found.owner_cnt = Math.max(0, found.owner_cnt - 1);
    if (found.owner_cnt === 0) found.owner = null;
  },
} satisfies Partial<Reducers>;
