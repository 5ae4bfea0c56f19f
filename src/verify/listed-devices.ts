/** Devices known only from being listed: by name in a snapshot, or in a verbose log. */
import type { DeviceSpec } from '../events/machine.ts';
import type { SysfsSnapshot } from '../import/sysfs-file.ts';
import { iommuKindOf } from '../model/firmware/of-iommu-properties.ts';
import type { MachineFiles } from './session.ts';

/** What a name says of the device's ids where no table and no modalias tells. */
const IDS_BY_NAME: readonly (readonly [RegExp, ...string[]])[] = [
  [/\.pcie$/, 'pci-host-ecam-generic'],
  [/\.smmuv3$/, 'arm,smmu-v3'],
  [/\.virtio_mmio$/, 'virtio,mmio'],
  [/\.pl011$/, 'arm,pl011'],
  [/\.pl031$/, 'arm,pl031'],
  [/\.pl061$/, 'arm,pl061'],
  [/^gpio-keys$/, 'gpio-keys'],
  [/^lab-regulator$/, 'regulator-fixed'],
  [/^dev-/, 'lab,test'],
  [/^platform-bus@/, 'qemu,platform', 'simple-bus'],
];

interface Listed {
  readonly name: string;
  readonly bus: string;
}

/**
 * Without firmware tables: the platform and AMBA devices that a verbose log reports before the first
 * action, in its order, else those that the first snapshot lists, in no order. A host bridge is taken to be wholly behind
 * the one IOMMU that is listed.
 */
export function listedDevices(
  log: string | null,
  files: MachineFiles,
  first: SysfsSnapshot | null,
): DeviceSpec[] {
  const topLevel = first?.devices.filter(({ path }) => /^platform\/[^/]+$/.test(path)) ?? [];
  const inSnapshot = topLevel.flatMap(({ name, bus }) => (bus === null ? [] : [{ name, bus }]));
  const inLog = addedInLog(log ?? '');
  const found = inLog.length > 0 ? inLog : inSnapshot;
  const devices = found
    .filter(({ bus, name }) => (bus === 'platform' || bus === 'amba') && !isSoftware(name))
    .map((device) => specOf(device, files));
  const iommu = devices.find((device) => device.iommu_kind !== undefined)?.name;
  if (iommu === undefined) return devices;
  const row = { rid_base: 0, iommu, sid_base: 0, length: 0x10000 };
  return devices.map((device) =>
    device.ids.some((id) => id.startsWith('pci-host-')) ? { ...device, iommu_map: [row] } : device,
  );
}

/** A name that firmware code did not give: neither by address nor one of a devicetree's own. */
function isSoftware(name: string): boolean {
  return /^(reg-dummy|serial8250|i8042|pcspkr|alarmtimer.*|.*\.\d+)$/.test(name);
}

function addedInLog(log: string): Listed[] {
  const found = new Map<string, Listed>();
  for (const line of log.split('\n')) {
    if (line.includes('reprobe-action: ')) break;
    const match = /\bbus: '(platform|amba)': add device (\S+)$/.exec(line.trimEnd());
    const [, bus = '', name = ''] = match ?? [];
    if (match !== null && !found.has(name)) found.set(name, { bus, name });
  }
  return [...found.values()];
}

/** The devices in the order in which a verbose log adds them; those that it does not add go last. */
export function inLogOrder(devices: readonly DeviceSpec[], log: string): DeviceSpec[] {
  const names = new Set(devices.map((device) => device.name));
  const place = new Map<string, number>();
  for (const [number, line] of log.split('\n').entries()) {
    if (line.includes('reprobe-action: ')) break;
    const [, bus, dev = '', busless] = PLACED.exec(line.trimEnd()) ?? [];
    const name = bus === 'platform' || bus === 'amba' ? dev : (busless ?? '');
    if (names.has(name) && !place.has(name)) place.set(name, number);
  }
  const at = ({ name }: DeviceSpec) => place.get(name) ?? Number.MAX_SAFE_INTEGER;
  return devices.toSorted((a, b) => at(a) - at(b));
}

/** A device on its bus, or the root of PCI buses, which is on none. */
const PLACED =
  /\b(?:bus: '([^']+)': add device (\S+)|device: '(pci[0-9a-f]{4}:[0-9a-f]{2})': device_add)$/;

function specOf({ name, bus }: Listed, files: MachineFiles): DeviceSpec {
  const modalias = files.modalias?.find((row) => row.name === name)?.modalias;
  const ids =
    compatibleOf(modalias ?? '') ?? (modalias === undefined ? guessedIds(name) : [modalias]);
  const kind = iommuKindOf(ids);
  const spec = { name, bus, parent: null, ids };
  return kind === null ? spec : { ...spec, iommu_kind: kind, dma_coherent: true };
}

/** The compatible strings of a devicetree modalias, `of:NnameTtypeCfirstCsecond`; null for others. */
function compatibleOf(modalias: string): string[] | null {
  const type = modalias.indexOf('T', 'of:N'.length);
  const first = modalias.indexOf('C', type + 1);
  if (!modalias.startsWith('of:N') || type < 0 || first < 0) return null;
  return modalias.slice(first + 1).split('C');
}

function guessedIds(name: string): string[] {
  const companion = /^([A-Z]{3,4}[0-9A-F]{4}):[0-9a-f]{2}$/.exec(name);
  if (companion !== null) return [`acpi:${companion[1]}:`];
  const [, ...ids] = IDS_BY_NAME.find(([pattern]) => pattern.test(name)) ?? [null];
  return ids.length > 0 ? ids : [`platform:${name.replace(/(\.\d+)?(\.auto)?$/, '')}`];
}

/** Platform devices below another device were made by its driver: a clock chip's alarm timer. */
export function childrenListed(
  devices: readonly DeviceSpec[],
  files: MachineFiles,
  first: SysfsSnapshot | null,
): DeviceSpec[] {
  const names = new Set(devices.map((device) => device.name));
  const children = new Map<string, DeviceSpec[]>();
  for (const { name, bus, path } of first?.devices ?? []) {
    if (bus !== 'platform' || names.has(name)) continue;
    const parent = path
      .split('/')
      .slice(0, -1)
      .findLast((part) => names.has(part));
    if (parent === undefined) continue;
    const spec = { ...specOf({ name, bus }, files), parent };
    children.set(parent, [...(children.get(parent) ?? []), spec]);
  }
  return devices.map((device) => {
    const below = children.get(device.name) ?? [];
    return below.length === 0
      ? device
      : { ...device, creates: [...(device.creates ?? []), ...below] };
  });
}

/** Platform devices that neither firmware nor another device's driver accounts for. */
export function softwareDevices(
  files: MachineFiles,
  first: SysfsSnapshot | null,
  known: readonly DeviceSpec[],
): DeviceSpec[] {
  const names = new Set(known.map((device) => device.name));
  return (first?.devices ?? [])
    .filter(({ bus, name }) => bus === 'platform' && !names.has(name))
    .filter(
      ({ path }) =>
        !path
          .split('/')
          .slice(0, -1)
          .some((part) => names.has(part)),
    )
    .map(({ name }) => specOf({ name, bus: 'platform' }, files));
}
