import type { Stimulus } from '../events/stimulus.ts';
import { moduleName } from '../model/firmware/module-table.ts';
import type { SessionAction } from './actions-file.ts';

/** An action as the model takes it. */
export interface SessionStimulus {
  /** The action's number; 0 for the boot. */
  readonly n: number;
  /** It runs beside those that follow. */
  readonly background: boolean;
  /** When it began, by /proc/uptime; null where that is not known. */
  readonly uptimeUs: number | null;
  readonly stimulus: Stimulus;
}

/** Reads the actions as stimuli, one each; a command without effect on the model is a `note`. */
export function stimuliOf(actions: readonly SessionAction[]): SessionStimulus[] {
  const holds = new Set<string>();
  return actions.map(({ n, background, uptimeUs, command }) => {
    const stimulus = stimulusOf(command, holds);
    if (stimulus.do === 'vfio' && stimulus.hold !== null) holds.add(stimulus.hold);
    return { n, background, uptimeUs, stimulus };
  });
}

/**
 * Reads one shell command. `holds` are the files that VFIO users wait for: touching one is a
 * release, touching any other file is nothing.
 */
export function stimulusOf(command: string, holds: ReadonlySet<string> = new Set()): Stimulus {
  const note: Stimulus = { do: 'note', text: command };
  const words = command.split(/\s+/).filter((word) => word !== '');
  const program = (words[0] ?? '').replace(/^.*\//, '');
  switch (program) {
    case 'echo':
      return writeOf(command) ?? note;
    case 'modprobe':
      return modprobeOf(words.slice(1)) ?? note;
    case 'insmod':
      return words[1] === undefined
        ? note
        : { do: 'insmod', module: moduleOfFile(words[1]), params: words.slice(2).join(' ') };
    case 'rmmod':
      return rmmodOf(words.slice(1)) ?? note;
    case 'lab':
      return words[1] === 'vfio' ? vfioOf(words.slice(2)) : note;
    case 'touch':
      return holds.has(words[1] ?? '') ? { do: 'vfio_release', hold: words[1] ?? '' } : note;
    case 'reboot':
    case 'poweroff':
    case 'halt':
      return { do: 'shutdown' };
    default:
      return note;
  }
}

function modprobeOf(words: readonly string[]): Stimulus | null {
  const names = words.filter((word) => !word.startsWith('-'));
  const [module, ...params] = names;
  if (module === undefined) return null;
  if (words.includes('-r')) return { do: 'rmmod', module: moduleName(module), force: false };
  return { do: 'modprobe', module: moduleName(module), params: params.join(' ') };
}

function rmmodOf(words: readonly string[]): Stimulus | null {
  const module = words.find((word) => !word.startsWith('-'));
  if (module === undefined) return null;
  return { do: 'rmmod', module: moduleName(module), force: words.includes('-f') };
}

function moduleOfFile(path: string): string {
  return moduleName(path.replace(/^.*\//, '').replace(/\.ko(\.\w+)?$/, ''));
}

function vfioOf(words: readonly string[]): Stimulus {
  const [group = '', dev = '', ...options] = words;
  const hold = options.find((option) => option.startsWith('hold='));
  return {
    do: 'vfio',
    group,
    dev,
    dma: options.includes('dma'),
    nocontainer: options.includes('nocontainer'),
    nodevice: options.includes('nodevice'),
    hold: hold === undefined ? null : hold.slice('hold='.length),
  };
}

const WRITE = /^echo([^>]*)> *(\S+)$/;
const DRIVER_FILE = /^\/sys\/bus\/([^/]+)\/drivers\/([^/]+)\/(bind|unbind|new_id|remove_id)$/;
const BUS_FILE = /^\/sys\/bus\/([^/]+)\/(drivers_probe|drivers_autoprobe|rescan)$/;
const DEVICE_FILE = /^\/sys\/bus\/([^/]+)\/devices\/([^/]+)\/(driver_override|remove|rescan)$/;
const GROUP_FILE = /^\/sys\/kernel\/iommu_groups\/(\d{1,9})\/type$/;
const PARAM_FILE = /^\/sys\/module\/([^/]+)\/parameters\/([^/]+)$/;

/** A write below /sys; null where the model knows of no effect. */
function writeOf(command: string): Stimulus | null {
  const match = WRITE.exec(command);
  if (match === null) return null;
  const words = (match[1] ?? '')
    .trim()
    .replace(/^-n(?: |$)/, '')
    .trim();
  const value = words.replace(/^(["'])(.*)\1$/, '$2');
  const path = match[2] ?? '';
  const driver = DRIVER_FILE.exec(path);
  if (driver !== null) return driverWrite(driver, value);
  const device = DEVICE_FILE.exec(path);
  if (device !== null) return deviceWrite(device, value);
  const bus = BUS_FILE.exec(path);
  if (bus !== null) return busWrite(bus, value);
  const group = GROUP_FILE.exec(path);
  if (group !== null) return { do: 'group_type', group: Number(group[1]), value };
  const param = PARAM_FILE.exec(path);
  if (param === null) return null;
  return { do: 'module_param', module: param[1] ?? '', param: param[2] ?? '', value };
}

function driverWrite(match: RegExpExecArray, value: string): Stimulus | null {
  const [, bus = '', drv = '', file] = match;
  switch (file) {
    case 'bind':
    case 'unbind':
      return { do: file, bus, drv, dev: value };
    case 'new_id':
    case 'remove_id':
      return { do: file, bus, drv, id: value };
    default:
      return null;
  }
}

function deviceWrite(match: RegExpExecArray, value: string): Stimulus | null {
  const [, bus = '', dev = '', file] = match;
  if (file === 'driver_override') {
    return { do: 'driver_override', bus, dev, drv: value === '' ? null : value };
  }
  if (value === '' || /^0+$/.test(value)) return null;
  return file === 'remove' ? { do: 'remove', dev } : { do: 'rescan', dev };
}

function busWrite(match: RegExpExecArray, value: string): Stimulus | null {
  const [, bus = '', file] = match;
  if (file === 'drivers_probe') return { do: 'drivers_probe', bus, dev: value };
  if (file === 'drivers_autoprobe') return { do: 'drivers_autoprobe', bus, on: value !== '0' };
  return value === '1' ? { do: 'rescan', dev: null } : null;
}
