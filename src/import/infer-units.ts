/** What a log says of VT-d: the table, the registers of each unit, and ranges that firmware uses. */
import type { DmarTable, VtdFunction, VtdUnit } from '../events/iommu-units.ts';
import type { DeviceSpec, Machine, ReservedRegion } from '../events/machine.ts';
import { isPciName } from './evidence.ts';
import type { Observation } from './observation.ts';

/**
 * The machine with the insides of its VT-d units, where the log has those of all, and with what firmware wants
 * mapped for devices of which the kernel said so.
 */
export function withUnits(machine: Machine, observations: readonly Observation[]): Machine {
  const units = unitsOf(observations);
  const isKnown = machine.devices.every(
    ({ iommu_kind, name }) => iommu_kind !== 'intel' || units.has(name),
  );
  const clients = new Set(
    machine.devices.flatMap(({ iommu_map = [] }) => iommu_map.map(({ iommu }) => iommu)),
  );
  const reserved = reservedOf(observations);
  const devices = machine.devices.map((device): DeviceSpec => {
    const vtd = isKnown ? usedIfAny(units.get(device.name), clients.has(device.name)) : undefined;
    const regions = device.reserved ?? reserved.get(device.name);
    return {
      ...device,
      ...(vtd === undefined || device.iommu_kind !== 'intel' ? {} : { vtd }),
      ...(regions === undefined || device.pci?.header === 1 ? {} : { reserved: regions }),
    };
  });
  const dmar = isKnown && units.size > 0 ? tableOf(observations) : null;
  return { ...machine, devices, ...(dmar === null ? {} : { dmar }) };
}

/** A unit with devices behind it is used, though the line that says so is lost. */
function usedIfAny(vtd: VtdUnit | undefined, hasClients: boolean): VtdUnit | undefined {
  if (vtd?.unused === undefined || !hasClients) return vtd;
  const { unused, ...used } = vtd;
  return used;
}

const rowsOf = (observations: readonly Observation[], row: string): readonly Observation[] =>
  observations.filter((observation) => observation.row === row);

/** As the kernel compares them: `0x…` without leading zeros. */
const wide = (digits: string | undefined): string =>
  `0x${BigInt(`0x${(digits ?? '0').replace(/^0x/, '')}`).toString(16)}`;
const integer = (digits: string | undefined): number => Number(wide(digits));

/** Kernel: include/linux/dmar.h, v6.1: the kernel takes no more of them. */
const DMAR_UNITS_SUPPORTED = 1024;

/** The units that have both of their lines. Cost: for each unit, a few passes over the observations. */
function unitsOf(observations: readonly Observation[]): ReadonlyMap<string, VtdUnit> {
  const drhds = rowsOf(observations, 'dmar-drhd');
  const used = ['dmar-qi', 'dmar-qi-old'].flatMap((row) => rowsOf(observations, row));
  const units = new Map<string, VtdUnit>();
  for (const { dev, fields } of rowsOf(observations, 'dmar-unit')) {
    const base = wide(fields['base']);
    const drhd = drhds.find((one) => wide(one.fields['base']) === base);
    if (units.size === DMAR_UNITS_SUPPORTED) break;
    if (dev === null || drhd === undefined || units.has(dev)) continue;
    const ioapics = rowsOf(observations, 'dmar-ir-unit').filter(
      (one) => wide(one.fields['base']) === base,
    );
    const hpets = rowsOf(observations, 'dmar-ir-hpet').filter(
      (one) => wide(one.fields['base']) === base,
    );
    const left_on = leftOn(observations, dev);
    units.set(dev, {
      base,
      include_all: (integer(drhd.fields['flags']) & 1) !== 0,
      ver: fields['version'] ?? '1:0',
      cap: wide(fields['cap']),
      ecap: wide(fields['ecap']),
      ...(ioapics.length === 0
        ? {}
        : { ioapics: ioapics.map((one) => Number(one.fields['ioapic'])) }),
      ...(hpets.length === 0 ? {} : { hpets: hpets.map((one) => Number(one.fields['hpet'])) }),
      ...(used.length === 0 || used.some((one) => one.dev === dev) ? {} : { unused: true }),
      ...(left_on.length === 0 ? {} : { left_on }),
    });
  }
  return units;
}

function leftOn(observations: readonly Observation[], unit: string): readonly VtdFunction[] {
  const isSaid = (row: string) => rowsOf(observations, row).some(({ dev }) => dev === unit);
  return [
    ...(isSaid('dmar-was-on') ? ['translation' as const] : []),
    ...(isSaid('dmar-ir-was-on') ? ['interrupts' as const] : []),
  ];
}

/** The table as the kernel printed it; null where its first line is missing. */
function tableOf(observations: readonly Observation[]): DmarTable | null {
  const each = <T>(row: string, read: (fields: Observation['fields']) => T): readonly T[] =>
    rowsOf(observations, row).map(({ fields }) => read(fields));
  const [width] = each('dmar-width', ({ bits }) => Number(bits));
  if (width === undefined) return null;
  const rmrr = each('dmar-rmrr', ({ base, end }) => ({ base: wide(base), end: wide(end) }));
  const atsr = each('dmar-atsr', ({ flags }) => integer(flags));
  const rhsa = each('dmar-rhsa', ({ base, node }) => ({ base: wide(base), node: integer(node) }));
  const satc = each('dmar-satc', ({ flags }) => integer(flags));
  const optOut = rowsOf(observations, 'dmar-ir-opt-out').length > 0;
  const inX2apic = each('dmar-ir-enabled', ({ mode }) => mode === 'x2apic').includes(true);
  return {
    width,
    ...(optOut ? { x2apic_opt_out: true } : {}),
    ...(rmrr.length === 0 ? {} : { rmrr }),
    ...(atsr.length === 0 ? {} : { atsr }),
    ...(rhsa.length === 0 ? {} : { rhsa }),
    ...(satc.length === 0 ? {} : { satc }),
    ...(optOut || inX2apic ? { x2apic: true } : {}),
  };
}

/** By device, the ranges that the kernel mapped for it, or one of which it only is known that there is one. */
function reservedOf(observations: readonly Observation[]): ReadonlyMap<string, ReservedRegion[]> {
  const found = new Map<string, ReservedRegion[]>();
  for (const { dev } of rowsOf(observations, 'dmar-default-dma'))
    if (dev !== null && isPciName(dev)) found.set(dev, [{ type: 'direct', via: 'rmrr' }]);
  for (const { dev, fields } of rowsOf(observations, 'dmar-private-rmrr')) {
    const ends = /^(0x[0-9a-f]{1,12}) - (0x[0-9a-f]{1,12})$/.exec(fields['range'] ?? '');
    if (dev === null || ends === null) continue;
    const [start, end] = [Number(ends[1]), Number(ends[2])];
    const region: ReservedRegion = { type: 'direct', via: 'rmrr', start, length: end - start + 1 };
    const known = found.get(dev)?.filter((one) => one.start !== undefined) ?? [];
    found.set(dev, [...known, region]);
  }
  return found;
}
