import type { DeviceSpec } from '../../events/machine.ts';
import {
  binaryOf,
  byteAt,
  type ConfigSpace,
  capability,
  extendedCapability,
  subsystemOf,
  wordAt,
} from './pci-config.ts';

/** What the platform's firmware lets the kernel control on PCI Express ports (_OSC). */
export interface NativeControl {
  readonly hotplug: boolean;
  readonly aer: boolean;
  readonly pme: boolean;
  /** AER is offered on every port; later kernels offer it on root ports and collectors only. */
  readonly aerEverywhere: boolean;
}

const ROOT_PORT = 4;
const UPSTREAM = 5;
const DOWNSTREAM = 6;
const EVENT_COLLECTOR = 10;

const VIRTIO_VENDOR = 0x1af4;
const VIRTIO_MODERN = 0x1040;
const VIRTIO_IOMMU = 0x17;
/** QEMU's name for a virtio device in the place of its number, until the model numbers it. */
const VIRTIO_NAME = 'virtio%d';

/**
 * The services that pcieport makes devices of when it binds to a port, under the kernel's names:
 * PME 1, AER 2, hotplug 4, DPC 8, bandwidth notification 0x10, with 0x100 for each step of the port
 * type past root port.
 *
 * Kernel: drivers/pci/pcie/portdrv_core.c:get_port_device_capability, pcie_device_init, v6.1.
 * Leaves out: a port without interrupts, pcie_ports= and the options that leave services out.
 */
export function portServices(config: ConfigSpace, native: NativeControl): DeviceSpec[] {
  const table = binaryOf(config);
  const express = capability(table, 0x10);
  if (express === null) return [];
  const flags = wordAt(table, express + 2);
  const type = (flags >> 4) & 0xf;
  if (![ROOT_PORT, UPSTREAM, DOWNSTREAM, EVENT_COLLECTOR].includes(type)) return [];
  const hasSlot = (flags & 0x100) !== 0 && (wordAt(table, express + 0x14) & 0x40) !== 0;
  const hasLink = type === ROOT_PORT || type === DOWNSTREAM;
  const isRoot = type === ROOT_PORT || type === EVENT_COLLECTOR;
  const offersAer = native.aer && (isRoot || native.aerEverywhere);
  const aer = offersAer && extendedCapability(table, 0x01) !== null;
  const services = [
    native.pme && isRoot ? 0x01 : 0,
    aer ? 0x02 : 0,
    native.hotplug && hasLink && hasSlot ? 0x04 : 0,
    aer && extendedCapability(table, 0x1d) !== null ? 0x08 : 0,
    hasLink && (wordAt(table, express + 0x0e) & 0x20) !== 0 ? 0x10 : 0,
  ];
  return services
    .filter((service) => service !== 0)
    .map((service) => serviceSpec(config.name, (((type - ROOT_PORT) & 0xf) << 8) | service));
}

/** The device of a port's service: `id` is the service and, above it, the port type. */
export function serviceSpec(port: string, id: number): DeviceSpec {
  const name = `${port}:pcie${id.toString(16).padStart(3, '0')}`;
  const ids = [`pci_express:${(id & 0xff).toString(16).padStart(3, '0')}:${id >> 8}`];
  return { name, bus: 'pci_express', parent: port, ids };
}

const SERVICE = /^(.+):pcie([0-9a-f]{3})$/;

/** The device of a port's service by its name: `0000:00:01.0:pcie004`; null for another name. */
export function serviceNamed(name: string): DeviceSpec | null {
  const [, port = '', id] = SERVICE.exec(name) ?? [];
  return id === undefined ? null : serviceSpec(port, Number.parseInt(id, 16));
}

/**
 * The virtio device that virtio-pci makes of a function when it binds, or none. Its name is left as
 * `virtio%d`: the number is the lowest that is free then.
 *
 * Kernel: drivers/virtio/virtio_pci_modern_dev.c, virtio_pci_legacy_dev.c, v6.1.
 */
export function virtioChildren(config: ConfigSpace): DeviceSpec[] {
  const table = binaryOf(config);
  const device = wordAt(table, 2);
  if (wordAt(table, 0) !== VIRTIO_VENDOR || device < 0x1000 || device > 0x107f) return [];
  const [vendor, subsystem] = subsystemOf(table);
  const id = device >= VIRTIO_MODERN ? device - VIRTIO_MODERN : subsystem;
  return [virtioSpec(config.name, id, vendor)];
}

/** The device on the virtio bus that a transport makes, of that virtio id and vendor. */
export function virtioSpec(parent: string, id: number, vendor: number): DeviceSpec {
  const hex = (value: number) => value.toString(16).toUpperCase().padStart(8, '0');
  const ids = [`virtio:d${hex(id)}v${hex(vendor)}`];
  const spec = { name: VIRTIO_NAME, bus: 'virtio', parent, ids };
  return id === VIRTIO_IOMMU ? { ...spec, iommu_kind: 'virtio-iommu' } : spec;
}

/** Bus numbers behind a bridge, first and last; null for what is none. */
export function busesBehind(config: ConfigSpace): readonly [number, number] | null {
  const table = binaryOf(config);
  if ((byteAt(table, 0x0e) & 0x7f) !== 1) return null;
  return [byteAt(table, 0x19), byteAt(table, 0x1a)];
}
