/** The shapes of stimuli in a trace file. The compiler asks for one that is missing. */
import type { ObjectShape } from './shape.ts';
import {
  count,
  flag,
  listOf,
  name,
  object,
  oneOf,
  optional,
  orNull,
  tagged,
  text,
} from './shape.ts';
import type { Concurrent, DmaRange, ShutdownKind, Stimulus, VfioCallName } from './stimulus.ts';

const uint = count();

type StimulusFields<D extends Stimulus['do']> = Omit<Extract<Stimulus, { do: D }>, 'do'>;
const driverFile = { bus: name, drv: name };
const moduleLoad = object<StimulusFields<'modprobe'>>({ module: name, params: name });
const concurrent: { readonly [D in Concurrent['do']]: ObjectShape<StimulusFields<D>> } = {
  device_add: object({ dev: name }),
  driver_register: object(driverFile),
  late_initcall: object({}),
  modprobe: moduleLoad,
  insmod: moduleLoad,
  rmmod: object({ module: name, force: flag }),
  bind: object({ ...driverFile, dev: name }),
  unbind: object({ ...driverFile, dev: name }),
  new_id: object({ ...driverFile, id: name }),
  remove_id: object({ ...driverFile, id: name }),
  drivers_probe: object({ bus: name, dev: name }),
  drivers_autoprobe: object({ bus: name, on: flag }),
  rescan: object({ dev: orNull(name) }),
  driver_override: object({ bus: name, dev: name, drv: orNull(name) }),
  remove: object({ dev: name }),
  group_type: object({ group: uint, value: name }),
  vfio: object<StimulusFields<'vfio'>>({
    group: name,
    dev: name,
    dma: flag,
    nocontainer: flag,
    nodevice: flag,
    hold: orNull(name),
    req: optional(flag),
    iommufd: optional(name),
    maps: optional(listOf(object<DmaRange>({ iova: uint, size: uint }))),
  }),
  vfio_ioctl: object<StimulusFields<'vfio_ioctl'>>({
    hold: name,
    call: oneOf<VfioCallName>({
      GET_STATUS: true,
      SET_CONTAINER: true,
      UNSET_CONTAINER: true,
      SET_IOMMU: true,
      MAP_DMA: true,
      UNMAP_DMA: true,
      GET_DEVICE_FD: true,
      CLOSE_DEVICE: true,
    }),
    dev: orNull(name),
    iova: optional(uint),
    size: optional(uint),
  }),
  vfio_release: object({ hold: name }),
  module_param: object({ module: name, param: name, value: name }),
  deferred_probe_timeout: object({}),
  plug: object({ dev: name, present: flag }),
  slot_power: object({ slot: name, on: flag }),
  shutdown: object({ how: oneOf<ShutdownKind>({ reboot: true, poweroff: true, halt: true }) }),
  dma: object({ dev: name, addr: uint, write: flag, cacheable: flag }),
  page_alloc: object({ start: uint, length: uint }),
  note: object({ text }),
};
const stimuli: { readonly [D in Stimulus['do']]: ObjectShape<StimulusFields<D>> } = {
  boot: object({}),
  ...concurrent,
  together: object({ steps: listOf(tagged<Concurrent>('do', concurrent)) }),
  meanwhile: object({ line: text, nth: uint, step: tagged<Concurrent>('do', concurrent) }),
};
export const stimulusShape = tagged<Stimulus>('do', stimuli);
