/** The state of devices, drivers, buses, modules and links. Written by reducers only. */

import type { DeviceSpec, DmaOps, DriverSpec } from '../../events/machine.ts';
import type { Table } from '../../events/table.ts';
import type { LinkFlag, LinkState, LinksStatus } from '../../events/terms.ts';

/** struct device with what dd.c, iommu.c and vfio keep beside it. */
export interface Device {
  name: string;
  bus: string;
  parent: string | null;
  spec: DeviceSpec;
  /** dev->driver: set while a probe runs, so not the same as bound. */
  driver: string | null;
  bound: boolean;
  /** Its driver is being removed: sysfs shows no driver any more. */
  unbinding: boolean;
  can_match: boolean;
  dead: boolean;
  ready_to_probe: boolean;
  /** pci_dev.match_driver; true on other buses. */
  match_driver: boolean;
  /** The driver whose asynchronous probe is queued and has not begun. */
  async_driver: string | null;
  driver_override: string | null;
  deferred: 'none' | 'pending' | 'active';
  deferred_reason: string | null;
  links_status: LinksStatus;
  /** The sync_state callback of its driver was called, or will be. */
  state_synced: boolean;
  /** Successful dma_configure calls not yet undone by dma_cleanup. */
  dma_configured: number;
  /** How often the device is counted in its group's owner_cnt. */
  owner_uses: number;
  /** dev->iommu is allocated. */
  dev_iommu: boolean;
  fwspec: { iommu: string; ids: number[] } | null;
  /** dev->iommu->iommu_dev: the instance that translates for it. */
  iommu: string | null;
  /** The ops through which that was found, by the driver's name, and the place of their module. */
  iommu_ops: string | null;
  iommu_ops_at: number | null;
  /** The instance was freed since. */
  iommu_freed: boolean;
  iommu_group: number | null;
  /** The driver whose shutdown took the device down; null for none. */
  shut_down: string | null;
  /** A device above it was deleted first: it is not in sysfs any more. */
  orphaned: boolean;
  resource_files: boolean;
  /** ACS is switched on: as the device is added, or later by pci.acs_enabled. */
  acs_enabled: boolean;
  /** dev->dma_ops, of 32-bit Arm only. */
  dma_ops: DmaOps | null;
  archdata: {
    /** arch_setup_dma_ops set dma_ops; never cleared. */
    dma_ops_setup: boolean;
    /** struct dma_iommu_mapping, by its number. */
    mapping: number | null;
  };
  /** The operations through which its driver allocated a managed buffer; null without one. */
  dma_buffer: { ops: DmaOps | null } | null;
  /** It does the DMA that firmware started: nobody has taken over yet. */
  live_dma: boolean;
}

/** struct device_driver. */
export interface Driver {
  name: string;
  bus: string;
  spec: DriverSpec;
  /** Ids added through new_id. */
  dynamic_ids: string[];
  /** Probes of it that are under way. */
  probing: number;
  /** Its module goes: it is off the list of its bus, and has no bind files. */
  going: boolean;
  /** Bound devices, in the order they were bound. */
  devices: string[];
}

/** struct bus_type. */
export interface Bus {
  /** klist_devices, in add order. */
  devices: string[];
  /** klist_drivers, in registration order. */
  drivers: Table<Driver>;
  drivers_autoprobe: boolean;
  /** bus->iommu_ops, by the driver's name. */
  iommu_ops: string | null;
  /** The place of the module that holds them; null where they are built in. */
  iommu_ops_at: number | null;
  /** How many hold the IOMMU core's notifier of the bus: kernels with bus_set_iommu only. */
  iommu_notifier: number;
}

export interface Module {
  name: string;
  /** Where it lies in memory: the lowest place that was free, all modules taken as equally large. */
  place: number;
  depends: string[];
  state: 'coming' | 'live' | 'going';
  /** Who holds a reference, once per reference. */
  holders: string[];
  params: Table<string>;
}

/** The deferred probe machinery of dd.c. */
export interface Deferred {
  pending: string[];
  active: string[];
  trigger_count: number;
  /** Probes under way. */
  probe_count: number;
  enable: boolean;
  /** Every probe is deferred: the system goes down. */
  defer_all_probes: boolean;
  initcalls_done: boolean;
  /** The timeout has run: driver_deferred_probe_timeout is 0 from there on. */
  timed_out: boolean;
  timeout_armed: boolean;
}

/** struct device_link: one a pair of devices. */
export interface Link {
  consumer: string;
  supplier: string;
  status: LinkState;
  /** In the order of their bits. */
  flags: LinkFlag[];
}

/** struct fwnode_link: what firmware says of a supplier, not yet a device link. */
export interface FwnodeLink {
  consumer: string;
  supplier: string;
  /** FWLINK_FLAG_CYCLE: nobody waits for it. */
  cycle: boolean;
}
