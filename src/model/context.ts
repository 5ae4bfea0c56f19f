/** What a kernel path is given: the state, the kernel's switches, and function pointers. */

import type { Allocation, KernelSpec, Machine } from '../events/machine.ts';
import type { DomainType } from '../events/terms.ts';
import type { Path } from './path.ts';
import type { ReadDevice, ReadDriver, ReadMapping, ReadState } from './state/state.ts';
import type { OptionName } from './versions/option-table.ts';
import type { PatchName } from './versions/patch-table.ts';

/** Sees a path's calls as a kprobe and a kretprobe would. */
export interface PathProbe {
  /** Is the path probed? */
  watches(name: string): boolean;
  /** A task can be held before each such call, as before a line it prints: more choices of a schedule. */
  readonly holds: boolean;
  /** At entry; what it returns is handed back to `leave`. `undefined` when not interested. */
  enter(name: string, args: readonly unknown[], task: string): number | undefined;
  leave(call: number, ret: unknown): void;
}

/** The running task, as far as a path may know it. */
export interface Task {
  readonly name: string;
}

/** What a driver's own probe returns where the model does not know better. */
export type Oracle = (dev: string, drv: string) => number;

export interface Kernel {
  readonly spec: KernelSpec;
  readonly machine: Machine;
  readonly state: ReadState;
  readonly ops: KernelOps;
  readonly task: Task;
  readonly probe: PathProbe | null;
  readonly oracle: Oracle;
  /** What an allocation for the device comes to: 0, or a negative errno where the machine says so. */
  allocates(call: Allocation, dev: string): number;
  /** Is the patch in this kernel? */
  has(patch: PatchName): boolean;
  /** The value of a CONFIG_ option, without the prefix; `n` where unset. */
  config(option: OptionName): string;
  /** The value of `name=` on the command line, the last one; null where absent. */
  cmdline(name: string): string | null;
}

/** What can be asked about a kernel and its state without running a path. */
export type Facts = Pick<Kernel, 'state' | 'machine' | 'ops' | 'has'>;

/** struct bus_type's callbacks. */
export interface BusOps {
  /** 1 for a match, 0 for none, or a negative errno. */
  readonly match: (k: Kernel, dev: ReadDevice, drv: ReadDriver) => number;
  readonly dma_configure?: (k: Kernel, dev: string) => Path<number>;
  readonly dma_cleanup?: (k: Kernel, dev: string) => Path<void>;
  /** The bus has a shutdown of its own, which calls that of the driver. */
  readonly shutdown?: boolean;
  /** The bus is on the IOMMU core's list of buses. */
  readonly iommu: boolean;
}

/** struct device_driver's callbacks for the drivers the model knows from inside. */
export interface DriverOps {
  readonly probe: (k: Kernel, dev: string, drv: string) => Path<number>;
  readonly remove?: (k: Kernel, dev: string, drv: string) => Path<void>;
  readonly shutdown?: (k: Kernel, dev: string, drv: string) => Path<void>;
}

/** A transaction that an IOMMU did not let through. */
export interface DmaFault {
  readonly iommu: string;
  readonly dev: string;
  /** The stream or requester id it came with. */
  readonly id: number;
  /** The address it asked for: below 2^53. */
  readonly addr: number;
  readonly write: boolean;
  /** Nothing is said of its stream, the stream's entry refuses it, or no mapping allows it. */
  readonly why: 'stream' | 'entry' | 'translation' | 'permission';
}

/** struct iommu_ops, by the name of the IOMMU driver. */
export interface IommuOps {
  /** The module that owns the ops when the driver is modular. */
  readonly module: string;
  /** Do the ops name that module, so that it can be held? */
  readonly owned: (k: Facts) => boolean;
  /** Returns the name of the instance that translates for `dev`, or a negative errno. */
  readonly probe_device: (k: Kernel, dev: string) => Path<string | number>;
  /** Does the driver take what firmware gives to that instance? 0 or a negative errno. */
  readonly of_xlate?: (k: Facts, dev: string, iommu: string) => number;
  /** Returns a group id, or a negative errno. */
  readonly device_group: (k: Kernel, dev: string) => Path<number>;
  /** The domain type that a device must have; null, and where absent, for any. */
  readonly def_domain_type?: (k: Kernel, dev: string) => DomainType | null;
  /** Has the driver domains of the type? All of them where absent. */
  readonly can_alloc?: (k: Kernel, type: DomainType) => boolean;
  /** IOMMU_CAP_CACHE_COHERENCY. */
  readonly cache_coherent: (k: Kernel, dev: string) => boolean;
  /** What attaching a device to a domain does to the hardware; 0 or a negative errno. */
  readonly attach_dev?: (k: Kernel, dev: string, domain: DomainType | null) => Path<number>;
  /** The translation context for a mapping of 32-bit Arm, or a negative errno. */
  readonly init_context?: (k: Kernel, dev: string, mapping: ReadMapping) => Path<number>;
  /** What the driver's interrupt handler says of a fault that the hardware reports. */
  readonly report_fault?: (k: Kernel, fault: DmaFault) => Path<void>;
  readonly probe_finalize?: (k: Kernel, dev: string) => Path<void>;
  readonly release_device?: (k: Kernel, dev: string) => Path<void>;
}

/** A module's init and exit beside the drivers it registers. */
export interface ModuleOps {
  /** The part of init before its drivers are registered, and the part after. */
  readonly init?: (k: Kernel, module: string) => Path<number>;
  readonly registered?: (k: Kernel, module: string) => Path<number>;
  readonly exit?: (k: Kernel, module: string) => Path<void>;
}

/** The function pointers through which the core reaches buses, drivers and modules. */
export interface KernelOps {
  readonly bus: (bus: string) => BusOps;
  readonly driver: (bus: string, drv: string) => DriverOps;
  readonly iommu: (ops: string) => IommuOps | null;
  readonly module: (module: string) => ModuleOps;
  /** The work item of deferred probing. */
  readonly deferred_probe_work_func: (k: Kernel) => Path<number>;
}
