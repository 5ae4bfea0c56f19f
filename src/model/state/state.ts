/**
 * The state of the emulated system: plain JSON data, one slice a subsystem.
 *
 * Only reducers write it. Tables have no prototype (events/table.ts); lists keep the kernel's order.
 * Fields that the kernel has keep the kernel's names.
 */
import type { DomainType, LinkState, LinksStatus } from '../../events/event.ts';
import type { DeviceSpec, DriverSpec } from '../../events/machine.ts';
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
  driver_override: string | null;
  deferred: 'none' | 'pending' | 'active';
  deferred_reason: string | null;
  links_status: LinksStatus;
  /** Successful dma_configure calls not yet undone by dma_cleanup. */
  dma_configured: number;
  /** How often the device is counted in its group's owner_cnt. */
  owner_uses: number;
  /** dev->iommu is allocated. */
  dev_iommu: boolean;
  fwspec: { iommu: string; ids: number[] } | null;
  /** dev->iommu->iommu_dev: the instance that translates for it. */
  iommu: string | null;
  iommu_group: number | null;
  /** ACS is switched on: decided when the device is added. */
  acs_enabled: boolean;
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
  enable: boolean;
  initcalls_done: boolean;
  /** The timeout has run: driver_deferred_probe_timeout is 0 from there on. */
  timed_out: boolean;
  timeout_armed: boolean;
}

/** A managed struct device_link. */
export interface Link {
  consumer: string;
  supplier: string;
  status: LinkState;
  /** SYNC_STATE_ONLY: it holds no probe back. */
  relaxed: boolean;
}

/** struct iommu_device. */
export interface IommuInstance {
  name: string;
  ops: string;
  fwnode: boolean;
  /** Its device of the class `iommu` exists, to which those it translates for are linked. */
  in_sysfs: boolean;
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

export interface State {
  buses: Table<Bus>;
  devices: Table<Device>;
  modules: Table<Module>;
  deferred: Deferred;
  links: Link[];
  iommus: IommuInstance[];
  groups: Table<Group>;
  /** pci_acs_enable: devices added from now on get ACS switched on. */
  acs_requested: boolean;
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

/** The state before anything happened. */
export function initialState(): State {
  return {
    buses: emptyTable(),
    devices: emptyTable(),
    modules: emptyTable(),
    deferred: {
      pending: [],
      active: [],
      trigger_count: 0,
      enable: false,
      initcalls_done: false,
      timed_out: false,
      timeout_armed: false,
    },
    links: [],
    iommus: [],
    groups: emptyTable(),
    acs_requested: false,
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
