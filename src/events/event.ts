/**
 * The vocabulary: every fact the emulated system can produce, by type.
 *
 * A name is `subsystem.fact`, in the past tense; a field that the kernel has keeps the kernel's
 * spelling, and `ret` is what the kernel function returned (0 or a negative errno). To add an event:
 * its payload here, its line in `describe-table.ts`, its shape in `event-shape.ts`, its reducer in
 * `model/state`. The compiler names all four.
 */
import type { DeviceSpec, DmaOps, DriverSpec } from './machine.ts';
import type { Stimulus } from './stimulus.ts';

/** What a group's DMA goes through. Kernel: IOMMU_DOMAIN_*; the spelling of sysfs `type` where it has one. */
export type DomainType =
  | 'DMA'
  | 'DMA-FQ'
  | 'identity'
  /** An identity domain that a driver made to use PASIDs: not the default one, but like it. */
  | 'identity-pasid'
  | 'blocked'
  | 'unmanaged';

/** What an SMMU does with a stream: `boot` is translation by the tables that firmware left. */
export type StreamType = 'boot' | 'translate' | 'bypass' | 'fault';

/** printk levels by the kernel's names, most severe first. */
export const PRINTK_LEVELS = [
  'emerg',
  'alert',
  'crit',
  'err',
  'warn',
  'notice',
  'info',
  'debug',
] as const;
export type PrintkLevel = (typeof PRINTK_LEVELS)[number];

export interface EventMap {
  // Tasks: one a stimulus, worker or initcall.
  'task.started': { readonly stimulus: Stimulus };
  'task.finished': { readonly ret: number };
  'task.blocked': { readonly on: string };
  'syscall.returned': { readonly call: string; readonly ret: number; readonly value: string };

  // Devices on their bus.
  'device.added': { readonly dev: string; readonly spec: DeviceSpec };
  'device.ready': { readonly dev: string };
  'device.match_driver': { readonly dev: string };
  'device.async_driver': { readonly dev: string; readonly drv: string | null };
  'pci.sysfs_initialized': Record<never, never>;
  'pci.resource_files': { readonly dev: string; readonly there: boolean };
  'pci.acs_requested': Record<never, never>;
  'pci.bus_added': {
    readonly bus: string;
    readonly bridge: string;
    readonly above: string | null;
    readonly end: number;
  };
  'pci.bus_range': { readonly bus: string; readonly end: number };
  'pci.bus_removed': { readonly bus: string };
  /** `hardware` is the name at boot of the bridge that holds the numbers. */
  'pci.bridge_numbered': {
    readonly hardware: string;
    readonly primary: number;
    readonly secondary: number;
    readonly subordinate: number;
  };
  'pci.bridge_impaired': {
    readonly dev: string;
    readonly how: 'no-bus' | 'bus-refused' | 'window-shut' | 'no-room';
  };
  /** The function that was `hardware` at boot is found as `dev`. */
  'pci.renumbered': { readonly dev: string; readonly hardware: string };
  'pci.plugged': { readonly hardware: string };
  'pci.unplugged': { readonly hardware: string };
  'pci.acs_enabled': { readonly dev: string };
  'device.dead': { readonly dev: string };
  'device.bus_removed': { readonly dev: string };
  'device.deleted': { readonly dev: string };
  /** All devices, in the order in which they stand at the end of the list from here on. */
  'devices_kset.moved': { readonly devs: readonly string[] };
  'probing.blocked': Record<never, never>;
  'device.shutdown': { readonly dev: string };
  'driver.shutdown': { readonly dev: string; readonly drv: string };
  'device.driver_override': { readonly dev: string; readonly drv: string | null };
  'bus.drivers_autoprobe': { readonly bus: string; readonly on: boolean };

  // Drivers and modules.
  'driver.registered': { readonly bus: string; readonly drv: string; readonly spec: DriverSpec };
  'driver.unregistered': { readonly bus: string; readonly drv: string };
  'driver.id_added': { readonly bus: string; readonly drv: string; readonly id: string };
  'driver.id_removed': { readonly bus: string; readonly drv: string; readonly id: string };
  'module.loading': { readonly module: string; readonly depends: readonly string[] };
  'module.live': { readonly module: string };
  'module.going': { readonly module: string };
  'module.unloaded': { readonly module: string };
  'module.got': { readonly module: string; readonly by: string };
  'module.put': { readonly module: string; readonly by: string };
  'module.param': { readonly module: string; readonly param: string; readonly value: string };

  // Binding (drivers/base/dd.c).
  'probe.matched': { readonly dev: string; readonly drv: string };
  'probe.started': { readonly dev: string; readonly drv: string };
  'dma.configured': { readonly dev: string; readonly ret: number };
  'dma.cleaned': { readonly dev: string };
  'driver.probed': { readonly dev: string; readonly drv: string; readonly ret: number };
  'driver.removed': { readonly dev: string; readonly drv: string };
  'probe.test_removed': { readonly dev: string; readonly drv: string };
  /** Listeners on the bus hear that a probe failed. Kernel: BUS_NOTIFY_DRIVER_NOT_BOUND. */
  'driver.not_bound': { readonly dev: string; readonly drv: string };
  'probe.unwound': { readonly dev: string; readonly drv: string };
  'device.unbind_cleanup': { readonly dev: string };
  'driver.bound': { readonly dev: string; readonly drv: string };
  'probe.finished': { readonly dev: string; readonly drv: string; readonly ret: number };
  'driver.unbinding': { readonly dev: string; readonly drv: string };
  'driver.unbound': { readonly dev: string; readonly drv: string };

  // Deferral.
  'deferred.added': { readonly dev: string };
  'deferred.removed': { readonly dev: string };
  'deferred.reason': { readonly dev: string; readonly reason: string };
  'deferred.triggered': { readonly trigger_count: number };
  'deferred.retried': { readonly dev: string };
  'deferred.enabled': Record<never, never>;
  'initcalls.done': Record<never, never>;
  'deferred.timeout_armed': { readonly seconds: number };
  'deferred.timed_out': Record<never, never>;

  // What firmware says of suppliers, until it becomes device links; ends are fwnodes.
  'fwnode_link.added': { readonly consumer: string; readonly supplier: string };
  /** Part of a cycle: it holds nobody back. */
  'fwnode_link.cycle': { readonly consumer: string; readonly supplier: string };
  'fwnode_link.deleted': { readonly consumer: string; readonly supplier: string };

  // Device links.
  'link.added': {
    readonly consumer: string;
    readonly supplier: string;
    readonly flags: readonly LinkFlag[];
    readonly status: LinkState;
  };
  'link.state': {
    readonly consumer: string;
    readonly supplier: string;
    readonly status: LinkState;
  };
  /** All flags the link has from here on. */
  'link.flags': {
    readonly consumer: string;
    readonly supplier: string;
    readonly flags: readonly LinkFlag[];
  };
  'link.deleted': { readonly consumer: string; readonly supplier: string };
  'links.status': { readonly dev: string; readonly status: LinksStatus };
  /** fw_devlink_best_effort: whether probes ignore suppliers that no driver matched. */
  'links.best_effort': { readonly on: boolean };

  // Suppliers that hear when all their consumers are bound, and those that do not ask.
  'sync_state.paused': Record<never, never>;
  'sync_state.resumed': Record<never, never>;
  /** It is looked at again when the pauses are over. */
  'sync_state.deferred': { readonly dev: string };
  'sync_state.undeferred': { readonly dev: string };
  /** state_synced: the callback will be called, once. */
  'sync_state.queued': { readonly dev: string };
  /** The driver's sync_state callback ran. */
  'device.sync_state': { readonly dev: string };
  /** The supplier switched off what no consumer had asked for by the end of the boot. */
  'supplier.cleaned_up': { readonly dev: string };

  // IOMMU core.
  'fwspec.set': { readonly dev: string; readonly iommu: string; readonly ids: readonly number[] };
  'dev_iommu.allocated': { readonly dev: string };
  'dev_iommu.freed': { readonly dev: string };
  /** `at` is the place of the module that holds the ops; null where they are built in. */
  'iommu.registered': {
    readonly iommu: string;
    readonly ops: string;
    readonly fwnode: boolean;
    readonly at: number | null;
  };
  /** Its registration has searched all buses: who binds may count on it. */
  'iommu.ready': { readonly iommu: string };
  'iommu.unregistered': { readonly iommu: string };
  'iommu.disabled': { readonly iommu: string };
  /** Its driver is done with it: the structure that stands for it is freed. */
  'iommu.freed': { readonly iommu: string };
  /** Its device of the class `iommu` was removed. */
  'iommu.sysfs_removed': { readonly iommu: string };
  /** `at` as in `iommu.registered`. */
  'bus.iommu_ops': {
    readonly bus: string;
    readonly ops: string | null;
    readonly at: number | null;
  };
  /** The IOMMU core hears of devices of the bus while `refs` is not 0. */
  'bus.iommu_notifier': { readonly bus: string; readonly refs: number };
  /** DMA domains are strict from here on, whatever was configured. */
  'iommu.dma_strict': Record<never, never>;
  'iommu.device_probed': { readonly dev: string; readonly iommu: string };
  'iommu.device_released': { readonly dev: string };
  'group.allocated': { readonly group: number };
  'group.joined': { readonly dev: string; readonly group: number };
  'group.left': { readonly dev: string; readonly group: number };
  'group.freed': { readonly group: number };
  'group.default_domain': { readonly group: number; readonly domain: DomainType | null };
  'group.attached': { readonly group: number; readonly domain: DomainType | null };

  /** The default domain of the group maps the reserved regions of the device 1:1. */
  'group.direct_mapped': { readonly dev: string; readonly group: number };

  // DMA operations and mappings of 32-bit Arm (arch/arm/mm/dma-mapping.c).
  'dma_ops.set': { readonly dev: string; readonly ops: DmaOps | null };
  /** They are arch_setup_dma_ops' own from here on (archdata.dma_ops_setup). */
  'dma_ops.set_up': { readonly dev: string };
  'dma_ops.torn_down': { readonly dev: string };
  /** `shared` is the one that the IOMMU's driver made for all its devices. */
  'mapping.created': {
    readonly mapping: number;
    readonly iommu: string;
    readonly shared: boolean;
  };
  'mapping.attached': { readonly dev: string; readonly mapping: number; readonly context: number };
  'mapping.detached': { readonly dev: string; readonly mapping: number };
  'mapping.put': { readonly mapping: number };
  'dma.allocated': { readonly dev: string };

  // Streams of an SMMU, and DMA that runs since before the kernel.
  'smmu.reset': {
    readonly iommu: string;
    /** The stream mapping entries that the reset writes. */
    readonly streams: readonly { readonly id: number; readonly does: StreamType }[];
    /** What becomes of streams without an entry. */
    readonly unmatched: 'bypass' | 'fault';
  };
  /** `does` is null where the entry was made invalid. */
  'smmu.stream_written': {
    readonly iommu: string;
    readonly id: number;
    readonly does: StreamType | null;
  };
  'dma.faulted': { readonly dev: string; readonly iommu: string; readonly id: number };
  'dma.handed_over': { readonly dev: string };

  // DMA ownership.
  'owner.used': { readonly dev: string; readonly group: number; readonly ret: number };
  'owner.unused': { readonly dev: string; readonly group: number };
  'owner.claimed': { readonly group: number; readonly owner: string; readonly ret: number };
  'owner.released': { readonly group: number };
  /** A claim for one device; the group counts those of its owner. */
  'owner.device_claimed': {
    readonly dev: string;
    readonly group: number;
    readonly owner: string;
    readonly ret: number;
  };
  'owner.device_released': { readonly dev: string; readonly group: number };

  // VFIO.
  'vfio.group_created': { readonly group: string; readonly iommu_group: number | null };
  'vfio.group_removed': { readonly group: string };
  'vfio.device_registered': { readonly dev: string; readonly group: string };
  'vfio.device_unregistered': { readonly dev: string; readonly group: string };
  /** VFIO will not have the device: the IOMMU does not vouch for coherent DMA. */
  'vfio.incoherent': { readonly dev: string };
  /** A device that VFIO gave back is excused until its driver is gone. */
  'vfio.unbound_added': { readonly dev: string; readonly group: string };
  'vfio.unbound_removed': { readonly dev: string; readonly group: string };
  'vfio.group_opened': { readonly group: string; readonly user: string };
  'vfio.group_closed': { readonly group: string };
  'vfio.container_set': { readonly group: string; readonly container: string };
  'vfio.container_unset': { readonly group: string };
  'vfio.iommu_set': { readonly container: string };
  /** Memory of the user's was mapped for DMA, with IOMMU_CACHE where the IOMMU has it. */
  'vfio.dma_mapped': { readonly container: string };
  'vfio.iommufd_bound': { readonly dev: string; readonly iommufd: string };
  'vfio.iommufd_unbound': { readonly dev: string };
  'vfio.device_opened': { readonly dev: string; readonly user: string };
  /** It wants to be told, by an interrupt of the device, when it is to go. */
  'vfio.request_armed': { readonly dev: string };
  'vfio.device_closed': { readonly dev: string };
  /** The user that holds its files open under this name is told to close them. */
  'vfio.user_released': { readonly hold: string };

  // What the kernel said, and where it broke.
  printk: { readonly level: PrintkLevel; readonly text: string; readonly dev: string | null };
  'kernel.warned': { readonly at: string; readonly what: string };
  'kernel.oopsed': { readonly at: string; readonly what: string };

  // What a log said that the model did not expect; the state then follows the log.
  'log.diverged': { readonly expected: string; readonly observed: string };
}

/** DL_FLAG_* in the order of their bits. Kernel: include/linux/device.h. */
export const LINK_FLAGS = [
  'STATELESS',
  'AUTOREMOVE_CONSUMER',
  'PM_RUNTIME',
  'RPM_ACTIVE',
  'AUTOREMOVE_SUPPLIER',
  'AUTOPROBE_CONSUMER',
  'MANAGED',
  'SYNC_STATE_ONLY',
  'INFERRED',
  'CYCLE',
] as const;
export type LinkFlag = (typeof LINK_FLAGS)[number];
/** enum device_link_state; NONE for a link that is not managed. Kernel: include/linux/device.h. */
export type LinkState =
  | 'NONE'
  | 'DORMANT'
  | 'AVAILABLE'
  | 'CONSUMER_PROBE'
  | 'ACTIVE'
  | 'SUPPLIER_UNBIND';
/** enum dl_dev_state. Kernel: include/linux/device.h. */
export type LinksStatus = 'NO_DRIVER' | 'PROBING' | 'DRIVER_BOUND' | 'UNBINDING';

export type EventType = keyof EventMap;
/** The event of a type; without an argument, the union of all. */
export type EventOf<T extends EventType = EventType> = {
  [K in T]: { readonly type: K } & EventMap[K];
}[T];
export type KernelEvent = EventOf;

/** How an event came to be known. */
export type Origin =
  /** The log has a line for it. */
  | 'observed'
  /** Follows from what was observed and how the kernel works. */
  | 'implied'
  /** Nothing speaks for it but the wish to explain later lines. */
  | 'assumed';

/** An event in its place in a run. Its number is its position, from 0. */
export interface Recorded {
  readonly event: KernelEvent;
  /** The task that did it: `init`, `modprobe vfio-pci`, `deferred_probe_work`. */
  readonly task: string;
  /** Kernel functions from the task's entry to the one that did it, outermost first. */
  readonly stack: readonly string[];
  readonly origin: Origin;
  /** Line of the log, from 1: its own, or for what was not observed the last one before it. */
  readonly line: number | null;
  /** The log's time stamp of that line in microseconds, a label only. */
  readonly timeUs: number | null;
}
