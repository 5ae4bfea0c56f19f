/** What of a machine a user can name: looked up once, for all the steps that are drawn on it. */
import type { DeviceSpec, DriverSpec, IommuKind, Machine } from '../events/machine.ts';
import { matchesAny } from '../model/firmware/modalias.ts';

/** A device with the drivers that take it by its ids. */
export interface Actor {
  readonly name: string;
  readonly bus: string;
  readonly parent: string | null;
  readonly isFunction: boolean;
  readonly isBridge: boolean;
  /** The ids that `new_id` takes, for a function. */
  readonly id: string | null;
  readonly kind: IommuKind | null;
  readonly slot: string | null;
  readonly drivers: readonly DriverSpec[];
}

export interface Scene {
  /** Devices that are on a bus: others have no files that a user could write. */
  readonly actors: readonly Actor[];
  /** Those that a user may want for itself: functions that are no bridges, else any with a driver. */
  readonly guests: readonly Actor[];
  readonly functions: readonly Actor[];
  readonly iommus: readonly Actor[];
  readonly drivers: readonly DriverSpec[];
  readonly modules: readonly string[];
  /** The modules of IOMMU drivers. */
  readonly iommuModules: readonly string[];
  /** Drivers that hand devices to users or keep them for nobody, by bus. */
  readonly managed: readonly DriverSpec[];
  readonly memory: readonly number[];
}

const IOMMU_DRIVERS = ['arm-smmu', 'arm-smmu-v3', 'virtio_iommu', 'ipmmu-vmsa'];

/** Cost: each device with each driver. */
export function sceneOf(machine: Machine): Scene {
  const { drivers, modules } = machine;
  const actors = flat(machine.devices)
    .filter(({ bus }) => bus !== '')
    .map((spec) => actorOf(spec, drivers));
  const functions = actors.filter(({ isFunction }) => isFunction);
  const cards = functions.filter(({ isBridge }) => !isBridge);
  const bound = actors.filter((actor) => actor.kind === null && actor.drivers.length > 0);
  const managed = drivers.filter(
    ({ name, driver_managed_dma }) => driver_managed_dma && name !== 'pcieport',
  );
  const guests = cards.length > 0 ? cards : bound;
  return {
    ...{ actors, functions, drivers, managed },
    guests: guests.length > 0 ? guests : actors,
    iommus: actors.filter(({ kind }) => kind !== null),
    modules: modules.map(({ name }) => name),
    iommuModules: drivers.flatMap(({ name, module }) =>
      module !== null && IOMMU_DRIVERS.includes(name) ? [module] : [],
    ),
    memory: flat(machine.devices).flatMap(({ reserved = [], boot_memory = [] }) =>
      [...reserved, ...boot_memory].flatMap(({ start }) => start ?? []),
    ),
  };
}

const flat = (devices: readonly DeviceSpec[]): readonly DeviceSpec[] =>
  devices.flatMap((device) => [device, ...flat(device.creates ?? [])]);

function actorOf(spec: DeviceSpec, drivers: readonly DriverSpec[]): Actor {
  const { name, bus, parent, pci, iommu_kind, ids } = spec;
  const word = (value: number) => value.toString(16).padStart(4, '0');
  return {
    ...{ name, bus, parent, isFunction: pci !== undefined, isBridge: pci?.header === 1 },
    id: pci === undefined ? null : `${word(pci.vendor)} ${word(pci.device)}`,
    kind: iommu_kind ?? null,
    slot: pci?.slot === undefined ? null : String(pci.slot),
    drivers: drivers.filter((drv) => drv.bus === bus && matchesAny(drv.ids, ids)),
  };
}
