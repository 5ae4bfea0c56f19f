/** What people do to a running machine: sequences that make sense, each a few steps long. */
import type { Concurrent, VfioCallName } from '../events/stimulus.ts';
import type { Dice } from './drawn.ts';
import type { Actor, Scene } from './scene.ts';

export interface Stage {
  readonly dice: Dice;
  readonly scene: Scene;
  /** Users that hold their files; a name is used once. */
  readonly users: string[];
}

type Steps = readonly Concurrent[];

const modprobe = (module: string): Concurrent => ({ do: 'modprobe', module, params: '' });
const rmmod = (module: string, force = false): Concurrent => ({ do: 'rmmod', module, force });
const remove = ({ name }: Actor): Concurrent => ({ do: 'remove', dev: name });
const RESCAN: Concurrent = { do: 'rescan', dev: null };
const TIMEOUT: Concurrent = { do: 'deferred_probe_timeout' };

const unbind = ({ bus, name }: Actor, drv = ''): Concurrent => ({
  do: 'unbind',
  bus,
  drv,
  dev: name,
});
const bind = ({ bus, name }: Actor, drv: string): Concurrent => ({
  do: 'bind',
  bus,
  drv,
  dev: name,
});
const probe = ({ bus, name }: Actor): Concurrent => ({ do: 'drivers_probe', bus, dev: name });
const override = ({ bus, name }: Actor, drv: string | null): Concurrent => ({
  ...{ do: 'driver_override', bus, dev: name, drv },
});

/** A device that somebody would take: most often one that users want. */
function someone({ dice, scene }: Stage): Actor {
  return dice.percent(80) ? dice.pick(scene.guests) : dice.pick(scene.actors);
}

/** The name of a driver for the device; that of another one where none takes it. */
function itsDriver({ dice, scene }: Stage, { drivers }: Actor): string {
  if (drivers.length > 0) return dice.pick(drivers).name;
  return scene.drivers.length > 0 ? dice.pick(scene.drivers).name : 'nobody';
}

/** Off its driver and on again, some times. */
export function bindCycle(stage: Stage): Steps {
  const { dice } = stage;
  const dev = someone(stage);
  const drv = itsDriver(stage, dev);
  const cycle = [unbind(dev, dice.percent(50) ? '' : drv), bind(dev, drv)];
  return Array.from({ length: 1 + dice.below(2) }, () => cycle)
    .flat()
    .slice(0, dice.percent(25) ? -1 : undefined);
}

/** The numbers that the group of a device may have: users look where it is, scripts guess. */
function groupsOf({ dice }: Stage): readonly string[] {
  const first = dice.weigh([
    [10, 0],
    [6, 1],
    [3, 2],
    [2, 3],
    [1, 4],
  ]);
  return dice.percent(50) ? [String(first)] : [...new Set([0, first, first + 1])].map(String);
}

/** Where users map memory, where kernel drivers have buffers, and where nothing is. */
const PLACES: readonly (readonly [number, number])[] = [
  [8, 0x100000],
  [4, 0xffffe000],
  [4, 0xfffff000],
  ...([0x110000, 0x8000000, 0xfee00000, 0x40000000] as const).map((at) => [1, at] as const),
];

function addressOf({ dice, scene }: Stage): number {
  const { memory } = scene;
  return memory.length > 0 && dice.percent(30) ? dice.pick(memory) : dice.weigh(PLACES);
}

/** Opens the group of a device, or the device by itself. */
export function open(stage: Stage, dev: string, keeps: boolean): Steps {
  const { dice, users } = stage;
  const asks = { dma: dice.percent(50), nodevice: dice.percent(15) };
  const fd = dice.percent(15) ? { iommufd: 'fd' } : {};
  const maps = dice.percent(15) ? { maps: [{ iova: addressOf(stage), size: 0x10000 }] } : {};
  const req = keeps && dice.percent(20) ? { req: true } : {};
  const nocontainer = dice.percent(10);
  return groupsOf(stage).map((group): Concurrent => {
    const hold = keeps ? `vm ${users.length + 1}` : null;
    if (hold !== null) users.push(hold);
    return { do: 'vfio', group, dev, ...asks, nocontainer, hold, ...req, ...fd, ...maps };
  });
}

/** Loads what hands devices to users, takes a device from its driver and gives it to that. */
export function handOver(stage: Stage, dev: Actor): Steps {
  const { dice, scene } = stage;
  const managed = scene.managed.filter(({ bus }) => bus === dev.bus);
  if (managed.length === 0) return [unbind(dev)];
  const { name, module } = dice.pick(managed);
  const loads = module === null ? [] : [modprobe(module), modprobe('vfio_iommu_type1')];
  const by = dice.weigh([
    [6, 'override'],
    [2, 'new_id'],
    [1, 'bind'],
  ] as const);
  const last = dice.percent(60) ? bind(dev, name) : probe(dev);
  if (by === 'override') {
    const two = [unbind(dev), override(dev, name)];
    return [...loads, ...(dice.percent(50) ? two : two.toReversed()), last];
  }
  if (by === 'bind' || dev.id === null) return [...loads, unbind(dev), bind(dev, name)];
  const added: Concurrent = { do: 'new_id', bus: dev.bus, drv: name, id: dev.id };
  return [...loads, unbind(dev), added, ...dice.some([bind(dev, name)], 40)];
}

/** Gives a device back to the driver it had. */
function giveBack(stage: Stage, dev: Actor): Steps {
  const drv = itsDriver(stage, dev);
  return [unbind(dev), override(dev, null), stage.dice.percent(50) ? probe(dev) : bind(dev, drv)];
}

/** A device goes to a user, who does something with it, and perhaps comes back. */
export function assignment(stage: Stage): Steps {
  const { dice } = stage;
  const dev = someone(stage);
  const keeps = dice.percent(45);
  const opened = open(stage, dev.name, keeps);
  const meanwhile = keeps ? whileHeld(stage, dev) : dice.percent(15) ? traffic(stage, dev) : [];
  const end = keeps && dice.percent(70) ? release(stage) : [];
  const back = dice.percent(50) ? giveBack(stage, dev) : [];
  return [...handOver(stage, dev), ...opened, ...meanwhile, ...end, ...back];
}

/** Two devices that may be in one group: a user has one of them, and somebody wants the other. */
export function neighbours(stage: Stage): Steps {
  const { dice, scene } = stage;
  const dev = someone(stage);
  const beside = scene.guests.filter(
    ({ name, parent }) => parent === dev.parent && name !== dev.name,
  );
  const other = dice.pick(beside.length > 0 ? beside : scene.guests);
  const drv = itsDriver(stage, other);
  const taken = handOver(stage, dev);
  const load = other.drivers.flatMap(({ module }) => (module === null ? [] : [modprobe(module)]));
  const claim = dice.weigh<() => Steps>([
    [3, () => [bind(other, drv)]],
    [2, () => [...load, probe(other)]],
    [2, () => [...handOver(stage, other), ...open(stage, other.name, dice.percent(50))]],
  ])();
  const opened = open(stage, dev.name, true);
  const end = dice.percent(60) ? release(stage) : [];
  return [
    unbind(other),
    ...taken,
    ...opened,
    ...claim,
    ...end,
    ...dice.some([bind(other, drv)], 40),
  ];
}

export function release({ dice, users }: Stage): Steps {
  return users.length === 0 ? [] : [{ do: 'vfio_release', hold: dice.pick(users) }];
}

const CALLS: readonly (readonly [number, VfioCallName])[] = [
  [5, 'MAP_DMA'],
  [2, 'UNMAP_DMA'],
  [2, 'SET_CONTAINER'],
  [2, 'UNSET_CONTAINER'],
  [1, 'SET_IOMMU'],
  [2, 'GET_DEVICE_FD'],
  [2, 'CLOSE_DEVICE'],
  [1, 'GET_STATUS'],
];

/** A user who has its files open makes a further call. */
export function call(stage: Stage, dev: Actor): Steps {
  const { dice, users } = stage;
  if (users.length === 0) return [];
  const word = dice.weigh(CALLS);
  const range = word === 'MAP_DMA' || word === 'UNMAP_DMA';
  const where = range && dice.percent(50) ? { iova: addressOf(stage), size: 0x10000 } : {};
  const name = word === 'GET_DEVICE_FD' || word === 'CLOSE_DEVICE' ? dev.name : null;
  return [{ do: 'vfio_ioctl', hold: dice.pick(users), call: word, dev: name, ...where }];
}

/** What comes across a device that a user has. */
function whileHeld(stage: Stage, dev: Actor): Steps {
  const { dice, scene } = stage;
  const other = dice.pick(scene.guests);
  const drv = itsDriver(stage, other);
  return dice.weigh<() => Steps>([
    [5, () => traffic(stage, dev)],
    [3, () => [bind(other, drv)]],
    [2, () => [unbind(other), probe(other)]],
    [2, () => [unbind(dev)]],
    [2, () => [remove(dev)]],
    [2, () => [...handOver(stage, other), ...open(stage, other.name, false)]],
    [2, () => [RESCAN]],
    [2, () => call(stage, dev)],
    [2, () => unloading(stage)],
    [1, () => groupType(stage)],
  ])();
}

/** A device reads or writes, where something is mapped or not. */
export function traffic(stage: Stage, { name: dev }: Actor): Steps {
  const { dice } = stage;
  const flags = { write: dice.percent(50), cacheable: !dice.percent(20) };
  return [{ do: 'dma', dev, addr: addressOf(stage), ...flags }];
}

/** A module goes, by force or not, and may come back. */
export function unloading(stage: Stage): Steps {
  const { dice, scene } = stage;
  const { modules, iommuModules } = scene;
  if (modules.length === 0) return [];
  const isIommu = iommuModules.length > 0 && dice.percent(60);
  const module = dice.pick(isIommu ? iommuModules : modules);
  const goes = rmmod(module, dice.percent(25));
  const between = dice.weigh<() => Steps>([
    [4, () => []],
    [3, () => [RESCAN]],
    [2, () => bindCycle(stage)],
    [1, () => [TIMEOUT]],
  ])();
  return [goes, ...between, ...dice.some([modprobe(module)], 65)];
}

/** A function goes and is found again; what it waits for may go or come between. */
export function hotplug(stage: Stage): Steps {
  const { dice, scene } = stage;
  if (scene.functions.length === 0) return [];
  const gone = dice.percent(25) ? scene.functions : [dice.pick(scene.functions)];
  const between = dice.percent(45) ? unloading(stage) : [];
  return [...gone.map(remove), ...between, ...dice.some([RESCAN], 85)];
}

/** A card is pulled, or its slot is switched off, and comes back. */
export function slots(stage: Stage): Steps {
  const { dice, scene } = stage;
  const ports = scene.actors.filter(({ slot }) => slot !== null);
  if (ports.length === 0) return hotplug(stage);
  const port = dice.pick(ports);
  const cards = scene.functions.filter(({ parent }) => parent === port.name);
  if (cards.length === 0 || dice.percent(40)) {
    const power = (on: boolean): Concurrent => ({ do: 'slot_power', slot: port.slot ?? '0', on });
    return [power(false), ...dice.some([power(true)], 75)];
  }
  const { name: dev } = dice.pick(cards);
  const out: Concurrent = { do: 'plug', dev, present: false };
  return [out, ...dice.some<Concurrent>([{ do: 'plug', dev, present: true }], 75)];
}

/** Modules come as udev would load them, IOMMUs early or late. */
export function loading(stage: Stage): Steps {
  const { dice, scene } = stage;
  const { modules, iommuModules } = scene;
  if (modules.length === 0) return [];
  const others = modules.filter((name) => !iommuModules.includes(name));
  const loads = dice.some(dice.percent(50) ? dice.shuffle(others) : others, 70).map(modprobe);
  const late = iommuModules.map(modprobe);
  const at = dice.percent(50) ? 0 : dice.below(loads.length + 1);
  const waits = dice.percent(25) ? [TIMEOUT] : [];
  return [...loads.slice(0, at), ...waits, ...dice.some(late, 85), ...loads.slice(at)];
}

/** An IOMMU loses its driver by hand, and may find it again. */
export function iommuCycle(stage: Stage): Steps {
  const { dice, scene } = stage;
  if (scene.iommus.length === 0) return [];
  const dev = dice.pick(scene.iommus);
  const drv = itsDriver(stage, dev);
  const between = dice.percent(40) ? bindCycle(stage) : [];
  return [unbind(dev, drv), ...between, ...dice.some([bind(dev, drv)], 65)];
}

export function groupType({ dice }: Stage): Steps {
  const value = dice.pick(['identity', 'DMA', 'auto', 'DMA-FQ']);
  return [{ do: 'group_type', group: dice.below(4), value }];
}

/** The system goes down, after its drivers or in the middle of things. */
export function goingDown({ dice }: Stage): Steps {
  return [
    {
      do: 'shutdown',
      how: dice.weigh([
        [4, 'reboot'],
        [1, 'poweroff'],
        [1, 'halt'],
      ] as const),
    },
  ];
}
