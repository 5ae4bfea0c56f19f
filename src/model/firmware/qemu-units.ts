/**
 * What the IOMMUs of QEMU's machines are made of, which follows from the options they were made with.
 *
 * Source: QEMU, hw/i386/intel_iommu.c:vtd_init and vtd_decide_config, hw/virtio/virtio-iommu.c:
 * virtio_iommu_device_realize, v7.0 to v8.1. Later releases have other defaults.
 */
import type { VirtioIommuUnit, VtdUnit } from '../../events/iommu-units.ts';
import type { Dmar, DmarUnit } from './dmar.ts';

/** The options of a device by name, as far as any were given. */
export type QemuOptions = ReadonlyMap<string, string>;

/** Options of `intel-iommu` whose effect is known here; DMAR tells of the last three. */
const VTD_OPTIONS = [
  'caching-mode',
  'dma-drain',
  'pt',
  'eim',
  'intremap',
  'device-iotlb',
  'aw-bits',
];
/** Options of `virtio-iommu-pci` whose effect is known here, and such as only place it. */
const VIRTIO_OPTIONS = ['boot-bypass', 'id', 'bus', 'addr'];

const isOn = (options: QemuOptions, name: string, byDefault: boolean): boolean => {
  const value = options.get(name);
  return value === undefined ? byDefault : ['on', 'true', 'yes'].includes(value);
};

/** A value in a register, from its lowest bit. */
const at = (value: number, bit: number): bigint => BigInt(value) << BigInt(bit);

/**
 * A VT-d unit of QEMU, software emulation of the processor: its interrupts carry no ids of x2APIC unless
 * that is asked for.
 *
 * @returns null for options of which it is not known what they do.
 */
export function qemuVtd(unit: DmarUnit, dmar: Dmar, options: QemuOptions): VtdUnit | null {
  if ([...options.keys()].some((name) => !VTD_OPTIONS.includes(name))) return null;
  const { width, atsr } = dmar.table;
  let cap = at(0x22, 24) | at(18, 48) | at(1, 39) | at(3, 34) | at(6, 0) | at(width - 1, 16);
  if (isOn(options, 'dma-drain', true)) cap |= at(3, 54);
  cap |= at(width >= 48 ? 6 : 2, 8);
  if (isOn(options, 'caching-mode', false)) cap |= at(1, 7);
  let ecap = at(1, 1) | at(0xf, 8);
  if (dmar.intr_remap) ecap |= at(1, 3) | at(0xf, 20);
  if (dmar.intr_remap && isOn(options, 'eim', false)) ecap |= at(1, 4);
  if (atsr !== undefined) ecap |= at(1, 2);
  if (isOn(options, 'pt', true)) ecap |= at(1, 6);
  return { ...unit, ver: '1:0', cap: `0x${cap.toString(16)}`, ecap: `0x${ecap.toString(16)}` };
}

/**
 * A virtio-iommu of QEMU's Arm board: all of 64 bits, pages from 4 KiB on, and what is attached to nothing
 * reaches memory unless that is switched off. It lets pass what is written to the interrupt controller.
 *
 * @returns null for options of which it is not known what they do.
 */
export function qemuVirtioIommu(options: QemuOptions): VirtioIommuUnit | null {
  if ([...options.keys()].some((name) => !VIRTIO_OPTIONS.includes(name))) return null;
  return {
    input_bits: 64,
    page_size_mask: '0xfffffffffffff000',
    bypass: isOn(options, 'boot-bypass', true),
    msi: { base: '0x8090000', end: '0x809ffff' },
  };
}
