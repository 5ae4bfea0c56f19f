/** The emulator's command line for a machine, where QEMU has such a one. */
import type { DeviceSpec, KernelSpec, Machine, PciFunction } from '../../events/machine.ts';
import { parseCmdline } from '../../model/versions/profile.ts';

/** Options, each with its value; what the machine has and QEMU has not. */
export interface QemuLine {
  readonly kind: 'line';
  readonly program: string;
  readonly options: readonly (readonly [option: string, value: string])[];
  readonly lacks: readonly string[];
}
export type Qemu = QemuLine | { readonly kind: 'none'; readonly why: string };

/** The SMMU of QEMU's virt machine, as its device tree and its kernel name it. */
const VIRT_SMMU = ['9050000.smmuv3', 'arm-smmu-v3.0.auto'];

/** Endpoints that QEMU has, by vendor and device id. */
const ENDPOINTS: Readonly<Record<string, string>> = {
  '8086:10d3': 'e1000e,romfile=',
  '8086:100e': 'e1000,romfile=',
  '8086:10c9': 'igb,romfile=',
  '1b36:0010': 'nvme,serial=SERIAL',
  '1b36:000d': 'qemu-xhci',
  '1033:0194': 'nec-usb-xhci',
  '1b36:0005': 'pci-testdev',
  '1234:11e8': 'edu',
  '1234:1111': 'bochs-display',
  '10ec:8139': 'rtl8139,romfile=',
  '8086:2668': 'intel-hda',
  '1af4:1000': 'virtio-net-pci,iommu_platform=on,romfile=',
  '1af4:1041': 'virtio-net-pci,iommu_platform=on,disable-legacy=on,disable-modern=off,romfile=',
  '1af4:1043': 'virtio-serial-pci,iommu_platform=on,disable-legacy=on,disable-modern=off',
  '1af4:1044': 'virtio-rng-pci,iommu_platform=on,disable-legacy=on,disable-modern=off',
  '1af4:1048': 'virtio-scsi-pci,iommu_platform=on,disable-legacy=on,disable-modern=off',
  '1af4:1057': 'virtio-iommu-pci',
};

/** What the machines have without being asked. */
const OWN = ['1b36:0008', '8086:29c0', '8086:2918', '8086:2922', '8086:2930'];

/** Bridges, by their PCI Express type. */
const BRIDGES: Readonly<Record<string, string>> = {
  'root-port': 'pcie-root-port',
  upstream: 'x3130-upstream',
  downstream: 'xio3130-downstream',
  'pcie-to-pci': 'pcie-pci-bridge',
};

const BDF = /^[0-9a-f]{4}:([0-9a-f]{2}):([0-9a-f]{2})\.([0-7])$/;

/**
 * Leaves out what a person chooses: the size of memory, disks, the console.
 *
 * Cost: linear in the devices.
 */
export function qemuOf(machine: Machine, kernel: KernelSpec): Qemu {
  const iommu = iommuOf(machine);
  if (typeof iommu === 'string') return { kind: 'none', why: iommu };
  // A card that is not in its slot at boot is put in later.
  const functions = machine.devices.filter(
    ({ pci, disabled }) => pci !== undefined && disabled !== true,
  );
  const { devices, lacks } = pciDevices(functions, iommu.isX86);
  const others = machine.devices.filter(
    (device) => device.pci === undefined && !isOfMachine(device, iommu.isX86),
  );
  const isAcpi = machine.firmware === 'acpi' && !iommu.isX86;
  const [name = ''] = iommu.parameter.split('=');
  const isSaid = name !== '' && parseCmdline(kernel.cmdline).has(name);
  const parameter = isSaid ? '' : iommu.parameter;
  const cmdline = [iommu.console, kernel.cmdline, isAcpi ? 'acpi=force' : '', parameter];
  return {
    kind: 'line',
    program: iommu.isX86 ? 'qemu-system-x86_64' : 'qemu-system-aarch64',
    options: [
      ['-M', iommu.machine],
      ['-cpu', iommu.isX86 ? 'qemu64' : 'cortex-a57'],
      ['-smp', '2'],
      ['-m', '1024'],
      ['-nodefaults', ''],
      ['-nographic', ''],
      ['-serial', 'mon:stdio'],
      ...(isAcpi ? [['-bios', 'QEMU_EFI.fd'] as const] : []),
      ...[...iommu.devices, ...devices, ...iommu.after].map((one) => ['-device', one] as const),
      ['-kernel', 'IMAGE'],
      ['-initrd', 'INITRD'],
      ['-append', cmdline.filter((word) => word !== '').join(' ')],
    ],
    lacks: [...lacks, ...others.map(({ name }) => name)],
  };
}

interface Iommu {
  readonly machine: string;
  readonly isX86: boolean;
  /** Devices that come before the functions of the machine, and after them. */
  readonly devices: readonly string[];
  readonly after: readonly string[];
  readonly console: string;
  /** What the kernel has to be told to use it. */
  readonly parameter: string;
}

/** The machine with its IOMMU, or why QEMU has none like it. */
function iommuOf(machine: Machine): Iommu | string {
  if (machine.arch === 'arm') return 'QEMU has no 32-bit Arm machine with an IOMMU';
  const iommus = withCreated(machine.devices).filter(({ iommu_kind }) => iommu_kind !== undefined);
  const [first, second] = iommus;
  if (second !== undefined) return `QEMU has no machine with ${iommus.length} IOMMUs`;
  const none = { devices: [], after: [] };
  const virt = { ...none, isX86: false, console: 'console=ttyAMA0', parameter: '' };
  const q35 = { ...none, machine: 'q35', isX86: true, console: 'console=ttyS0' };
  const hasPci = machine.devices.some(({ pci }) => pci !== undefined);
  switch (first?.iommu_kind) {
    case 'arm-smmu-v3':
      return { ...virt, machine: 'virt,iommu=smmuv3,gic-version=3' };
    case 'virtio-iommu':
      return { ...virt, machine: 'virt,gic-version=3', after: virtioIommu(machine) };
    case 'intel':
      return { ...q35, devices: [intelIommu(first)], parameter: 'intel_iommu=on' };
    case 'amd':
      return { ...q35, after: ['amd-iommu'], parameter: '' };
    case undefined:
      return hasPci
        ? { ...virt, machine: 'virt,gic-version=3' }
        : 'the machine has neither an IOMMU nor a PCI bus';
    default:
      return `QEMU has no machine with an IOMMU of the kind ${first?.iommu_kind}`;
  }
}

function intelIommu({ caching_mode }: DeviceSpec): string {
  return `intel-iommu,intremap=on,caching-mode=${caching_mode === true ? 'on' : 'off'}`;
}

/** QEMU has it as a PCI function only. */
function virtioIommu({ devices }: Machine): readonly string[] {
  const isFunction = devices.some(({ pci }) => pci !== undefined && idOf(pci) === '1af4:1057');
  return isFunction ? [] : ['virtio-iommu-pci,bus=pcie.0'];
}

function withCreated(devices: readonly DeviceSpec[]): readonly DeviceSpec[] {
  return devices.flatMap((device) => [device, ...withCreated(device.creates ?? [])]);
}

/** Is it a part of the machine itself: its SMMU, its host bridge, an IOMMU of x86? */
function isOfMachine({ name, iommu_kind, iommu_map, ids }: DeviceSpec, isX86: boolean): boolean {
  if (isX86) return true;
  const isHost = iommu_map !== undefined || ids.includes('pci-host-ecam-generic');
  const isAcpiRoot = ids.some((id) => /PNP0A0[38]/.test(id));
  return isHost || isAcpiRoot || VIRT_SMMU.includes(name) || iommu_kind === 'arm-smmu-v3';
}

function pciDevices(functions: readonly DeviceSpec[], isX86: boolean) {
  const named = new Map(functions.map((device) => [device.name, device]));
  const devices: string[] = [];
  const lacks: string[] = [];
  const buses = new Map<string, string>();
  for (const device of functions) {
    const { name, pci, parent } = device;
    if (pci === undefined || OWN.includes(idOf(pci))) continue;
    const bus = parent !== null && named.has(parent) ? buses.get(parent) : 'pcie.0';
    const [, , slot = '', fn = ''] = BDF.exec(name) ?? [];
    const bridge = pci.pcie === null ? undefined : BRIDGES[pci.pcie];
    const endpoint = ENDPOINTS[idOf(pci)];
    if (bus === undefined || slot === '' || (bridge ?? endpoint) === undefined) {
      lacks.push(`${name} (${idOf(pci)})`);
      continue;
    }
    if (isX86 && name.startsWith('0000:00:1f.')) continue;
    const number = buses.size + 1;
    const of = bridge === undefined ? (endpoint ?? '') : bridgeOptions(bridge, number, pci);
    if (bridge !== undefined) buses.set(name, `br${number}`);
    const at = `addr=0x${Number.parseInt(slot, 16).toString(16)}${fn === '0' && !pci.multifunction ? '' : `.${fn}`}`;
    const multi = pci.multifunction && fn === '0' ? ',multifunction=on' : '';
    devices.push(`${of.replace('SERIAL', `disk${devices.length}`)},bus=${bus},${at}${multi}`);
  }
  return { devices, lacks };
}

function bridgeOptions(bridge: string, number: number, pci: PciFunction): string {
  const id = `${bridge},id=br${number}`;
  const hasSlot = bridge === 'pcie-root-port' || bridge === 'xio3130-downstream';
  const slot = hasSlot ? `,chassis=${number},slot=${pci.slot ?? number}` : '';
  const acs = bridge === 'pcie-root-port' && !pci.acs_capable ? ',disable-acs=on' : '';
  return `${id}${slot}${acs}`;
}

function idOf({ vendor, device }: PciFunction): string {
  const hex = (value: number) => value.toString(16).padStart(4, '0');
  return `${hex(vendor)}:${hex(device)}`;
}
