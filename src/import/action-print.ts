/** A stimulus as the shell command that `parseAction` reads back. */
import {
  DMA_RANGE,
  type DmaRange,
  isPciBus,
  type Stimulus,
  type VfioStimulus,
} from '../events/stimulus.ts';
import { MSI_WINDOW } from './action.ts';
import { shellWords } from './action-shell.ts';

/**
 * The command that a person types to do it; null for what no command does: what firmware, devices
 * and the kernel do by themselves, hands that plug cards, and names that no shell line can hold.
 */
export function printAction(stimulus: Stimulus): string | null {
  const command = commandOf(stimulus);
  return command === null || /\p{Cc}/u.test(command) ? null : command;
}

function commandOf(s: Stimulus): string | null {
  switch (s.do) {
    case 'modprobe':
      return loaded(['modprobe', s.module], s.params);
    case 'insmod':
      return loaded(['insmod', `${s.module.replace(/\.ko$/, '')}.ko`], s.params);
    case 'rmmod':
      return shellWords(s.force ? ['rmmod', '-f', s.module] : ['rmmod', s.module]);
    case 'bind':
      return echo(s.dev, `/sys/bus/${s.bus}/drivers/${s.drv}/bind`);
    case 'unbind':
      return s.drv === ''
        ? echo(s.dev, `/sys/bus/${s.bus}/devices/${s.dev}/driver/unbind`)
        : echo(s.dev, `/sys/bus/${s.bus}/drivers/${s.drv}/unbind`);
    case 'new_id':
    case 'remove_id':
      return echo(s.id, `/sys/bus/${s.bus}/drivers/${s.drv}/${s.do}`);
    case 'drivers_probe':
      return echo(s.dev, `/sys/bus/${s.bus}/drivers_probe`);
    case 'drivers_autoprobe':
      return echo(s.on ? '1' : '0', `/sys/bus/${s.bus}/drivers_autoprobe`);
    case 'driver_override':
      return echo(s.drv ?? '', `/sys/bus/${s.bus}/devices/${s.dev}/driver_override`);
    case 'rescan':
      return echo('1', rescanFile(s.dev));
    case 'remove':
      return echo('1', `/sys/bus/pci/devices/${s.dev}/remove`);
    case 'group_type':
      return echo(s.value, `/sys/kernel/iommu_groups/${s.group}/type`);
    case 'module_param':
      return echo(s.value, `/sys/module/${s.module}/parameters/${s.param}`);
    case 'slot_power':
      return echo(s.on ? '1' : '0', `/sys/bus/pci/slots/${s.slot}/power`);
    case 'shutdown':
      return s.how;
    case 'vfio':
      return printVfio(s);
    case 'vfio_ioctl':
      return printVfioCall(s);
    case 'vfio_release':
      return shellWords(['touch', s.hold]);
    default:
      return null;
  }
}

function loaded(words: readonly string[], params: string): string {
  return shellWords([...words, ...params.split(/\s+/).filter((one) => one !== '')]);
}

function echo(value: string, file: string): string {
  const words = value.split(/ +/).filter((word) => word !== '');
  const text = words[0]?.startsWith('-') === true ? ['printf', '%s\\n', value] : ['echo', ...words];
  return `${shellWords(text)} > ${shellWords([file])}`;
}

function rescanFile(dev: string | null): string {
  if (dev === null) return '/sys/bus/pci/rescan';
  return isPciBus(dev) ? `/sys/class/pci_bus/${dev}/rescan` : `/sys/bus/pci/devices/${dev}/rescan`;
}

function printVfio(s: VfioStimulus): string | null {
  // Two programs would have to share one iommufd.
  if (s.iommufd !== undefined) return null;
  return shellWords([
    ...['lab', 'vfio', s.group, s.dev],
    ...(s.dma ? mapsOf(s.maps ?? [DMA_RANGE]) : []),
    ...(s.nocontainer ? ['nocontainer'] : []),
    ...(s.nodevice ? ['nodevice'] : []),
    ...(s.req === true ? ['req'] : []),
    ...(s.hold === null ? [] : [`hold=${s.hold}`]),
  ]);
}

/** `dma` for what the program of the recordings maps. */
function mapsOf(maps: readonly DmaRange[]): readonly string[] {
  const isRecorded =
    maps.length === 2 && isSameRange(maps[0], DMA_RANGE) && isSameRange(maps[1], MSI_WINDOW);
  if (isRecorded) return ['dma'];
  return maps.map(({ iova, size }) => `map=${hex(iova)}+${hex(size)}`);
}

function isSameRange(a: DmaRange | undefined, b: DmaRange): boolean {
  return a !== undefined && a.iova === b.iova && a.size === b.size;
}

function printVfioCall(s: Extract<Stimulus, { do: 'vfio_ioctl' }>): string {
  return shellWords([
    ...['lab', 'ioctl', s.hold, s.call],
    ...(s.dev === null ? [] : [s.dev]),
    ...(s.iova === undefined ? [] : [`iova=${hex(s.iova)}`]),
    ...(s.size === undefined ? [] : [`size=${hex(s.size)}`]),
  ]);
}

function hex(value: number): string {
  return `0x${value.toString(16)}`;
}
