/** What scenarios say of DMA: from places, and back to YAML. */
import type {
  Arch,
  BootMapping,
  DeviceSpec,
  DriverSpec,
  ReservedRegion,
} from '../events/machine.ts';
import { type Fields, fieldsOf, flagAt, integerOf, itemsOf, oneOf } from './decode.ts';
import { type Entry, hex, listOf, map, maybe, plain } from './print-yaml.ts';
import type { Place } from './yaml-source.ts';

const ARCHES: readonly Arch[] = ['arm', 'arm64'];
const BOOT_MAPPINGS: readonly BootMapping[] = ['translate', 'bypass', 'none'];
const REGION_TYPES: readonly ReservedRegion['type'][] = ['direct', 'direct-relaxable', 'reserved'];
const REGION_SOURCES: readonly ReservedRegion['via'][] = ['rmr', 'dt', 'rmrr'];
const NOTIFIER_OPS = ['arm_dma_ops', 'arm_coherent_dma_ops'] as const;

export function readArch(fields: Fields): { readonly arch?: Arch } {
  const arch = fields.get('arch');
  return arch === undefined ? {} : { arch: oneOf(arch, ARCHES) };
}

type DeviceDma = Pick<DeviceSpec, SmmuNumber | 'boot_mapping' | 'reserved' | 'notifier_dma_ops'>;

/** What firmware counts of an SMMU, or is known of one. */
const SMMU_NUMBERS = ['contexts', 'stream_match_mask', 'global_irqs', 'context_irqs'] as const;
type SmmuNumber = (typeof SMMU_NUMBERS)[number];

export function readDeviceDma(fields: Fields): DeviceDma {
  const mapping = fields.get('boot_mapping');
  const reserved = fields.get('reserved');
  const notifier = fields.get('notifier_dma_ops');
  return {
    ...numbersOf(SMMU_NUMBERS, fields),
    ...(mapping === undefined ? {} : { boot_mapping: oneOf(mapping, BOOT_MAPPINGS) }),
    ...(reserved === undefined ? {} : { reserved: itemsOf(reserved).map(readRegion) }),
    ...(notifier === undefined ? {} : { notifier_dma_ops: oneOf(notifier, NOTIFIER_OPS) }),
  };
}

/** The keys that have a number. */
function numbersOf<K extends string>(keys: readonly K[], fields: Fields): { [key in K]?: number } {
  const found: { [key in K]?: number } = {};
  for (const key of keys) {
    const place = fields.get(key);
    if (place !== undefined) found[key] = integerOf(place);
  }
  return found;
}

function readRegion(place: Place): ReservedRegion {
  const fields = fieldsOf(place, ['type', 'via', 'start', 'length']);
  return {
    type: oneOf(fields.need('type'), REGION_TYPES),
    via: oneOf(fields.need('via'), REGION_SOURCES),
    ...numbersOf(['start', 'length'], fields),
  };
}

export function printDeviceDma(device: DeviceDma): readonly Entry[] {
  const { boot_mapping, reserved, notifier_dma_ops } = device;
  return [
    maybe('contexts', device.contexts, String),
    maybe('stream_match_mask', device.stream_match_mask, hex),
    maybe('global_irqs', device.global_irqs, String),
    maybe('context_irqs', device.context_irqs, String),
    boot_mapping === undefined ? null : ['boot_mapping', boot_mapping],
    reserved === undefined ? null : ['reserved', listOf(reserved.map(printRegion))],
    notifier_dma_ops === undefined ? null : ['notifier_dma_ops', notifier_dma_ops],
  ];
}

function printRegion({ type, via, start, length }: ReservedRegion) {
  return map([
    ['type', plain(type)],
    ['via', plain(via)],
    maybe('start', start, hex),
    maybe('length', length, hex),
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
