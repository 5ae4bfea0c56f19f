/** Faults: what goes wrong that is no bug of the kernel's. */
import type fc from 'fast-check';
import { ALLOCATIONS, type DeviceSpec, type Machine } from '../events/machine.ts';
import { tableOf } from '../events/table.ts';
import { ENODEV, ENOMEM } from '../model/errno.ts';
import { withOutcomes } from './any-drivers.ts';
import { type Dice, drawn } from './drawn.ts';

type Fault = (dice: Dice, machine: Machine) => Machine;

const FAULTS: readonly (readonly [number, Fault])[] = [
  [6, probeFails],
  [2, moduleFails],
  [3, tableErrs],
  [3, memoryFails],
];

/** The machine with so many things wrong. */
export function withFaults(dice: Dice, machine: Machine, count: number): Machine {
  let faulty = machine;
  for (let i = 0; i < count; i += 1) faulty = dice.weigh(FAULTS)(dice, faulty);
  return faulty;
}

/** A probe returns an error, or waits for something. */
function probeFails(dice: Dice, machine: Machine): Machine {
  const { drivers, devices } = machine;
  if (drivers.length === 0) return machine;
  const driver = dice.pick(drivers);
  const failing = withOutcomes(dice, driver, devices);
  return { ...machine, drivers: drivers.map((one) => (one === driver ? failing : one)) };
}

/** A module's init fails, or the module cannot be unloaded. */
function moduleFails(dice: Dice, machine: Machine): Machine {
  const { modules } = machine;
  if (modules.length === 0) return machine;
  const module = dice.pick(modules);
  const failing = dice.percent(60)
    ? { ...module, init: dice.pick([-ENODEV, -ENOMEM]) }
    : { ...module, no_exit: true };
  return { ...machine, modules: modules.map((one) => (one === module ? failing : one)) };
}

/** The kernel has no memory for the group or the domain of a device, once, later or ever. */
function memoryFails(dice: Dice, machine: Machine): Machine {
  const { devices, failures = {} } = machine;
  if (devices.length === 0) return machine;
  const call = dice.pick(ALLOCATIONS);
  const answers = dice.weigh([
    [4, [-ENOMEM, 0]],
    [2, [-ENOMEM]],
    [2, [0, -ENOMEM, 0]],
  ]);
  const table = tableOf([
    ...Object.entries(failures[call] ?? {}),
    [dice.pick(devices).name, answers],
  ]);
  return { ...machine, failures: { ...failures, [call]: table } };
}

/** Firmware says what is not so: another stream, a row less, another coherency, nothing at all. */
function tableErrs(dice: Dice, machine: Machine): Machine {
  const { devices } = machine;
  if (devices.length === 0) return machine;
  const device = dice.pick(devices);
  const wrong = misdescribed(dice, device);
  return { ...machine, devices: devices.map((one) => (one === device ? wrong : one)) };
}

function misdescribed(dice: Dice, device: DeviceSpec): DeviceSpec {
  const { iommus, iommu_map, dma_coherent = false, ...rest } = device;
  if (iommu_map !== undefined && dice.percent(60)) {
    const at = dice.below(iommu_map.length);
    const rows = dice.percent(40)
      ? iommu_map.filter((_, i) => i !== at)
      : iommu_map.map((row, i) => (i === at ? { ...row, sid_base: row.sid_base + 8 } : row));
    return { ...device, iommu_map: rows };
  }
  if (iommus !== undefined && dice.percent(60)) {
    const wrong = iommus.map((spec) => ({ ...spec, ids: spec.ids.map((id) => id ^ 0x10) }));
    return dice.percent(30) ? { ...rest, dma_coherent } : { ...device, iommus: wrong };
  }
  return { ...device, dma_coherent: !dma_coherent, snoops: device.snoops ?? dma_coherent };
}

/** Machines like the given one, with so many things wrong that are no fault of the kernel's. */
export const aFaulty = (machine: Machine, count: number): fc.Arbitrary<Machine> =>
  drawn((dice) => withFaults(dice, machine, count));
