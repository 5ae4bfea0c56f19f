/**
 * The state of the emulated system: plain JSON data, one slice a subsystem.
 *
 * Only reducers write it. Tables have no prototype (events/table.ts); lists keep the kernel's order.
 * Fields that the kernel has keep the kernel's names.
 */
import type {
  DomainType,
  LinkFlag,
  LinkState,
  LinksStatus,
  StreamType,
} from '../../events/event.ts';
import type { DeviceSpec, DmaOps, DriverSpec } from '../../events/machine.ts';
import { emptyTable, type Table } from '../../events/table.ts';

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
  /** ACS is switched on: decided when the device is added. */
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

/** struct iommu_device, while it is on the core's list. */
export interface IommuInstance {
  name: string;
  ops: string;
  /** The place of the module that holds the ops; null where they are built in. */
  at: number | null;
  /** It is on the list although its driver freed it. */
  freed: boolean;
  fwnode: boolean;
  /** Its device of the class `iommu` exists, to which those it translates for are linked. */
  in_sysfs: boolean;
  /** Its hardware was switched off by a shutdown. */
  disabled: boolean;
  /** Its registration has searched all buses; never true before iommu_ready_flag. */
  ready: boolean;
}

/** struct iommu_group. */
export interface Group {
  id: number;
  /** Members in the order they joined. */
  devices: string[];
  default_domain: DomainType | null;
  domain: DomainType | null;
  owner: string | null;
  owner_cnt: number;
  /** Members whose reserved regions the default domain maps 1:1. */
  direct_mapped: string[];
}

/** struct dma_iommu_mapping of 32-bit Arm. */
export interface Mapping {
  id: number;
  iommu: string;
  /** The IOMMU's driver keeps a pointer to it: the number stays known when the last reference goes. */
  shared: boolean;
  kref: number;
  /** The translation context of its domain, chosen at the first attach. */
  context: number | null;
}

/** Hardware: the stream mapping entries or stream table of an SMMU. */
export interface Smmu {
  /** By stream id. */
  streams: Table<StreamType>;
  unmatched: 'bypass' | 'fault';
}

/** struct vfio_group. */
export interface VfioGroup {
  name: string;
  iommu_group: number | null;
  devices: string[];
  opened_by: string | null;
  container: string | null;
  /** Given back, and excused until their drivers are gone. */
  unbound_list: string[];
}

/** struct vfio_container: its IOMMU backend is set, and memory is mapped. */
export interface VfioContainer {
  iommu: boolean;
  mapped: boolean;
}

/** struct pci_bus. */
export interface PciBus {
  name: string;
  /** The bridge or host bridge that leads to it. */
  bridge: string;
  /** That device was deleted since, and left the bus behind. */
  bridge_gone: boolean;
  /** The bus that the bridge is on; null for a root bus. */
  above: string | null;
  /** The last bus number behind it: busn_res.end. */
  end: number;
  /** No root bus leads to it any more. */
  lost: boolean;
}

/**
 * What is wrong with a bridge: it was given no bus; the bus it points to was never registered; its
 * windows were decided on when it was switched on already, and are shut; or found no room.
 */
export type BridgeTrouble = 'no-bus' | 'bus-refused' | 'window-shut' | 'no-room';

export interface Pci {
  /** By name, `0000:03`. */
  buses: Table<PciBus>;
  /** pci_dev.subordinate: bridge to the bus behind it. */
  subordinate: Table<string>;
  impaired: Table<BridgeTrouble>;
  /** Host bridges whose root bus was scanned. */
  scanned: string[];
  /** What bridges hold that were given other numbers than at boot, by their names at boot. */
  numbers: Table<{ primary: number; secondary: number; subordinate: number }>;
  /** Functions known under another address than at boot, with the name they had then. */
  renumbered: Table<string>;
  /** Functions that were put into their slots or taken out, by their names at boot. */
  plugged: Table<boolean>;
}

export interface State {
  buses: Table<Bus>;
  devices: Table<Device>;
  /**
   * All devices that were not shut down yet, the next one to be last. A root bus has an entry of its
   * own, `pci0000:00`, also where no device of that name is known.
   */
  devices_kset: string[];
  modules: Table<Module>;
  deferred: Deferred;
  links: Link[];
  fwnode_links: FwnodeLink[];
  /** Fwnodes with suppliers of which the links were made: FWNODE_FLAG_LINKS_ADDED. */
  fwnodes_linked: string[];
  fw_devlink_best_effort: boolean;
  /** Reasons for sync_state callbacks to wait, of which the boot is one. */
  defer_sync_state_count: number;
  /** Suppliers that are looked at when there is no such reason any more. */
  deferred_sync: string[];
  iommus: IommuInstance[];
  groups: Table<Group>;
  mappings: Table<Mapping>;
  /** Only those of which the machine says what firmware left in them. */
  smmus: Table<Smmu>;
  /** pci_acs_enable: devices added from now on get ACS switched on. */
  acs_requested: boolean;
  pci: Pci;
  pci_sysfs_initialized: boolean;
  /** iommu_dma_strict was set at run time. */
  dma_strict: boolean;
  vfio: {
    groups: Table<VfioGroup>;
    containers: Table<VfioContainer>;
    /** Devices bound to an iommufd by their own files: device to iommufd. */
    iommufds: Table<string>;
    /** Devices that were refused for want of coherent DMA when a VFIO driver last tried. */
    incoherent: string[];
    /** Open device files: device to user. */
    open: Table<string>;
    /** Open devices whose users want to be told when they are to go. */
    requests: string[];
    /** Holds whose users were told to close their files. */
    released: string[];
  };
  /** The task that hit an oops, once one did: the machine is not to be trusted after it. */
  oops: string | null;
}

type Primitive = string | number | boolean | null;
/** The state as a path or an invariant sees it. */
export type DeepReadonly<T> = T extends Primitive
  ? T
  : { readonly [K in keyof T]: DeepReadonly<T[K]> };
export type ReadState = DeepReadonly<State>;
export type ReadDevice = DeepReadonly<Device>;
export type ReadDriver = DeepReadonly<Driver>;
export type ReadGroup = DeepReadonly<Group>;
export type ReadMapping = DeepReadonly<Mapping>;

/** The state before anything happened. */
export function initialState(): State {
  return {
    buses: emptyTable(),
    devices: emptyTable(),
    devices_kset: [],
    modules: emptyTable(),
    deferred: {
      pending: [],
      active: [],
      trigger_count: 0,
      probe_count: 0,
      enable: false,
      defer_all_probes: false,
      initcalls_done: false,
      timed_out: false,
      timeout_armed: false,
    },
    links: [],
    fwnode_links: [],
    fwnodes_linked: [],
    fw_devlink_best_effort: false,
    defer_sync_state_count: 1,
    deferred_sync: [],
    iommus: [],
    groups: emptyTable(),
    mappings: emptyTable(),
    smmus: emptyTable(),
    acs_requested: false,
    pci: {
      buses: emptyTable(),
      subordinate: emptyTable(),
      impaired: emptyTable(),
      scanned: [],
      numbers: emptyTable(),
      renumbered: emptyTable(),
      plugged: emptyTable(),
    },
    pci_sysfs_initialized: false,
    dma_strict: false,
    vfio: {
      groups: emptyTable(),
      containers: emptyTable(),
      iommufds: emptyTable(),
      incoherent: [],
      open: emptyTable(),
      requests: [],
      released: [],
    },
    oops: null,
  };
}
