/**
 * The state of the emulated system: plain JSON data, one slice a subsystem.
 *
 * Only reducers write it. Tables have no prototype (events/table.ts); lists keep the kernel's order.
 * Fields that the kernel has keep the kernel's names.
 */
import { emptyTable, type Table } from '../../events/table.ts';
import type {
  Bus,
  Deferred,
  Device,
  Driver,
  FwnodeLink,
  Link,
  Module,
} from './driver-core-types.ts';
import type {
  Group,
  IoMapping,
  IommuInstance,
  Ipmmu,
  LastDma,
  Mapping,
  Smmu,
  StreamEntry,
  Viommu,
  X86Unit,
} from './iommu-types.ts';
import type { Pci } from './pci-types.ts';
import type { VfioContainer, VfioGroup } from './vfio-types.ts';

export interface State {
  buses: Table<Bus>;
  devices: Table<Device>;
  /**
   * All devices that were not shut down yet, the next one to be last. A root bus has an entry of its
   * own, `pci0000:00`, also where no device of that name is known.
   */
  devices_kset: string[];
  modules: Table<Module>;
  /** What was written to parameters of built-in modules: module to parameter to value. */
  builtin_params: Table<Table<string>>;
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
  /** What the page tables of all domains map. */
  io_mappings: IoMapping[];
  /** The last transaction of each device that was asked for one. */
  last_dma: Table<LastDma>;
  /** Memory that the kernel was asked to take, and took. */
  allocated: { start: number; length: number }[];
  /** Only those that the machine describes, like the next two. */
  x86_units: Table<X86Unit>;
  viommus: Table<Viommu>;
  ipmmus: Table<Ipmmu>;
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
export type ReadStreamEntry = DeepReadonly<StreamEntry>;

/** The state before anything happened. */
export function initialState(): State {
  return {
    buses: emptyTable(),
    devices: emptyTable(),
    devices_kset: [],
    modules: emptyTable(),
    builtin_params: emptyTable(),
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
    io_mappings: [],
    last_dma: emptyTable(),
    allocated: [],
    x86_units: emptyTable(),
    viommus: emptyTable(),
    ipmmus: emptyTable(),
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
