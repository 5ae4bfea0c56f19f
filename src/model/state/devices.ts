/** Reducers of devices, buses, drivers and binding. */
import type { EventOf } from '../../events/event.ts';
import { emptyTable } from '../../events/table.ts';
import type { Bus, Device } from './driver-core-types.ts';
import { forgetFunction } from './pci.ts';
import { count, drop, nothing, type Reducers } from './reducer.ts';
import type { State } from './state.ts';

/** The bus, created empty when it is first named. */
export function busOf(state: State, name: string): Bus {
  let bus = state.buses[name];
  if (bus === undefined) {
    bus = {
      devices: [],
      drivers: emptyTable(),
      drivers_autoprobe: true,
      iommu_ops: null,
      iommu_ops_at: null,
      iommu_notifier: 0,
    };
    state.buses[name] = bus;
  }
  return bus;
}

function added(state: State, { dev, spec }: EventOf<'device.added'>): void {
  const device: Device = {
    name: dev,
    bus: spec.bus,
    parent: spec.parent,
    spec,
    driver: null,
    bound: false,
    unbinding: false,
    can_match: false,
    dead: false,
    ready_to_probe: false,
    match_driver: spec.bus !== 'pci',
    async_driver: null,
    driver_override: null,
    deferred: 'none',
    deferred_reason: null,
    links_status: 'NO_DRIVER',
    state_synced: false,
    dma_configured: 0,
    owner_uses: 0,
    dev_iommu: false,
    fwspec: null,
    iommu: null,
    iommu_ops: null,
    iommu_ops_at: null,
    iommu_freed: false,
    iommu_group: null,
    shut_down: null,
    orphaned: false,
    resource_files: false,
    acs_enabled:
      spec.pci?.acs_enabled === true || (spec.pci?.acs_capable === true && state.acs_requested),
    dma_ops: null,
    archdata: { dma_ops_setup: false, mapping: null },
    dma_buffer: null,
    live_dma: spec.boot_mapping !== undefined,
  };
  state.devices[dev] = device;
  moveLast(state, dev);
  const { devices } = busOf(state, spec.bus);
  drop(devices, dev);
  devices.push(dev);
}

function deleted(state: State, { dev }: EventOf<'device.deleted'>): void {
  const device = state.devices[dev];
  if (device === undefined) return;
  drop(busOf(state, device.bus).devices, dev);
  delete state.devices[dev];
  drop(state.devices_kset, dev);
  orphan(state, dev);
  forgetFunction(state, dev);
}

/** Puts a device at the end of the list of all devices. */
function moveLast(state: State, dev: string): void {
  drop(state.devices_kset, dev);
  state.devices_kset.push(dev);
}

/** What was below a deleted device is out of sight. */
function orphan(state: State, parent: string): void {
  for (const device of Object.values(state.devices)) {
    if (device.parent !== parent || device.orphaned) continue;
    device.orphaned = true;
    orphan(state, device.name);
  }
}

function bound(state: State, { dev, drv }: EventOf<'driver.bound'>): void {
  const device = state.devices[dev];
  if (device === undefined) return;
  device.driver = drv;
  device.bound = true;
  const list = busOf(state, device.bus).drivers[drv]?.devices;
  if (list !== undefined && !list.includes(dev)) list.push(dev);
}

function unbindCleanup(state: State, { dev }: EventOf<'device.unbind_cleanup'>): void {
  const device = state.devices[dev];
  if (device === undefined) return;
  device.driver = null;
  device.dma_buffer = null;
}

function unbound(state: State, { dev, drv }: EventOf<'driver.unbound'>): void {
  const device = state.devices[dev];
  if (device === undefined) return;
  device.bound = false;
  device.unbinding = false;
  device.driver = null;
  const list = busOf(state, device.bus).drivers[drv]?.devices;
  if (list !== undefined) drop(list, dev);
}

function countProbes(state: State, dev: string, drv: string, by: 1 | -1): void {
  const bus = state.devices[dev]?.bus;
  const driver = bus === undefined ? undefined : busOf(state, bus).drivers[drv];
  if (driver !== undefined) count(driver, 'probing', by);
}

/** Runs `change` on the device, if there is one. */
function on(state: State, dev: string, change: (device: Device) => void): void {
  const device = state.devices[dev];
  if (device !== undefined) change(device);
}

export const deviceReducers = {
  'device.added': added,
  'device.ready': (state, { dev }) => on(state, dev, (d) => (d.ready_to_probe = true)),
  'device.match_driver': (state, { dev }) => on(state, dev, (d) => (d.match_driver = true)),
  'device.async_driver': (state, { dev, drv }) => on(state, dev, (d) => (d.async_driver = drv)),
  'pci.sysfs_initialized': (state) => {
    state.pci_sysfs_initialized = true;
  },
  'pci.resource_files': (state, { dev, there }) =>
    on(state, dev, (d) => (d.resource_files = there)),
  'pci.acs_requested': (state) => {
    state.acs_requested = true;
  },
  'pci.acs_enabled': (state, { dev }) => on(state, dev, (d) => (d.acs_enabled = true)),
  'device.dead': (state, { dev }) => on(state, dev, (d) => (d.dead = true)),
  'device.bus_removed': (state, { dev }) =>
    on(state, dev, (d) => drop(busOf(state, d.bus).devices, dev)),
  'device.deleted': deleted,
  'devices_kset.moved': (state, { devs }) => {
    for (const dev of devs) if (state.devices[dev] !== undefined) moveLast(state, dev);
  },
  'device.shutdown': (state, { dev }) => drop(state.devices_kset, dev),
  'driver.shutdown': (state, { dev, drv }) => on(state, dev, (d) => (d.shut_down = drv)),
  'device.driver_override': (state, { dev, drv }) =>
    on(state, dev, (d) => (d.driver_override = drv)),
  'bus.drivers_autoprobe': (state, { bus, on: autoprobe }) => {
    busOf(state, bus).drivers_autoprobe = autoprobe;
  },
  'driver.registered': (state, { bus, drv, spec }) => {
    const driver = { name: drv, bus, spec, dynamic_ids: [], devices: [], probing: 0, going: false };
    busOf(state, bus).drivers[drv] = driver;
  },
  'driver.going': (state, { bus, drv }) => {
    const driver = busOf(state, bus).drivers[drv];
    if (driver !== undefined) driver.going = true;
  },
  'driver.unregistered': (state, { bus, drv }) => {
    delete busOf(state, bus).drivers[drv];
  },
  'driver.id_added': (state, { bus, drv, id }) => {
    busOf(state, bus).drivers[drv]?.dynamic_ids.push(id);
  },
  'driver.id_removed': (state, { bus, drv, id }) => {
    const ids = busOf(state, bus).drivers[drv]?.dynamic_ids;
    if (ids !== undefined) drop(ids, id);
  },
  'device.can_match': (state, { dev }) => on(state, dev, (d) => (d.can_match = true)),
  'probe.matched': (state, { dev, drv }) => {
    count(state.deferred, 'probe_count', 1);
    countProbes(state, dev, drv, 1);
    on(state, dev, (d) => (d.can_match = true));
  },
  'probe.started': (state, { dev, drv }) => {
    on(state, dev, (d) => {
      d.driver = drv;
      d.shut_down = null;
    });
    drop(state.vfio.incoherent, dev);
  },
  'dma.configured': (state, { dev, ret }) =>
    on(state, dev, (d) => {
      if (ret === 0) d.dma_configured += 1;
    }),
  'dma.cleaned': (state, { dev }) => on(state, dev, (d) => (d.dma_configured -= 1)),
  'driver.probed': nothing,
  'driver.removed': nothing,
  'probe.test_removed': nothing,
  'driver.not_bound': nothing,
  'probe.unwound': nothing,
  'device.unbind_cleanup': unbindCleanup,
  'driver.bound': bound,
  'probe.finished': (state, { dev, drv }) => {
    count(state.deferred, 'probe_count', -1);
    countProbes(state, dev, drv, -1);
  },
  'driver.unbinding': (state, { dev }) => on(state, dev, (d) => (d.unbinding = true)),
  'driver.unbound': unbound,
} satisfies Partial<Reducers>;
