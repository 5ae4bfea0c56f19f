/** What drivers match devices by, in the normal form: one id a kind of device. */
import type { DeviceSpec, DriverSpec, Machine, PciFunction } from '../events/machine.ts';
import { matchesId } from '../model/firmware/modalias.ts';
import { pciModalias } from '../scenario/pci.ts';
import { isKnown } from './normal-names.ts';

/** A vendor that no driver and no quirk knows. */
const VENDOR = 0x1234;

/**
 * PCI functions get ids of a vendor that nobody knows and, where they are no bridges, no class; other
 * devices get numbered ids, unless they are IOMMUs or a driver that the model knows matches them.
 * Opaque drivers match the ids of just those devices that they matched.
 */
export function withNormalIds(machine: Machine): Machine {
  const known = machine.drivers.filter(isKnown);
  const numbers = new Map<string, number>();
  const numberOf = (key: string): number => {
    const n = numbers.get(key) ?? numbers.size;
    numbers.set(key, n);
    return n;
  };
  const newIds = new Map<string, string>();
  const devices = machine.devices.map((spec): DeviceSpec => {
    const normal = withIds(spec, known, numberOf);
    for (const [i, id] of spec.ids.entries()) newIds.set(id, normal.ids[i] ?? id);
    return normal;
  });
  const drivers = machine.drivers.map((drv): DriverSpec => {
    if (isKnown(drv)) return drv;
    const mine = machine.devices
      .filter(({ bus }) => bus === drv.bus)
      .flatMap(({ ids }) => ids.filter((id) => drv.ids.some((own) => matchesId(own, id))));
    const ids = [...new Set(mine.map((id) => newIds.get(id) ?? id))];
    return ids.length === 0 ? drv : { ...drv, ids: ids.sort() };
  });
  return { ...machine, devices, drivers };
}

function withIds(
  spec: DeviceSpec,
  known: readonly DriverSpec[],
  numberOf: (key: string) => number,
): DeviceSpec {
  const { pci, ids, iommu_kind, bus } = spec;
  if (pci !== undefined) {
    if (ids.join() !== pciModalias(pci)) return spec;
    const device = numberOf(`${pci.vendor} ${pci.device}`);
    const simple: PciFunction = { ...pci, vendor: VENDOR, device };
    const normal = pci.header === 1 ? simple : { ...simple, class: 0 };
    return { ...spec, pci: normal, ids: [pciModalias(normal)] };
  }
  const isOfKnown = known.some(
    (drv) => drv.bus === bus && drv.ids.some((own) => ids.some((id) => matchesId(own, id))),
  );
  if (iommu_kind !== undefined || isOfKnown) return spec;
  return { ...spec, ids: ids.map((id) => `id${numberOf(id)}`) };
}

/** Stream ids, each once, in the order in which they come in the machine. */
export function streamsOf({ devices }: Machine): readonly number[] {
  return [...new Set(devices.flatMap(({ iommus = [] }) => iommus.flatMap(({ ids }) => ids)))];
}

/** The machine with the ids of its streams exchanged. */
export function withStreams(machine: Machine, numbers: ReadonlyMap<number, number>): Machine {
  const devices = machine.devices.map((spec): DeviceSpec => {
    if (spec.iommus === undefined) return spec;
    const iommus = spec.iommus.map((one) => ({
      ...one,
      ids: one.ids.map((id) => numbers.get(id) ?? id),
    }));
    return { ...spec, iommus };
  });
  return { ...machine, devices };
}
