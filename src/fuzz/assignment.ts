/** Devices that go to users and come back, and what others do to them meanwhile. */
import type { Concurrent, VfioCallName } from '../events/stimulus.ts';
import type { Actor } from './scene.ts';
import {
  addressOf,
  bind,
  itsDriver,
  modprobe,
  override,
  probe,
  RESCAN,
  remove,
  type Stage,
  type Steps,
  someone,
  traffic,
  unbind,
} from './stage.ts';
import { groupType, unloading } from './workflows.ts';

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

/** Opens the group of a device, or the device by itself. */
function open(stage: Stage, dev: string, keeps: boolean): Steps {
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
function handOver(stage: Stage, dev: Actor): Steps {
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
