/** What scenarios say of DMA: from places, and back to YAML. */
import type {
  Arch,
  BootMapping,
  DeviceSpec,
  DriverSpec,
  ReservedRegion,
} from '../events/machine.ts';
import { type Fields, fieldsOf, flagAt, integerOf, itemsOf, oneOf } from './decode.ts';
import { wideOf } from './iommu-units.ts';
import { type Entry, listOf, map, maybe, plain } from './print-yaml.ts';
import type { Place } from './yaml-source.ts';

const ARCHES: readonly Arch[] = ['arm', 'arm64'];
const BOOT_MAPPINGS: readonly BootMapping[] = ['translate', 'bypass', 'none'];
const REGION_TYPES: readonly ReservedRegion['type'][] = ['direct', 'direct-relaxable', 'reserved'];
const REGION_SOURCES: readonly ReservedRegion['via'][] = ['rmr', 'dt', 'rmrr', 'ivmd'];
const NOTIFIER_OPS = ['arm_dma_ops', 'arm_coherent_dma_ops'] as const;

export function readArch(fields: Fields): { readonly arch?: Arch } {
  const arch = fields.get('arch');
  return arch === undefined ? {} : { arch: oneOf(arch, ARCHES) };
}

type DeviceDma = Pick<DeviceSpec, 'contexts' | 'boot_mapping' | 'reserved' | 'notifier_dma_ops'>;

export function readDeviceDma(fields: Fields): DeviceDma {
  const contexts = fields.get('contexts');
  const mapping = fields.get('boot_mapping');
  const reserved = fields.get('reserved');
  const notifier = fields.get('notifier_dma_ops');
  return {
    ...(contexts === undefined ? {} : { contexts: integerOf(contexts) }),
    ...(mapping === undefined ? {} : { boot_mapping: oneOf(mapping, BOOT_MAPPINGS) }),
    ...(reserved === undefined ? {} : { reserved: itemsOf(reserved).map(readRegion) }),
    ...(notifier === undefined ? {} : { notifier_dma_ops: oneOf(notifier, NOTIFIER_OPS) }),
  };
}

function readRegion(place: Place): ReservedRegion {
  const fields = fieldsOf(place, ['type', 'via', 'base', 'end']);
  const base = fields.get('base');
  const end = fields.get('end');
  return {
    type: oneOf(fields.need('type'), REGION_TYPES),
    via: oneOf(fields.need('via'), REGION_SOURCES),
    ...(base === undefined ? {} : { base: wideOf(base) }),
    ...(end === undefined ? {} : { end: wideOf(end) }),
  };
}

export function printDeviceDma(device: DeviceDma): readonly Entry[] {
  const { contexts, boot_mapping, reserved, notifier_dma_ops } = device;
  return [
    contexts === undefined ? null : ['contexts', String(contexts)],
    boot_mapping === undefined ? null : ['boot_mapping', boot_mapping],
    reserved === undefined ? null : ['reserved', listOf(reserved.map(printRegion))],
    notifier_dma_ops === undefined ? null : ['notifier_dma_ops', notifier_dma_ops],
  ];
}

function printRegion({ type, via, base, end }: ReservedRegion) {
  return map([
    ['type', plain(type)],
    ['via', plain(via)],
    maybe('base', base, String),
    maybe('end', end, String),
  ]);
}

type DriverDma = Pick<DriverSpec, 'maps_dma' | 'manages_iommu'>;

export function readDriverDma(fields: Fields): DriverDma {
  const maps = fields.get('maps_dma');
  const manages = fields.get('manages_iommu');
  return {
    ...(maps === undefined ? {} : { maps_dma: flagAt(maps, false) }),
    ...(manages === undefined ? {} : { manages_iommu: flagAt(manages, false) }),
  };
}

export function printDriverDma({ maps_dma, manages_iommu }: DriverDma): readonly Entry[] {
  return [
    maps_dma === undefined ? null : ['maps_dma', String(maps_dma)],
    manages_iommu === undefined ? null : ['manages_iommu', String(manages_iommu)],
  ];
}
