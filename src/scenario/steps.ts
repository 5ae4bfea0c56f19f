/** Steps of a scenario: one stimulus each, from places. */
import type { DeviceSpec, Machine } from '../events/machine.ts';
import type { Stimulus } from '../events/stimulus.ts';
import {
  entriesOf,
  type Fields,
  fieldsOf,
  flagAt,
  integerOf,
  isText,
  nameOf,
  nameOrNull,
  oneOf,
  quote,
  textAt,
  wordOf,
} from './decode.ts';
import { BUS_HINT, busOfDriver, driverAt } from './driver.ts';
import { fail, type Place } from './yaml-source.ts';

type Word = Stimulus['do'];
type Step<W extends Word> = Extract<Stimulus, { do: W }>;

/** How each step is read from its value; the value is null for a step that is one word. */
const STEPS: {
  readonly [W in Word]: {
    readonly bare: boolean;
    readonly read: (value: Place, machine: Machine) => Step<W>;
  };
} = {
  boot: word(() => ({ do: 'boot' })),
  device_add: step((value) => ({ do: 'device_add', dev: nameOf(value) })),
  driver_register: step((value, machine) => ({
    do: 'driver_register',
    ...driverAt(value, machine.drivers),
  })),
  late_initcall: word(() => ({ do: 'late_initcall' })),
  modprobe: step((value) => ({ do: 'modprobe', ...readLoad(value) })),
  insmod: step((value) => ({ do: 'insmod', ...readLoad(value) })),
  rmmod: step(readRmmod),
  bind: step((value, machine) => ({ do: 'bind', ...readBinding(value, machine) })),
  unbind: step((value, machine) => ({ do: 'unbind', ...readBinding(value, machine) })),
  new_id: step((value, machine) => ({ do: 'new_id', ...readId(value, machine) })),
  remove_id: step((value, machine) => ({ do: 'remove_id', ...readId(value, machine) })),
  drivers_probe: step((value, machine) => {
    const fields = isText(value) ? null : fieldsOf(value, ['bus', 'dev']);
    const dev = nameOf(fields?.need('dev') ?? value);
    return { do: 'drivers_probe', bus: busAt(value, fields, { dev }, machine), dev };
  }),
  drivers_autoprobe: step((value) => {
    const fields = fieldsOf(value, ['bus', 'on']);
    return {
      do: 'drivers_autoprobe',
      bus: nameOf(fields.need('bus')),
      on: flagAt(fields.need('on'), true),
    };
  }),
  rescan: word((value) => ({ do: 'rescan', dev: nameOrNull(value) })),
  driver_override: step((value, machine) => {
    const fields = fieldsOf(value, ['bus', 'dev', 'drv']);
    const dev = nameOf(fields.need('dev'));
    const drv = nameOrNull(fields.get('drv'));
    return { do: 'driver_override', bus: busAt(value, fields, { dev }, machine), dev, drv };
  }),
  remove: step((value) => ({ do: 'remove', dev: nameOf(value) })),
  group_type: step((value) => {
    const fields = fieldsOf(value, ['group', 'value']);
    const group = integerOf(fields.need('group'));
    return { do: 'group_type', group, value: wordOf(fields.need('value')) };
  }),
  vfio: step(readVfio),
  vfio_release: step((value) => ({ do: 'vfio_release', hold: nameOf(value) })),
  module_param: step((value) => {
    const fields = fieldsOf(value, ['module', 'param', 'value']);
    return {
      do: 'module_param',
      module: nameOf(fields.need('module')),
      param: nameOf(fields.need('param')),
      value: wordOf(fields.need('value')),
    };
  }),
  deferred_probe_timeout: word(() => ({ do: 'deferred_probe_timeout' })),
  note: step((value) => ({ do: 'note', text: wordOf(value) })),
};

/** The words of steps, in the order in which they are documented. */
const STEP_WORDS: readonly Word[] = [
  'boot',
  'modprobe',
  'insmod',
  'rmmod',
  'bind',
  'unbind',
  'new_id',
  'remove_id',
  'driver_override',
  'drivers_probe',
  'drivers_autoprobe',
  'rescan',
  'remove',
  'group_type',
  'vfio',
  'vfio_release',
  'module_param',
  'device_add',
  'driver_register',
  'late_initcall',
  'deferred_probe_timeout',
  'note',
];

/** A word, or a map from one word to its value. */
export function readStep(place: Place, machine: Machine): Stimulus {
  if (isText(place)) {
    const bare = oneOf(place, STEP_WORDS);
    if (!STEPS[bare].bare) fail(place, `${bare} needs to say more.`, `write ${bare}: …`);
    // Its value is empty text: the place of nothing.
    return STEPS[bare].read({ ...place, node: null }, machine);
  }
  fieldsOf(place, STEP_WORDS);
  const [entry, second] = entriesOf(place);
  const found = STEP_WORDS.find((one) => one === entry?.[0]);
  if (entry === undefined || found === undefined) return fail(place, `${place.what} is empty.`);
  if (second !== undefined) {
    fail(second[2], `${place.what} has two words, ${entry[0]} and ${second[0]}.`, SECOND_HINT);
  }
  const [key, value] = entry;
  if (STEPS[found].bare && found !== 'rescan') fail(value, `${key} takes no value.`);
  return STEPS[found].read(value, machine);
}

const SECOND_HINT = 'begin each step with its own - and indent its fields below it';

function word<W extends Word>(read: (value: Place, machine: Machine) => Step<W>) {
  return { bare: true, read };
}

function step<W extends Word>(read: (value: Place, machine: Machine) => Step<W>) {
  return { bare: false, read };
}

/** `NAME`, `NAME PARAMS` as typed, or `{ module, params }`. */
function readLoad(value: Place) {
  if (!isText(value)) {
    const fields = fieldsOf(value, ['module', 'params']);
    return { module: nameOf(fields.need('module')), params: textAt(fields.get('params')) };
  }
  const typed = nameOf(value);
  const space = typed.indexOf(' ');
  if (space < 1) return { module: typed, params: '' };
  return { module: typed.slice(0, space), params: typed.slice(space + 1) };
}

function readRmmod(value: Place): Step<'rmmod'> {
  const fields = isText(value) ? null : fieldsOf(value, ['module', 'force']);
  const module = nameOf(fields?.need('module') ?? value);
  return { do: 'rmmod', module, force: flagAt(fields?.get('force'), false) };
}

function readBinding(value: Place, machine: Machine) {
  const fields = fieldsOf(value, ['bus', 'drv', 'dev']);
  const drv = nameOf(fields.need('drv'));
  const dev = nameOf(fields.need('dev'));
  return { bus: busAt(value, fields, { drv, dev }, machine), drv, dev };
}

function readId(value: Place, machine: Machine) {
  const fields = fieldsOf(value, ['bus', 'drv', 'id']);
  const drv = nameOf(fields.need('drv'));
  return { bus: busAt(value, fields, { drv }, machine), drv, id: nameOf(fields.need('id')) };
}

function readVfio(value: Place): Step<'vfio'> {
  const keys = ['group', 'dev', 'dma', 'nocontainer', 'nodevice', 'hold'];
  const fields = fieldsOf(value, keys);
  return {
    do: 'vfio',
    group: nameOf(fields.need('group')),
    dev: nameOf(fields.need('dev')),
    dma: flagAt(fields.get('dma'), false),
    nocontainer: flagAt(fields.get('nocontainer'), false),
    nodevice: flagAt(fields.get('nodevice'), false),
    hold: nameOrNull(fields.get('hold')),
  };
}

interface Names {
  readonly dev?: string;
  readonly drv?: string;
}

function busAt(value: Place, fields: Fields | null, names: Names, machine: Machine): string {
  const place = fields?.get('bus');
  if (place !== undefined) return nameOf(place);
  const bus = busOf(names, machine);
  if (bus !== null) return bus;
  return fail(value, `The bus of ${quote(names.dev ?? names.drv ?? '')} is not known.`, BUS_HINT);
}

/** A PCI function's name. Kernel: pci_setup_device. */
const BDF = /^[0-9a-f]{4,8}:[0-9a-f]{2}:[0-9a-f]{2}\.[0-7]$/;

/** The bus that a step is about when it does not say: that of its device, else of its driver. */
export function busOf({ dev, drv }: Names, machine: Machine): string | null {
  if (dev !== undefined) {
    const device = deviceNamed(dev, machine.devices);
    if (device !== undefined) return device.bus;
    if (BDF.test(dev)) return 'pci';
  }
  return drv === undefined ? null : busOfDriver(drv, machine.drivers);
}

function deviceNamed(name: string, devices: readonly DeviceSpec[]): DeviceSpec | undefined {
  for (const device of devices) {
    const found = device.name === name ? device : deviceNamed(name, device.creates ?? []);
    if (found !== undefined) return found;
  }
  return undefined;
}
