/**
 * What comes from outside the kernel. With the machine, the kernel and the scheduler's choices the
 * stimuli are all the inputs of a run (DESIGN §1).
 */
export type Stimulus = Single | Together | Meanwhile;

/** Things done at once: each starts its task, then all run as the scheduler lets them. */
export interface Together {
  readonly do: 'together';
  readonly steps: readonly Concurrent[];
}

/**
 * One thing that is done while what the stimulus after it does is under way: just before `line` is
 * printed for the `nth` time, from 1; where it is not, when nothing else moves.
 */
export interface Meanwhile {
  readonly do: 'meanwhile';
  readonly line: string;
  readonly nth: number;
  readonly step: Concurrent;
}

/** One thing that is done. */
export type Single =
  /** Runs the machine's boot: initcalls, firmware devices, built-in drivers, late_initcall. */
  { readonly do: 'boot' } | Concurrent;

/** What may happen beside other things: all but the boot, during which there is no user yet. */
export type Concurrent =
  | { readonly do: 'device_add'; readonly dev: string }
  | { readonly do: 'driver_register'; readonly bus: string; readonly drv: string }
  | { readonly do: 'late_initcall' }
  /** `params` are the module's parameters as typed, for example `ids=8086:10d3`. */
  | { readonly do: 'modprobe'; readonly module: string; readonly params: string }
  | { readonly do: 'insmod'; readonly module: string; readonly params: string }
  | { readonly do: 'rmmod'; readonly module: string; readonly force: boolean }
  /** Writes below /sys/bus/BUS/drivers/DRV. */
  | { readonly do: 'bind'; readonly bus: string; readonly drv: string; readonly dev: string }
  /** `drv` is '' for the one that the device is bound to: `devices/DEV/driver/unbind`. */
  | { readonly do: 'unbind'; readonly bus: string; readonly drv: string; readonly dev: string }
  | { readonly do: 'new_id'; readonly bus: string; readonly drv: string; readonly id: string }
  | { readonly do: 'remove_id'; readonly bus: string; readonly drv: string; readonly id: string }
  /** Writes below /sys/bus/BUS. */
  | { readonly do: 'drivers_probe'; readonly bus: string; readonly dev: string }
  | { readonly do: 'drivers_autoprobe'; readonly bus: string; readonly on: boolean }
  /**
   * Writes 1 to /sys/bus/pci/rescan, or to the `rescan` file of one device, or of a PCI bus that goes
   * by a name such as `0000:01`.
   */
  | { readonly do: 'rescan'; readonly dev: string | null }
  /** Writes below /sys/bus/BUS/devices/DEV; `drv` null clears the override. */
  | {
      readonly do: 'driver_override';
      readonly bus: string;
      readonly dev: string;
      readonly drv: string | null;
    }
  | { readonly do: 'remove'; readonly dev: string }
  /** Writes /sys/kernel/iommu_groups/N/type. */
  | { readonly do: 'group_type'; readonly group: number; readonly value: string }
  /**
   * A user opens /dev/vfio/GROUP, asks for its status and, unless `nocontainer`, gives it a
   * container, an IOMMU backend and takes the device fd. `hold` keeps all of it open until a
   * `vfio_release` of that name; otherwise everything is closed at the end.
   */
  | {
      readonly do: 'vfio';
      readonly group: string;
      readonly dev: string;
      readonly dma: boolean;
      readonly nocontainer: boolean;
      readonly nodevice: boolean;
      readonly hold: string | null;
      /** It wants to be told when its device is to go. */
      readonly req?: boolean;
      /** It opens the device's own file instead, and binds it to the iommufd of this name. */
      readonly iommufd?: string;
      /** Where it maps memory, if it does; a range that every IOMMU has where absent. */
      readonly maps?: readonly DmaRange[];
    }
  /** A further call of the user that holds its files open under that name. */
  | {
      readonly do: 'vfio_ioctl';
      readonly hold: string;
      readonly call: VfioCallName;
      readonly dev: string | null;
      /** What it maps or unmaps, as in `maps` above. */
      readonly iova?: number;
      readonly size?: number;
    }
  | { readonly do: 'vfio_release'; readonly hold: string }
  /** Writes /sys/module/MODULE/parameters/PARAM. */
  | {
      readonly do: 'module_param';
      readonly module: string;
      readonly param: string;
      readonly value: string;
    }
  | { readonly do: 'deferred_probe_timeout' }
  /** A card is put into its slot or taken out; `dev` is its name at boot, or would be. */
  | { readonly do: 'plug'; readonly dev: string; readonly present: boolean }
  /** Writes /sys/bus/pci/slots/SLOT/power. */
  | { readonly do: 'slot_power'; readonly slot: string; readonly on: boolean }
  /** The system goes down: all devices are shut down. */
  | { readonly do: 'shutdown'; readonly how: ShutdownKind }
  /** A device reads or writes; `cacheable` where it asks to look into the caches of the CPU. */
  | {
      readonly do: 'dma';
      readonly dev: string;
      readonly addr: number;
      readonly write: boolean;
      readonly cacheable: boolean;
    }
  /** The kernel needs memory, and would take this. */
  | { readonly do: 'page_alloc'; readonly start: number; readonly length: number }
  /** Something done that the model knows to have no effect on it; kept so that nothing is lost. */
  | { readonly do: 'note'; readonly text: string };

export type DmaStimulus = Extract<Stimulus, { do: 'dma' }>;
export type VfioStimulus = Extract<Stimulus, { do: 'vfio' }>;

/** A range of addresses as VFIO_IOMMU_MAP_DMA has it. */
export interface DmaRange {
  readonly iova: number;
  readonly size: number;
}

/** What a user maps that does not say. */
export const DMA_RANGE: DmaRange = { iova: 0x100000, size: 0x10000 };

/** The programs that take a system down. */
export type ShutdownKind = 'reboot' | 'poweroff' | 'halt';

/** Is it the name of a PCI bus, `0000:01`, rather than that of a function? */
export const isPciBus = (name: string): boolean => /^[0-9a-f]{4,}:[0-9a-f]{2}$/.test(name);
/** What a VFIO user that has its group open can call. */
export const VFIO_CALLS = [
  'GET_STATUS',
  'SET_CONTAINER',
  'UNSET_CONTAINER',
  'SET_IOMMU',
  'MAP_DMA',
  'UNMAP_DMA',
  'GET_DEVICE_FD',
  'CLOSE_DEVICE',
] as const;
export type VfioCallName = (typeof VFIO_CALLS)[number];

/** What is done, one by one: the steps of what is done at once or meanwhile, else the stimulus itself. */
export function singlesOf(stimulus: Stimulus): readonly Single[] {
  switch (stimulus.do) {
    case 'together':
      return stimulus.steps;
    case 'meanwhile':
      return [stimulus.step];
    default:
      return [stimulus];
  }
}

/** The stimulus as a person would write it down, one line. */
export function describeStimulus(s: Stimulus): string {
  switch (s.do) {
    case 'boot':
      return 'boot';
    case 'device_add':
      return `device ${s.dev} appears`;
    case 'driver_register':
      return `driver ${s.drv} registers on bus ${s.bus}`;
    case 'late_initcall':
      return 'late_initcall';
    case 'modprobe':
    case 'insmod':
      return `${s.do} ${s.module}${s.params === '' ? '' : ` ${s.params}`}`;
    case 'rmmod':
      return `rmmod ${s.force ? '-f ' : ''}${s.module}`;
    case 'bind':
    case 'unbind':
      return s.drv === ''
        ? `echo ${s.dev} > /sys/bus/${s.bus}/devices/${s.dev}/driver/${s.do}`
        : `echo ${s.dev} > /sys/bus/${s.bus}/drivers/${s.drv}/${s.do}`;
    case 'new_id':
    case 'remove_id':
      return `echo ${s.id} > /sys/bus/${s.bus}/drivers/${s.drv}/${s.do}`;
    case 'drivers_probe':
      return `echo ${s.dev} > /sys/bus/${s.bus}/drivers_probe`;
    case 'drivers_autoprobe':
      return `echo ${s.on ? 1 : 0} > /sys/bus/${s.bus}/drivers_autoprobe`;
    case 'rescan':
      if (s.dev === null) return 'echo 1 > /sys/bus/pci/rescan';
      return isPciBus(s.dev)
        ? `echo 1 > /sys/class/pci_bus/${s.dev}/rescan`
        : `echo 1 > /sys/bus/pci/devices/${s.dev}/rescan`;
    case 'module_param':
      return `echo ${s.value} > /sys/module/${s.module}/parameters/${s.param}`;
    case 'driver_override':
      return `echo ${s.drv ?? ''} > /sys/bus/${s.bus}/devices/${s.dev}/driver_override`;
    case 'remove':
      return `echo 1 > /sys/bus/pci/devices/${s.dev}/remove`;
    case 'group_type':
      return `echo ${s.value} > /sys/kernel/iommu_groups/${s.group}/type`;
    case 'vfio':
      return `VFIO user opens group ${s.group} for ${s.dev}`;
    case 'vfio_ioctl':
      return `VFIO user ${s.hold} calls ${s.call}${s.dev === null ? '' : ` for ${s.dev}`}${rangeOf(s)}`;
    case 'vfio_release':
      return `VFIO user ${s.hold} closes its files`;
    case 'deferred_probe_timeout':
      return 'deferred_probe_timeout expires';
    case 'plug':
      return `${s.dev} is ${s.present ? 'plugged in' : 'taken out'}`;
    case 'slot_power':
      return `echo ${s.on ? 1 : 0} > /sys/bus/pci/slots/${s.slot}/power`;
    case 'shutdown':
      return s.how;
    case 'dma':
      return `${s.dev} ${s.write ? 'writes to' : 'reads'} 0x${s.addr.toString(16)}`;
    case 'page_alloc':
      return `the kernel needs memory at 0x${s.start.toString(16)}`;
    case 'meanwhile':
      return `meanwhile, before "${s.line}": ${describeStimulus(s.step)}`;
    case 'note':
      return s.text;
    case 'together':
      return s.steps.map(describeStimulus).join(' & ');
  }
}

function rangeOf({ iova, size }: Extract<Stimulus, { do: 'vfio_ioctl' }>): string {
  if (iova === undefined && size === undefined) return '';
  const at = (iova ?? DMA_RANGE.iova).toString(16);
  return ` at 0x${at}, 0x${(size ?? DMA_RANGE.size).toString(16)} bytes`;
}
