/** Arbitrary machines: what is in them, and in which order they boot. */
import type fc from 'fast-check';
import type { IommuKind, Machine } from '../events/machine.ts';
import { anyBoot } from './any-boot.ts';
import { addClients, addSuppliers } from './any-clients.ts';
import { addVfio, settleDrivers } from './any-drivers.ts';
import { addIommus, tablesOf } from './any-iommus.ts';
import { addHost } from './any-pci.ts';
import { type Board, type Build, buildOf, emptyBoard } from './board.ts';
import { type Dice, drawn } from './drawn.ts';

type Kind = IommuKind | 'two kinds' | 'none';

const KINDS: readonly (readonly [number, Kind])[] = [
  [36, 'arm-smmu-v3'],
  [26, 'arm-smmu'],
  [12, 'virtio-iommu'],
  [9, 'ipmmu-vmsa'],
  [6, 'intel'],
  [4, 'amd'],
  [4, 'two kinds'],
  [3, 'none'],
];

/** What is decided about a machine before all else. */
export interface MachineKind {
  readonly iommus: readonly IommuKind[];
  readonly build: Build;
}

export const anyKinds = (dice: Dice): readonly IommuKind[] => kindsOf(dice, dice.weigh(KINDS));

/** A machine of about so many devices: one host bridge with a card and little else at size 1. */
export function anyMachine(dice: Dice, size: number, { iommus, build }: MachineKind): Machine {
  const [kind = 'none'] = iommus;
  const isX86 = kind === 'intel' || kind === 'amd';
  const isAcpi = isX86 || (kind !== 'ipmmu-vmsa' && dice.percent(22));
  const arm = kind === 'ipmmu-vmsa' ? 75 : iommus.join() === 'arm-smmu' && !isAcpi ? 12 : 0;
  const isArm = dice.percent(arm);
  const board = emptyBoard(dice, size, {
    firmware: isAcpi ? 'acpi' : 'devicetree',
    arch: isArm ? 'arm' : 'arm64',
    hosts: isX86 ? 1 : hostsOf(dice, size, iommus),
    build,
  });
  if (!isX86) addSuppliers(board, dice.below(1 + Math.min(3, Math.ceil(size / 3))));
  for (const one of iommus) addIommus(board, one);
  for (let nth = 0; nth < board.hosts; nth += 1)
    addHost(board, nth, 1 + dice.below(1 + (nth === 0 ? size * 2 : size)));
  if (!isX86) addClients(board, (board.hosts > 0 ? 0 : 1) + dice.below(1 + Math.ceil(size / 2)));
  addVfio(board);
  const drivers = settleDrivers(board);
  const devices = inSomeOrder(board);
  return {
    firmware: board.firmware,
    ...tablesOf(board),
    ...(isArm && { arch: 'arm' as const }),
    devices,
    drivers,
    modules: [...board.modules.values()],
    boot: anyBoot(dice, devices, drivers),
  };
}

/** How many host bridges: the IPMMU looks after devices of the chip alone. */
function hostsOf(dice: Dice, size: number, iommus: readonly IommuKind[]): number {
  const all = iommus.join();
  if (all === 'ipmmu-vmsa' || dice.percent(20)) return 0;
  return size > 2 && dice.percent(all === 'virtio-iommu' ? 30 : 12) ? 2 : 1;
}

function kindsOf(dice: Dice, kind: Kind): readonly IommuKind[] {
  if (kind === 'none') return [];
  if (kind !== 'two kinds') return [kind];
  return dice.shuffle<IommuKind>(['arm-smmu-v3', 'arm-smmu', 'virtio-iommu']).slice(1);
}

/** Devices of firmware in another order; functions stay below what they are below. */
function inSomeOrder({ dice, devices }: Board): Machine['devices'] {
  if (!dice.percent(40)) return devices;
  const functions = devices.filter(({ pci }) => pci !== undefined);
  return [...dice.shuffle(devices.filter(({ pci }) => pci === undefined)), ...functions];
}

/** Machines of about so many devices. */
export const aMachine = (size: number): fc.Arbitrary<Machine> =>
  drawn((dice) => anyMachine(dice, size, { iommus: anyKinds(dice), build: buildOf({}) }));
