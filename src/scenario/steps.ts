/** Steps of a scenario: one stimulus each, from places. */
import type { Machine } from '../events/machine.ts';
import { type Concurrent, type Stimulus, VFIO_CALLS } from '../events/stimulus.ts';
import {
  entriesOf,
  type Fields,
  fieldsOf,
  flagAt,
  integerOf,
  isText,
  itemsOf,
  nameOf,
  nameOrNull,
  oneOf,
  wordOf,
} from './decode.ts';
import { driverAt } from './driver.ts';
import { type Documented, describeShape, documentShapes, readShape, type Shape } from './shape.ts';
import { busAt } from './step-bus.ts';
import { readBinding, readId, readLoad, readMark } from './step-fields.ts';
import { readVfio, readVfioCall } from './step-vfio.ts';
import { fail, type Place } from './yaml-source.ts';

type Word = Stimulus['do'];
type Step<W extends Word> = Extract<Stimulus, { do: W }>;

/** What is allocated where a step does not say. */
const PAGE = 0x1000;

const LOAD = { text: 'module', fields: { module: 'needed', params: 'optional' } } as const;
const BINDING = { fields: { drv: 'needed', dev: 'needed', bus: 'optional' } } as const;
const ID = { fields: { drv: 'needed', id: 'needed', bus: 'optional' } } as const;

/** A step: what may stand behind its word, and what that makes. */
interface StepForm<W extends Word> extends Shape {
  readonly read: (fields: Fields, machine: Machine) => Step<W>;
}

/** Every step, in the order in which they are documented. */
const STEPS: { readonly [W in Word]: StepForm<W> } = {
  boot: {
    doc: 'the machine boots up to user space: initcalls, devices, built-in drivers',
    bare: true,
    read: () => ({ do: 'boot' }),
  },
  modprobe: {
    doc: 'loads a module after those it depends on; text may go on with its parameters',
    ...LOAD,
    read: (fields) => ({ do: 'modprobe', ...readLoad(fields) }),
  },
  insmod: {
    doc: 'loads a module alone; text may go on with its parameters',
    ...LOAD,
    read: (fields) => ({ do: 'insmod', ...readLoad(fields) }),
  },
  rmmod: {
    doc: 'unloads a module',
    text: 'module',
    fields: { module: 'needed', force: 'optional' },
    read: (fields) => {
      const force = flagAt(fields.get('force'), false);
      return { do: 'rmmod', module: nameOf(fields.need('module')), force };
    },
  },
  bind: {
    doc: 'writes the device to /sys/bus/BUS/drivers/DRV/bind',
    ...BINDING,
    read: (fields, machine) => ({ do: 'bind', ...readBinding(fields, machine) }),
  },
  unbind: {
    doc: 'writes the device to /sys/bus/BUS/drivers/DRV/unbind',
    ...BINDING,
    read: (fields, machine) => ({ do: 'unbind', ...readBinding(fields, machine) }),
  },
  new_id: {
    doc: "writes an id, such as '8086 10d3', to /sys/bus/BUS/drivers/DRV/new_id",
    ...ID,
    read: (fields, machine) => ({ do: 'new_id', ...readId(fields, machine) }),
  },
  remove_id: {
    doc: 'writes an id to /sys/bus/BUS/drivers/DRV/remove_id',
    ...ID,
    read: (fields, machine) => ({ do: 'remove_id', ...readId(fields, machine) }),
  },
  driver_override: {
    doc: 'writes the driver, or nothing, to /sys/bus/BUS/devices/DEV/driver_override',
    fields: { dev: 'needed', drv: 'optional', bus: 'optional' },
    read: (fields, machine) => {
      const dev = nameOf(fields.need('dev'));
      const drv = nameOrNull(fields.get('drv'));
      return { do: 'driver_override', bus: busAt(fields, { dev }, machine), dev, drv };
    },
  },
  drivers_probe: {
    doc: 'writes the device to /sys/bus/BUS/drivers_probe',
    text: 'dev',
    fields: { dev: 'needed', bus: 'optional' },
    read: (fields, machine) => {
      const dev = nameOf(fields.need('dev'));
      return { do: 'drivers_probe', bus: busAt(fields, { dev }, machine), dev };
    },
  },
  drivers_autoprobe: {
    doc: 'writes 1 or 0 to /sys/bus/BUS/drivers_autoprobe',
    fields: { bus: 'needed', on: 'needed' },
    read: (fields) => {
      const bus = nameOf(fields.need('bus'));
      return { do: 'drivers_autoprobe', bus, on: flagAt(fields.need('on'), true) };
    },
  },
  rescan: {
    doc: 'writes 1 to /sys/bus/pci/rescan, or to the rescan file of a device',
    bare: true,
    text: 'dev',
    read: (fields) => ({ do: 'rescan', dev: nameOrNull(fields.get('dev')) }),
  },
  remove: {
    doc: 'writes 1 to /sys/bus/pci/devices/DEV/remove',
    text: 'dev',
    read: (fields) => ({ do: 'remove', dev: nameOf(fields.need('dev')) }),
  },
  group_type: {
    doc: 'writes the value to /sys/kernel/iommu_groups/GROUP/type',
    fields: { group: 'needed', value: 'needed' },
    read: (fields) => {
      const group = integerOf(fields.need('group'));
      return { do: 'group_type', group, value: wordOf(fields.need('value')) };
    },
  },
  vfio: {
    doc: 'a user opens /dev/vfio/GROUP and the device, and closes them unless held by a name',
    fields: {
      ...{ group: 'needed', dev: 'needed' },
      ...{ dma: 'optional', nocontainer: 'optional', nodevice: 'optional', hold: 'optional' },
      ...{ req: 'optional', iommufd: 'optional', maps: 'optional' },
    },
    read: readVfio,
  },
  vfio_ioctl: {
    doc: `the user of that name makes a further call: ${VFIO_CALLS.join(', ')}`,
    fields: {
      ...{ hold: 'needed', call: 'needed', dev: 'optional' },
      ...{ iova: 'optional', size: 'optional' },
    },
    read: readVfioCall,
  },
  vfio_release: {
    doc: 'the user of that name closes what it held',
    text: 'hold',
    read: (fields) => ({ do: 'vfio_release', hold: nameOf(fields.need('hold')) }),
  },
  module_param: {
    doc: 'writes the value to /sys/module/MODULE/parameters/PARAM',
    fields: { module: 'needed', param: 'needed', value: 'needed' },
    read: (fields) => {
      const [module, param] = [nameOf(fields.need('module')), nameOf(fields.need('param'))];
      return { do: 'module_param', module, param, value: wordOf(fields.need('value')) };
    },
  },
  device_add: {
    doc: 'a device of the machine appears',
    text: 'dev',
    read: (fields) => ({ do: 'device_add', dev: nameOf(fields.need('dev')) }),
  },
  driver_register: {
    doc: 'a driver of the machine registers',
    text: 'drv',
    fields: { drv: 'needed', bus: 'optional' },
    read: ({ place }, machine) => ({ do: 'driver_register', ...driverAt(place, machine.drivers) }),
  },
  late_initcall: {
    doc: 'the last initcalls, as at the end of a boot: deferred probes are tried from here on',
    bare: true,
    read: () => ({ do: 'late_initcall' }),
  },
  deferred_probe_timeout: {
    doc: 'deferred_probe_timeout expires',
    bare: true,
    read: () => ({ do: 'deferred_probe_timeout' }),
  },
  plug: {
    doc: 'a card is put into its slot, or taken out with present: off; needs hot-plug control',
    text: 'dev',
    fields: { dev: 'needed', present: 'optional' },
    read: (fields) => {
      const present = flagAt(fields.get('present'), true);
      return { do: 'plug', dev: nameOf(fields.need('dev')), present };
    },
  },
  slot_power: {
    doc: 'echo ON > /sys/bus/pci/slots/SLOT/power',
    fields: { slot: 'needed', on: 'needed' },
    read: (fields) => ({
      do: 'slot_power',
      slot: nameOf(fields.need('slot')),
      on: flagAt(fields.need('on'), true),
    }),
  },
  shutdown: {
    doc: 'the system goes down: reboot, poweroff or halt',
    text: 'how',
    fields: { how: 'needed' },
    read: (fields) => ({
      do: 'shutdown',
      how: oneOf(fields.need('how'), ['reboot', 'poweroff', 'halt'] as const),
    }),
  },
  dma: {
    doc: 'the device reads, or with write: on writes; cacheable: off where it does not ask to snoop',
    fields: { dev: 'needed', addr: 'needed', write: 'optional', cacheable: 'optional' },
    read: (fields) => ({
      do: 'dma',
      dev: nameOf(fields.need('dev')),
      addr: integerOf(fields.need('addr')),
      write: flagAt(fields.get('write'), false),
      cacheable: flagAt(fields.get('cacheable'), true),
    }),
  },
  page_alloc: {
    doc: 'the kernel needs memory and takes that from start on, unless it is kept from it',
    fields: { start: 'needed', length: 'optional' },
    read: (fields) => {
      const length = fields.get('length');
      const start = integerOf(fields.need('start'));
      return {
        do: 'page_alloc',
        start,
        length: length === undefined ? PAGE : integerOf(length, 1),
      };
    },
  },
  meanwhile: {
    doc: 'the step as the next one is under way: before a line is printed, or where that never is, at its end',
    fields: { before: 'needed', step: 'needed', nth: 'optional' },
    read: (fields, machine) => ({
      do: 'meanwhile',
      ...readMark(fields),
      step: concurrentAt(fields.need('step'), machine),
    }),
  },
  together: {
    doc: 'these steps at once, not one after the other; the schedule says who comes first',
    list: 'step',
    read: ({ place }, machine) => ({ do: 'together', steps: readConcurrent(place, machine) }),
  },
  note: {
    doc: 'says something that has no effect',
    text: 'text',
    read: (fields) => ({ do: 'note', text: wordOf(fields.need('text')) }),
  },
};

/** Every step as it is written and what it does. */
export function documentSteps(): readonly Documented[] {
  return documentShapes(STEPS);
}

const STEP_WORDS = Object.keys(STEPS).filter((key): key is Word => Object.hasOwn(STEPS, key));

/** A word, or a map from one word to its value. */
export function readStep(place: Place, machine: Machine): Stimulus {
  if (isText(place)) {
    const bare = oneOf(place, STEP_WORDS);
    if (STEPS[bare].bare !== true) {
      fail(place, `${bare} needs to say more.`, `write ${describeShape(bare, STEPS[bare])}`);
    }
    const need = () => place;
    return STEPS[bare].read({ place, get: () => undefined, need }, machine);
  }
  fieldsOf(place, STEP_WORDS);
  const [entry, second] = entriesOf(place);
  const found = STEP_WORDS.find((one) => one === entry?.[0]);
  if (entry === undefined || found === undefined) return fail(place, `${place.what} is empty.`);
  if (second !== undefined) {
    fail(second[2], `${place.what} has two words, ${entry[0]} and ${second[0]}.`, SECOND_HINT);
  }
  const [key, value] = entry;
  const form = STEPS[found];
  const takesNone = form.text ?? form.fields ?? form.list;
  if (takesNone === undefined) fail(value, `${key} takes no value.`);
  return form.read(readShape(value, form), machine);
}

const SECOND_HINT = 'begin each step with its own - and indent its fields below it';

function readConcurrent(place: Place, machine: Machine): readonly Concurrent[] {
  const places = itemsOf(place);
  if (places.length === 0) fail(place, `${place.what} is empty.`);
  return places.map((one) => concurrentAt(one, machine));
}

/** A step that may be taken beside others. */
function concurrentAt(place: Place, machine: Machine): Concurrent {
  const step = readStep(place, machine);
  if (step.do === 'together' || step.do === 'meanwhile')
    return fail(place, `${place.what}: ${step.do} cannot stand in another step.`);
  if (step.do === 'boot')
    return fail(place, `${place.what}: nobody is there during the boot to do something else.`);
  return step;
}
