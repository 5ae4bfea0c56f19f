/** Steps of a scenario as the YAML that steps.ts reads back. */
import type { DriverSpec, Machine } from '../events/machine.ts';
import type { Concurrent, DmaRange, DmaStimulus, Meanwhile, Stimulus } from '../events/stimulus.ts';
import { busOfDriver } from './driver.ts';
import { type Entry, field, flag, listOf, map, maybe, plain, type Yaml } from './print-yaml.ts';
import { busOf } from './step-bus.ts';

/** A driver by its name, with its bus where the name alone does not tell. */
export function printDriverRef(
  { drv, bus }: { readonly drv: string; readonly bus: string },
  drivers: readonly DriverSpec[],
): Yaml {
  return busOfDriver(drv, drivers) === bus
    ? plain(drv)
    : map([field('drv', drv), field('bus', bus)]);
}

/** A word, or a word and what it says. */
export function printStep(step: Stimulus, machine: Machine): string | readonly [string, Yaml] {
  const value = printStepValue(step, machine);
  return value === null ? step.do : [step.do, value];
}

function printStepValue(step: Stimulus, machine: Machine): Yaml | null {
  switch (step.do) {
    case 'boot':
    case 'late_initcall':
    case 'deferred_probe_timeout':
      return null;
    case 'rescan':
      return step.dev === null ? null : plain(step.dev);
    case 'device_add':
    case 'remove':
      return plain(step.dev);
    case 'driver_register':
      return printDriverRef(step, machine.drivers);
    case 'modprobe':
    case 'insmod':
      return printLoad(step);
    case 'rmmod':
      return step.force
        ? map([field('module', step.module), flag('force', true)])
        : plain(step.module);
    case 'bind':
      return map([field('drv', step.drv), field('dev', step.dev), busEntry(step, machine)]);
    case 'unbind':
      return printUnbind(step, machine);
    case 'new_id':
    case 'remove_id':
      return map([field('drv', step.drv), field('id', step.id), busEntry(step, machine)]);
    case 'drivers_probe': {
      const bus = busEntry(step, machine);
      return bus === null ? plain(step.dev) : map([field('dev', step.dev), bus]);
    }
    case 'drivers_autoprobe':
      return map([field('bus', step.bus), field('on', String(step.on))]);
    case 'driver_override':
      return map([
        field('dev', step.dev),
        field('drv', step.drv ?? '', ''),
        busEntry({ bus: step.bus, dev: step.dev }, machine),
      ]);
    case 'group_type':
      return map([['group', String(step.group)], field('value', step.value)]);
    case 'plug':
      return step.present ? plain(step.dev) : map([field('dev', step.dev), ['present', 'off']]);
    case 'slot_power':
      return map([field('slot', step.slot), field('on', String(step.on))]);
    case 'shutdown':
      return plain(step.how);
    case 'vfio':
      return printVfio(step);
    case 'vfio_ioctl':
      return printVfioCall(step);
    case 'vfio_release':
      return plain(step.hold);
    case 'module_param':
      return map([
        field('module', step.module),
        field('param', step.param),
        field('value', step.value),
      ]);
    case 'dma':
      return printDma(step);
    case 'page_alloc':
      return map([
        ['start', hex(step.start)],
        ['length', hex(step.length)],
      ]);
    case 'note':
      return plain(step.text);
    case 'meanwhile':
      return printMeanwhile(step, machine);
    case 'together':
      return listOf(step.steps.map((one) => printConcurrent(one, machine)));
  }
}

function printUnbind(
  { bus, dev, drv }: Extract<Stimulus, { do: 'unbind' }>,
  machine: Machine,
): Yaml {
  const names = drv === '' ? { bus, dev } : { bus, dev, drv };
  return map([field('drv', drv, ''), field('dev', dev), busEntry(names, machine)]);
}

function printMeanwhile({ line, nth, step }: Meanwhile, machine: Machine): Yaml {
  return map([
    field('before', line),
    field('nth', String(nth), '1'),
    ['step', printConcurrent(step, machine)],
  ]);
}

/** A step as an item of a list. */
function printConcurrent(step: Concurrent, machine: Machine): Yaml {
  const printed = printStep(step, machine);
  return typeof printed === 'string' ? printed : map([printed]);
}

function printLoad({ module, params }: { readonly module: string; readonly params: string }) {
  if (module.includes(' ')) return map([field('module', module), field('params', params, '')]);
  return plain(params === '' ? module : `${module} ${params}`);
}

function printVfio(step: Extract<Stimulus, { do: 'vfio' }>): Yaml {
  const group = /^(?:0|[1-9]\d{0,8})$/.test(step.group) ? step.group : plain(step.group);
  return map([
    ['group', group],
    field('dev', step.dev),
    flag('dma', step.dma),
    flag('nocontainer', step.nocontainer),
    flag('nodevice', step.nodevice),
    field('hold', step.hold ?? '', ''),
    maybe('req', step.req, String),
    maybe('iommufd', step.iommufd, plain),
    maybe('maps', step.maps, (maps) => listOf(maps.map(printMap))),
  ]);
}

function printVfioCall(step: Extract<Stimulus, { do: 'vfio_ioctl' }>): Yaml {
  return map([
    field('hold', step.hold),
    field('call', step.call),
    field('dev', step.dev ?? '', ''),
    maybe('iova', step.iova, hex),
    maybe('size', step.size, hex),
  ]);
}

function printDma(step: DmaStimulus): Yaml {
  return map([
    field('dev', step.dev),
    ['addr', hex(step.addr)],
    flag('write', step.write),
    step.cacheable ? null : ['cacheable', 'off'],
  ]);
}

function printMap({ iova, size }: DmaRange): Yaml {
  return map([
    ['iova', hex(iova)],
    ['size', hex(size)],
  ]);
}

function hex(value: number): string {
  return `0x${value.toString(16)}`;
}

function busEntry(
  step: { readonly bus: string; readonly dev?: string; readonly drv?: string },
  machine: Machine,
): Entry {
  return busOf(step, machine) === step.bus ? null : ['bus', plain(step.bus)];
}
