/** What a user typed, as a stimulus. */
import { DMA_RANGE, type DmaRange, type Stimulus, VFIO_CALLS } from '../events/stimulus.ts';
import { moduleName } from '../model/firmware/module-table.ts';
import { type ShellCommand, shellParse } from './action-shell.ts';

const SYSFS_FILES: readonly (readonly [RegExp, (match: RegExpExecArray) => Target])[] = [
  [
    /^\/sys\/bus\/([^/]+)\/drivers\/([^/]+)\/(bind|unbind|new_id|remove_id)$/,
    ([, bus = '', drv = '', file = '']) => ({ at: 'driver', bus, drv, file }),
  ],
  [
    /^\/sys\/bus\/([^/]+)\/(drivers_probe|drivers_autoprobe|rescan)$/,
    ([, bus = '', file = '']) => ({ at: 'bus', bus, file }),
  ],
  [
    /^\/sys\/bus\/([^/]+)\/devices\/([^/]+)\/(driver_override|remove|rescan|driver\/unbind)$/,
    ([, bus = '', dev = '', file = '']) => ({ at: 'device', bus, dev, file }),
  ],
  [
    /^\/sys\/(?:class|.*)\/pci_bus\/([0-9a-f]{4,}:[0-9a-f]{2})\/(rescan)$/,
    ([, dev = '', file = '']) => ({ at: 'device', bus: 'pci', dev, file }),
  ],
  [/^\/sys\/bus\/pci\/slots\/([^/]+)\/power$/, ([, slot = '']) => ({ at: 'slot', slot })],
  [
    /^\/sys\/devices\/(?:.*\/)?([^/]+)\/(driver_override|remove|rescan|driver\/unbind)$/,
    ([, dev = '', file = '']) => ({ at: 'device', bus: busOf(dev), dev, file }),
  ],
  [
    /^\/sys\/kernel\/iommu_groups\/(\d{1,9})\/type$/,
    ([, group = '']) => ({ at: 'group', group: Number(group) }),
  ],
  [
    /^\/sys\/module\/([^/]+)\/parameters\/([^/]+)$/,
    ([, module = '', param = '']) => ({ at: 'module', module, param }),
  ],
];

/** A file in sysfs that the model knows. */
type Target =
  | { readonly at: 'driver'; readonly bus: string; readonly drv: string; readonly file: string }
  | { readonly at: 'bus'; readonly bus: string; readonly file: string }
  | { readonly at: 'device'; readonly bus: string; readonly dev: string; readonly file: string }
  | { readonly at: 'group'; readonly group: number }
  | { readonly at: 'slot'; readonly slot: string }
  | { readonly at: 'module'; readonly module: string; readonly param: string };

const PCI_NAME = /^[0-9a-f]{4,}:[0-9a-f]{2}:[0-9a-f]{2}\.[0-7]$/i;
/** A prompt of a shell and what was typed: `# `, `$ `, `root@host:~# `, `~ # `, `[me@host ~]$ `. */
const PROMPT =
  /^(?:[\w.-]{1,32}@[^\s#$]{1,120}|\[[^\]\s]{1,64}(?: [^\]\s]{1,120})?\]|~|\/[^\s#$]{0,120}|(?:ba)?sh-\d[\d.]{0,6})? ?[#$]\s{1,8}(\S.*)$/;

/**
 * The stimulus that a shell command is; a note where it has no effect on the model.
 *
 * Understood: writes to sysfs by echo, printf and tee; modprobe, insmod, rmmod; `lab vfio`, the
 * helper of recordings, `lab ioctl`, its further calls, and the `touch` that ends it; reboot,
 * poweroff, halt.
 */
export function parseAction(command: string): Stimulus {
  const note: Stimulus = { do: 'note', text: command.trim() };
  const shell = shellParse(command);
  if (shell === null) return note;
  if (shell.target !== null) return writeStimulus(shell.target, shell.words) ?? note;
  return programStimulus(shell) ?? note;
}

/** The command on a line of a captured shell, if it is one that the model knows; else null. */
export function shellCommand(text: string): string | null {
  if (!text.includes('#') && !text.includes('$')) return null;
  const command = PROMPT.exec(text)?.[1];
  if (command === undefined) return null;
  return parseAction(command).do === 'note' ? null : command.trim();
}

function busOf(dev: string): string {
  return PCI_NAME.test(dev) ? 'pci' : 'platform';
}

function writeStimulus(path: string, words: readonly string[]): Stimulus | null {
  const value = valueWritten(words);
  const file = path.replace(/^\.?\/?(?=sys\/)/, '/').replace(/\/{2,}/g, '/');
  const target = targetOf(file);
  if (target === null || value === null) return null;
  switch (target.at) {
    case 'driver':
      return driverWrite(target, value);
    case 'bus':
      return busWrite(target, value);
    case 'device':
      return deviceWrite(target, value);
    case 'group':
      return { do: 'group_type', group: target.group, value };
    case 'slot':
      return { do: 'slot_power', slot: target.slot, on: isTrue(value) };
    case 'module': {
      const { module, param } = target;
      return { do: 'module_param', module: moduleName(module), param, value };
    }
  }
}

function targetOf(file: string): Target | null {
  for (const [pattern, make] of SYSFS_FILES) {
    const match = pattern.exec(file);
    if (match !== null) return make(match);
  }
  return null;
}

/** What echo or printf writes, without white space around it, as sysfs takes it. */
function valueWritten([program, ...args]: readonly string[]): string | null {
  if (program === 'printf') {
    const text = args[0] === '%s' || args[0] === '%s\\n' ? args[1] : args[0];
    return (text ?? '').replace(/\\n$/, '').trim();
  }
  if (program !== 'echo') return null;
  const first = args.findIndex((arg) => !/^-[neE]+$/.test(arg));
  return first < 0 ? '' : args.slice(first).join(' ').trim();
}

function driverWrite(
  { bus, drv, file }: Target & { readonly at: 'driver' },
  value: string,
): Stimulus | null {
  switch (file) {
    case 'bind':
    case 'unbind':
      return { do: file, bus, drv, dev: value };
    case 'new_id':
    case 'remove_id':
      return { do: file, bus, drv, id: value.replace(/\s+/g, ' ') };
    default:
      return null;
  }
}

function busWrite({ bus, file }: Target & { readonly at: 'bus' }, value: string): Stimulus | null {
  if (file === 'drivers_probe') return { do: 'drivers_probe', bus, dev: value };
  // The kernel looks at the first character only: drivers/base/bus.c:drivers_autoprobe_store.
  if (file === 'drivers_autoprobe') return { do: 'drivers_autoprobe', bus, on: value[0] !== '0' };
  return bus === 'pci' && isTrue(value) ? { do: 'rescan', dev: null } : null;
}

function deviceWrite(
  { bus, dev, file }: Target & { readonly at: 'device' },
  value: string,
): Stimulus | null {
  switch (file) {
    case 'driver_override':
      return { do: 'driver_override', bus, dev, drv: value === '' ? null : value };
    case 'driver/unbind':
      // The link is to the driver that is bound: its name is not in the command.
      return { do: 'unbind', bus, drv: '', dev: value };
    case 'remove':
      return bus === 'pci' && isTrue(value) ? { do: 'remove', dev } : null;
    case 'rescan':
      return bus === 'pci' && isTrue(value) ? { do: 'rescan', dev } : null;
    default:
      return null;
  }
}

/** A number other than 0, as `remove` and `rescan` want it. */
function isTrue(value: string): boolean {
  return /^\d{1,18}$/.test(value) && Number(value) !== 0;
}

function programStimulus({ words }: ShellCommand): Stimulus | null {
  const [path = '', ...args] = words;
  const program = path.slice(path.lastIndexOf('/') + 1);
  switch (program) {
    case 'modprobe':
    case 'insmod':
      return loadStimulus(program, args);
    case 'rmmod':
      return unloadStimulus(args);
    case 'reboot':
    case 'poweroff':
    case 'halt':
      return { do: 'shutdown', how: program };
    case 'lab':
      return labStimulus(args);
    case 'touch':
      return args.length === 1 ? { do: 'vfio_release', hold: args[0] ?? '' } : null;
    default:
      return null;
  }
}

function loadStimulus(how: 'modprobe' | 'insmod', args: readonly string[]): Stimulus | null {
  const flags = args.filter((arg) => arg.startsWith('-'));
  const [name, ...params] = args.filter((arg) => !arg.startsWith('-'));
  if (name === undefined) return null;
  if (flags.some((flag) => flag === '-r' || flag === '--remove'))
    return unloadStimulus([name, ...params]);
  if (flags.some((flag) => !/^-[fqsv]+$|^--(?:force|quiet|syslog|verbose)$/.test(flag)))
    return null;
  return { do: how, module: moduleName(name), params: params.join(' ') };
}

function unloadStimulus(args: readonly string[]): Stimulus | null {
  const force = args.some((arg) => /^-[fsvw]*f[fsvw]*$|^--force$/.test(arg));
  const names = args.filter((arg) => !arg.startsWith('-'));
  const [name] = names;
  return name === undefined || names.length > 1
    ? null
    : { do: 'rmmod', module: moduleName(name), force };
}

/** Where SMMUs have their doorbell: the recorded program tries whether that can be mapped too. */
export const MSI_WINDOW: DmaRange = { iova: 0x8000000, size: 0x10000 };

function labStimulus([what, ...args]: readonly string[]): Stimulus | null {
  if (what === 'vfio') return vfioStimulus(args);
  return what === 'ioctl' ? vfioCallStimulus(args) : null;
}

function vfioStimulus([group, dev, ...options]: readonly string[]): Stimulus | null {
  if (group === undefined) return null;
  const hold = settingOf(options, 'hold') ?? null;
  const maps = [
    ...(options.includes('dma') ? [DMA_RANGE, MSI_WINDOW] : []),
    ...options.flatMap((option) => rangeOf(option)),
  ];
  return {
    do: 'vfio',
    group,
    dev: dev ?? '',
    dma: maps.length > 0,
    nocontainer: options.includes('nocontainer'),
    nodevice: options.includes('nodevice'),
    hold,
    ...(options.includes('req') ? { req: true } : {}),
    ...(maps.length > 0 ? { maps } : {}),
  };
}

function settingOf(options: readonly string[], name: string): string | undefined {
  return options.find((option) => option.startsWith(`${name}=`))?.slice(name.length + 1);
}

/** `map=0x100000+0x10000`, an address and a length. */
function rangeOf(option: string): readonly DmaRange[] {
  const [, iova, size] = /^map=(0x[0-9a-f]{1,13})\+(0x[0-9a-f]{1,13})$/.exec(option) ?? [];
  return iova === undefined || size === undefined
    ? []
    : [{ iova: Number(iova), size: Number(size) }];
}

/** `lab ioctl HOLD CALL [DEV] [iova=…] [size=…]`: a further call of a user that holds its files. */
function vfioCallStimulus([hold, given, ...rest]: readonly string[]): Stimulus | null {
  const call = VFIO_CALLS.find((one) => one === given);
  if (hold === undefined || call === undefined) return null;
  const dev = rest.find((one) => !one.includes('=')) ?? null;
  const number = (name: 'iova' | 'size') => {
    const value = settingOf(rest, name);
    return value === undefined ? {} : { [name]: Number(value) };
  };
  return { do: 'vfio_ioctl', hold, call, dev, ...number('iova'), ...number('size') };
}
