/** Reducers of VFIO. */
import { dropDomain } from './io-mappings.ts';
import { drop, nothing, type Reducers } from './reducer.ts';

export const vfioReducers = {
  'vfio.group_created': (state, { group, iommu_group }) => {
    state.vfio.groups[group] = {
      name: group,
      iommu_group,
      devices: [],
      opened_by: null,
      container: null,
      unbound_list: [],
    };
  },
  'vfio.group_removed': (state, { group }) => {
    delete state.vfio.groups[group];
  },
  'vfio.device_registered': (state, { dev, group }) => {
    state.vfio.groups[group]?.devices.push(dev);
    drop(state.vfio.incoherent, dev);
  },
  'vfio.device_unregistered': (state, { dev, group }) => {
    const devices = state.vfio.groups[group]?.devices;
    if (devices !== undefined) drop(devices, dev);
  },
  'vfio.incoherent': (state, { dev }) => {
    if (!state.vfio.incoherent.includes(dev)) state.vfio.incoherent.push(dev);
  },
  'vfio.unbound_added': (state, { dev, group }) => {
    state.vfio.groups[group]?.unbound_list.push(dev);
  },
  'vfio.unbound_removed': (state, { dev, group }) => {
    const list = state.vfio.groups[group]?.unbound_list;
    if (list !== undefined) drop(list, dev);
  },
  'vfio.group_opened': (state, { group, user }) => {
    const found = state.vfio.groups[group];
    if (found !== undefined) found.opened_by = user;
  },
  'vfio.group_closed': (state, { group }) => {
    const found = state.vfio.groups[group];
    if (found === undefined) return;
    const user = found.opened_by ?? '';
    found.opened_by = null;
    // The name may be used again; users that share it are let go together.
    const isShared = Object.values(state.vfio.groups).some(({ opened_by }) => opened_by === user);
    if (!isShared) drop(state.vfio.released, user);
  },
  'vfio.container_set': (state, { group, container }) => {
    const found = state.vfio.groups[group];
    if (found === undefined) return;
    found.container = container;
    if (state.vfio.containers[container] === undefined)
      state.vfio.containers[container] = { iommu: false };
  },
  'vfio.container_unset': (state, { group }) => {
    const found = state.vfio.groups[group];
    if (found === undefined || found.container === null) return;
    delete state.vfio.containers[found.container];
    dropDomain(state, found.container);
    found.container = null;
  },
  'vfio.iommu_set': (state, { container }) => {
    const found = state.vfio.containers[container];
    if (found !== undefined) found.iommu = true;
  },
  'vfio.dma_mapped': nothing,
  'vfio.iommufd_bound': (state, { dev, iommufd }) => {
    state.vfio.iommufds[dev] = iommufd;
  },
  'vfio.iommufd_unbound': (state, { dev }) => {
    delete state.vfio.iommufds[dev];
  },
  'vfio.device_opened': (state, { dev, user }) => {
    state.vfio.open[dev] = user;
  },
  'vfio.user_released': (state, { hold }) => {
    state.vfio.released.push(hold);
  },
  'vfio.request_armed': (state, { dev }) => {
    state.vfio.requests.push(dev);
  },
  'vfio.device_closed': (state, { dev }) => {
    delete state.vfio.open[dev];
    drop(state.vfio.requests, dev);
  },
} satisfies Partial<Reducers>;
