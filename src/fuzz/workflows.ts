/** What people do to a running machine: sequences that make sense, each a few steps long. */
import type { Concurrent } from '../events/stimulus.ts';
import {
  bind,
  itsDriver,
  modprobe,
  RESCAN,
  remove,
  rmmod,
  type Stage,
  type Steps,
  someone,
  TIMEOUT,
  unbind,
} from './stage.ts';

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
