import type { DeviceSpec, Machine } from '../events/machine.ts';
import type { SysfsSnapshot } from '../import/sysfs-file.ts';
import { devicetreeDevices } from '../model/firmware/devicetree.ts';
import { type Dmar, parseDmar } from '../model/firmware/dmar.ts';
import { type FdtNode, parseFdt, stringsOf } from '../model/firmware/fdt.ts';
import { type Iort, parseIort } from '../model/firmware/iort.ts';
import { withKnownRegisters } from '../model/firmware/known-registers.ts';
import {
  type NativeControl,
  portServices,
  serviceSpec,
  virtioChildren,
  virtioSpec,
} from '../model/firmware/pci-children.ts';
import { type ConfigSpace, parsePciConfig, scanPci } from '../model/firmware/pci-config.ts';
import { cmdlineOf, parameterOf } from './kernel-spec.ts';
import { childrenListed, inLogOrder, listedDevices, softwareDevices } from './listed-devices.ts';
import { functionsOfLog } from './pci-log.ts';
import { withQemuUnits } from './qemu-line.ts';
import type { MachineFiles, Session } from './session.ts';

/** What firmware and the PCI scan have to say about a machine. */
export interface Firmware {
  readonly kind: Machine['firmware'];
  /** The devicetree, when the kernel made devices from it. */
  readonly tree: FdtNode | null;
  /** In the order of creation; functions after the bridge they hang from. */
  readonly devices: readonly DeviceSpec[];
  /** The DMAR table, where the insides of all its units are known. */
  readonly dmar: Dmar['table'] | null;
  /** Devices that code makes without firmware asking: `reg-dummy`, `serial8250`. */
  readonly software: readonly DeviceSpec[];
}

/** The host bridge's own device where no platform device stands for it. */
const ROOT_BUS = 'pci0000:00';

/** The machine's files, each the session's own or else its twin's. */
export function machineFilesOf(session: Session, twin: Session | null): MachineFiles {
  const own = session.machine;
  const other = twin?.machine ?? null;
  const hasPci = own.pciConfig !== null && own.pciConfig.trim() !== '';
  return {
    fdt: own.fdt ?? other?.fdt ?? null,
    iort: own.iort ?? other?.iort ?? null,
    dmar: own.dmar ?? other?.dmar ?? null,
    pciConfig: hasPci ? own.pciConfig : (other?.pciConfig ?? null),
    modalias: own.modalias ?? other?.modalias ?? null,
    drivers: own.drivers ?? other?.drivers ?? null,
    config: own.config ?? other?.config ?? null,
  };
}

/** `first` is the state before the first action, of the session or its twin: names and ids only. */
export function firmwareOf(
  session: Session,
  files: MachineFiles,
  first: SysfsSnapshot | null,
  version: string,
): Firmware {
  const cmdline = cmdlineOf(session);
  const strict = parameterOf(cmdline, 'fw_devlink.strict') === '1';
  const root = files.fdt === null ? null : parseFdt(files.fdt);
  const ofTree =
    root === null
      ? []
      : withKnownRegisters(
          devicetreeDevices(root, { strict, amba: true }),
          stringsOf(root, 'compatible'),
        );
  const configs = files.pciConfig === null ? [] : parsePciConfig(files.pciConfig);
  const usesAcpi = ofTree.length === 0 && isAcpi(session, files);
  const dmar = files.dmar === null || !usesAcpi ? null : parseDmar(files.dmar, configs);
  const platform = usesAcpi
    ? inLogOrder(acpiDevices(files, dmar), session.dmesg ?? '')
    : ofTree.length > 0
      ? ofTree
      : listedDevices(session.dmesg, files, first);
  const bridge = hostBridgeOf(platform);
  const native = nativeControl(session, usesAcpi, version);
  const functions =
    configs.length > 0
      ? scanPci(configs, bridge).map(({ spec, config }) => withChildren(spec, config, native))
      : functionsOfLog(session.dmesg ?? '', bridge).map((spec) => withServices(spec, session));
  const transports = platform.map((device) => withVirtio(device, session));
  const made = childrenListed([...transports, ...functions], files, first);
  const devices = withQemuUnits(made, session.cmdline, dmar);
  const known = devices.every(({ iommu_kind, vtd }) => iommu_kind !== 'intel' || vtd !== undefined);
  return {
    kind: usesAcpi ? 'acpi' : ofTree.length > 0 || files.fdt === null ? 'devicetree' : 'none',
    tree: ofTree.length > 0 ? root : null,
    devices,
    dmar: known ? (dmar?.table ?? null) : null,
    software: inLogOrder(softwareDevices(files, first, devices), session.dmesg ?? '').map(
      (device) => withVirtio(device, session),
    ),
  };
}

function isAcpi(session: Session, files: MachineFiles): boolean {
  if (files.iort !== null || files.dmar !== null) return true;
  return /\bACPI: (RSDP|Early table)/.test(session.dmesg ?? '');
}

/** SMMUs of the IORT or units of the DMAR, the devices that ACPI names, then the host bridge. */
function acpiDevices(files: MachineFiles, dmar: Dmar | null): DeviceSpec[] {
  const iort: Pick<Iort, 'maker' | 'devices' | 'rootComplexes'> =
    files.iort === null ? { maker: '', devices: [], rootComplexes: [] } : parseIort(files.iort);
  const complex = iort.rootComplexes.find((candidate) => candidate.segment === 0);
  const map = complex?.iommu_map ?? dmar?.iommu_map ?? [];
  const bridge: DeviceSpec = {
    name: ROOT_BUS,
    bus: '',
    parent: null,
    ids: [],
    ...(map.length === 0 ? {} : { iommu_map: map }),
    dma_coherent: complex?.dma_coherent ?? true,
  };
  const smmus = withKnownRegisters(iort.devices, [iort.maker]);
  return [...smmus, ...(dmar?.devices ?? []), ...namedByAcpi(files), bridge];
}

/** A platform device carries its ACPI companion's name and ids: the second row of that name. */
function namedByAcpi(files: MachineFiles): DeviceSpec[] {
  const seen = new Set<string>();
  const devices: DeviceSpec[] = [];
  for (const { name, modalias } of files.modalias ?? []) {
    if (!modalias.startsWith('acpi:')) continue;
    if (seen.has(name)) devices.push({ name, bus: 'platform', parent: null, ids: [modalias] });
    seen.add(name);
  }
  return devices;
}

function hostBridgeOf(devices: readonly DeviceSpec[]): string {
  const bridge = devices.find(
    (device) =>
      device.name === ROOT_BUS ||
      device.iommu_map !== undefined ||
      device.ids.some((id) => id.startsWith('pci-host-')) ||
      device.name.endsWith('.pcie'),
  );
  return bridge?.name ?? ROOT_BUS;
}

/** With a devicetree the kernel owns everything; under ACPI the firmware's _OSC answer says what. */
function nativeControl(session: Session, usesAcpi: boolean, version: string): NativeControl {
  const aerEverywhere = version === '6.1';
  if (!usesAcpi) return { hotplug: true, aer: true, pme: true, aerEverywhere };
  const log = session.dmesg ?? '';
  const granted = /_OSC: OS now controls \[([^\]]*)\]/.exec(log)?.[1]?.split(' ');
  const has = (feature: string) => granted?.includes(feature) ?? true;
  return { hotplug: has('PCIeHotplug'), aer: has('AER'), pme: has('PME'), aerEverywhere };
}

function withChildren(spec: DeviceSpec, config: ConfigSpace, native: NativeControl): DeviceSpec {
  const creates = [...portServices(config, native), ...virtioChildren(config)];
  return creates.length === 0 ? spec : { ...spec, creates };
}

/** Without configuration space the services of a port are the ones that any snapshot lists by name. */
function withServices(spec: DeviceSpec, session: Session): DeviceSpec {
  const prefix = `${spec.name}:pcie`;
  const ids = new Set<number>();
  for (const snapshot of Object.values(session.snapshots))
    for (const { bus, name } of snapshot.devices)
      if (bus === 'pci_express' && name.startsWith(prefix))
        ids.add(Number.parseInt(name.slice(prefix.length), 16));
  if (ids.size === 0) return spec;
  const services = [...ids].sort((a, b) => a - b).map((id) => serviceSpec(spec.name, id));
  return { ...spec, creates: [...services, ...(spec.creates ?? [])] };
}

/**
 * Firmware does not tell what is plugged into a virtio-mmio slot; the device behind it does, and
 * the first snapshot that shows one names its virtio id. Read from it: `bus`, `id` and the path.
 */
function withVirtio(device: DeviceSpec, session: Session): DeviceSpec {
  if (!isVirtioSlot(device)) return device;
  for (const snapshot of Object.values(session.snapshots)) {
    const child = snapshot.devices.find(
      ({ bus, path }) => bus === 'virtio' && path.split('/').at(-2) === device.name,
    );
    const match = /^0x(\w{1,8}):0x(\w{1,8})$/.exec(child?.id ?? '');
    if (match === null) continue;
    const [vendor = 0, id = 0] = match.slice(1).map((hex) => Number.parseInt(hex, 16));
    return { ...device, creates: [virtioSpec(device.name, id, vendor)] };
  }
  return device;
}

/** A slot of virtio-mmio, whatever is in it. */
export function isVirtioSlot(device: DeviceSpec): boolean {
  return device.ids.includes('virtio,mmio') || device.ids.includes('acpi:LNRO0005:');
}
