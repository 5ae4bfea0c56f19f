/** How the drivers of a machine are built and behave. */
import {
  type DeviceSpec,
  type DriverSpec,
  INITCALL_LEVELS,
  type InitcallLevel,
} from '../events/machine.ts';
import { tableOf } from '../events/table.ts';
import { EINVAL, EIO, ENODEV, ENOMEM, EPROBE_DEFER } from '../model/errno.ts';
import { matchesAny } from '../model/firmware/modalias.ts';
import { SMMUS } from '../model/kernel/kconfig.ts';
import { addDriver, addKnown, addModule, type Board, moduleFor } from './board.ts';
import type { Dice } from './drawn.ts';

/** Drivers that the boot needs, or that the model has as built in. */
const ALWAYS_BUILT_IN: readonly string[] = ['pcieport', 'pciehp', 'clk'];
const IOMMUS: readonly string[] = [...SMMUS, 'virtio_iommu', 'ipmmu-vmsa'];

/** Drivers that hand devices to users, with what they need. */
export function addVfio(board: Board): void {
  const { dice } = board;
  const isDrawn = dice.percent(85);
  const isModular =
    board.build.modular && (board.build.of('vfio') ?? (isDrawn ? 'm' : 'y')) === 'm';
  const buses = new Set(board.devices.map(({ bus }) => bus));
  if (isModular) {
    addModule(board, 'vfio');
    addModule(board, 'vfio_iommu_type1', ['vfio']);
  }
  const add = (name: string) => {
    const module = isModular ? name.replaceAll('-', '_') : null;
    addKnown(board, name, { module });
    if (module !== null) board.modules.set(module, { name: module, depends: ['vfio'] });
  };
  if (buses.has('pci')) {
    add('vfio-pci');
    if (dice.percent(12)) add(dice.pick(['mlx5_vfio_pci', 'hisi_acc_vfio_pci']));
    if (dice.percent(12))
      addKnown(board, 'pci-stub', isModular && dice.percent(60) ? { module: 'pci_stub' } : {});
  }
  if (buses.has('amba') && dice.percent(30)) add('vfio-amba');
  if (board.units.length > 0 && dice.percent(20)) add('vfio-platform');
}

/** Gives each driver its place: built in at a level or a module, its manners, and what it returns. */
export function settleDrivers(board: Board): readonly DriverSpec[] {
  const { dice, devices } = board;
  const isBuilt = (driver: DriverSpec) => board.build.of(moduleFor(driver)) !== 'n';
  const drivers = [...board.drivers.values()].filter(isBuilt).map((driver) => {
    const settled = withManners(dice, withModule(board, driver));
    return dice.percent(12) ? withOutcomes(dice, settled, devices) : settled;
  });
  board.drivers.clear();
  for (const driver of dice.percent(50) ? dice.shuffle(drivers) : drivers) addDriver(board, driver);
  return [...board.drivers.values()];
}

function withModule({ dice, build }: Board, driver: DriverSpec): DriverSpec {
  const given = build.of(moduleFor(driver));
  if (given !== undefined) return { ...driver, module: given === 'm' ? moduleFor(driver) : null };
  if (driver.module !== null || ALWAYS_BUILT_IN.includes(driver.name)) return driver;
  const share = IOMMUS.includes(driver.name) ? 45 : driver.name === 'pci-host-generic' ? 8 : 35;
  if (build.modular && dice.percent(share)) return { ...driver, module: moduleFor(driver) };
  const level = dice.percent(15) ? { initcall: dice.pick<InitcallLevel>(INITCALL_LEVELS) } : {};
  return { ...driver, ...level };
}

function withManners(dice: Dice, driver: DriverSpec): DriverSpec {
  const isOwn = driver.ids.some((id) => id.startsWith('vendor,')) || driver.bus === 'pci';
  return {
    ...driver,
    ...(dice.percent(12) && { probe_type: dice.pick(['async', 'sync'] as const) }),
    ...(!IOMMUS.includes(driver.name) &&
      dice.percent(30) && { shutdown: dice.pick(['quiesce', 'remove'] as const) }),
    ...(dice.percent(25) && { maps_dma: true }),
    ...(isOwn && dice.percent(4) && { pasid: true }),
    ...(isOwn && dice.percent(6) && { manages_iommu: true }),
    ...(isOwn && dice.percent(3) && { suppress_bind_attrs: true }),
  };
}

/** What probes return besides 0, and how often they say -EPROBE_DEFER before. */
const OUTCOMES: readonly (readonly [number, readonly number[]])[] = [
  [8, [-EPROBE_DEFER, 0]],
  [3, [-EPROBE_DEFER, -EPROBE_DEFER, 0]],
  [2, [-EPROBE_DEFER]],
  [2, [-ENODEV]],
  [2, [-ENOMEM, 0]],
  [1, [-EIO]],
  [1, [0, -EINVAL]],
];

/** The driver, of which one device's probe fails or waits for another one. */
export function withOutcomes(
  dice: Dice,
  driver: DriverSpec,
  devices: readonly DeviceSpec[],
): DriverSpec {
  const mine = devices.filter(({ bus, ids }) => bus === driver.bus && matchesAny(driver.ids, ids));
  if (mine.length === 0) return { ...driver, outcome: dice.pick([-ENODEV, -EPROBE_DEFER]) };
  const { name } = dice.pick(mine);
  if (dice.percent(30)) {
    // Those before it: nothing waits for what waits for it.
    const before = devices.slice(
      0,
      devices.findIndex((device) => device.name === name),
    );
    const others = before.filter(({ bus }) => bus !== '');
    if (others.length === 0) return driver;
    return { ...driver, defers_on: tableOf([[name, [dice.pick(others).name]]]) };
  }
  return { ...driver, outcomes: tableOf([[name, dice.weigh(OUTCOMES)]]) };
}
