/** What scenarios say of DMA: from places, and back to YAML. */
import {
  type Arch,
  type BootMemory,
  type DeviceSpec,
  type DriverSpec,
  type ReservedRegion,
  SMMU_REGISTERS,
  type SmmuRegister,
  type SmmuRegisters,
} from '../events/machine.ts';
import { type Fields, fieldsOf, flagAt, integerOf, itemsOf, nameOf, oneOf } from './decode.ts';
import { type Entry, hex, listOf, map, maybe, plain } from './print-yaml.ts';
import { DEVICE_WORDS, MACHINE_WORDS, REGION_WORDS } from './words.ts';
import { fail, type Place } from './yaml-source.ts';

export function readArch(fields: Fields): { readonly arch?: Arch } {
  const arch = fields.get('arch');
  return arch === undefined ? {} : { arch: oneOf(arch, MACHINE_WORDS.arch) };
}

type DeviceDma = Pick<
  DeviceSpec,
  SmmuNumber | 'registers' | 'boot_mapping' | 'boot_memory' | 'reserved' | 'notifier_dma_ops'
>;

/** What firmware counts of an SMMU, or is known of one. */
const SMMU_NUMBERS = ['contexts', 'stream_match_mask', 'context_irqs'] as const;
type SmmuNumber = (typeof SMMU_NUMBERS)[number];

export function readDeviceDma(fields: Fields): DeviceDma {
  const registers = fields.get('registers');
  const mapping = fields.get('boot_mapping');
  const reserved = fields.get('reserved');
  const memory = fields.get('boot_memory');
  const notifier = fields.get('notifier_dma_ops');
  return {
    ...(registers === undefined ? {} : { registers: readRegisters(registers, fields) }),
    ...numbersOf(SMMU_NUMBERS, fields),
    ...(mapping === undefined ? {} : { boot_mapping: oneOf(mapping, DEVICE_WORDS.boot_mapping) }),
    ...(reserved === undefined ? {} : { reserved: itemsOf(reserved).map(readRegion) }),
    ...(memory === undefined ? {} : { boot_memory: itemsOf(memory).map(readBootMemory) }),
    ...(notifier === undefined
      ? {}
      : { notifier_dma_ops: oneOf(notifier, DEVICE_WORDS.notifier_dma_ops) }),
  };
}

/** Registers of 32 bits, those of the kind of SMMU that it is. */
function readRegisters(place: Place, device: Fields): SmmuRegisters {
  const kind = device.get('iommu_kind');
  const names = registersOf(kind === undefined ? '' : nameOf(kind));
  if (names.length === 0)
    return fail(place, 'Only SMMUs of Arm have registers here: see iommu_kind.');
  return numbersOf(names, fieldsOf(place, names), 0xffff_ffff);
}

function registersOf(kind: string): readonly SmmuRegister[] {
  const isV3 = kind === 'arm-smmu-v3';
  if (!isV3 && kind !== 'arm-smmu') return [];
  return SMMU_REGISTERS.filter((name) => name.startsWith('IDR') === isV3);
}

/** The keys that have a number. */
function numbersOf<K extends string>(
  keys: readonly K[],
  fields: Fields,
  max?: number,
): { [key in K]?: number } {
  const found: { [key in K]?: number } = {};
  for (const key of keys) {
    const place = fields.get(key);
    if (place !== undefined) found[key] = integerOf(place, 0, max);
  }
  return found;
}

function readRegion(place: Place): ReservedRegion {
  const fields = fieldsOf(place, ['type', 'via', 'start', 'length']);
  const length = fields.get('length');
  return {
    type: oneOf(fields.need('type'), REGION_WORDS.type),
    via: oneOf(fields.need('via'), REGION_WORDS.via),
    ...numbersOf(['start'], fields),
    ...(length === undefined ? {} : { length: integerOf(length, 1) }),
  };
}

const MEMORY_FLAGS = ['tables', 'reserved', 'unseen'] as const;

function readBootMemory(place: Place): BootMemory {
  const fields = fieldsOf(place, ['start', 'length', ...MEMORY_FLAGS]);
  const memory: Record<string, boolean> = {};
  for (const key of MEMORY_FLAGS) {
    const value = fields.get(key);
    if (value !== undefined) memory[key] = flagAt(value, false);
  }
  const range = {
    start: integerOf(fields.need('start')),
    length: integerOf(fields.need('length'), 1),
  };
  return { ...range, ...memory };
}

export function printDeviceDma(device: DeviceDma): readonly Entry[] {
  const { registers, boot_mapping, boot_memory, reserved, notifier_dma_ops } = device;
  return [
    registers === undefined ? null : ['registers', printRegisters(registers)],
    maybe('contexts', device.contexts, String),
    maybe('stream_match_mask', device.stream_match_mask, hex),
    maybe('context_irqs', device.context_irqs, String),
    boot_mapping === undefined ? null : ['boot_mapping', boot_mapping],
    reserved === undefined ? null : ['reserved', listOf(reserved.map(printRegion))],
    boot_memory === undefined ? null : ['boot_memory', listOf(boot_memory.map(printBootMemory))],
    notifier_dma_ops === undefined ? null : ['notifier_dma_ops', notifier_dma_ops],
  ];
}

function printRegisters(registers: SmmuRegisters) {
  return map(SMMU_REGISTERS.map((name) => maybe(name, registers[name], hex)));
}

function printRegion({ type, via, start, length }: ReservedRegion) {
  return map([
    ['type', plain(type)],
    ['via', plain(via)],
    maybe('start', start, hex),
    maybe('length', length, hex),
  ]);
}

function printBootMemory(memory: BootMemory) {
  return map([
    ['start', hex(memory.start)],
    ['length', hex(memory.length)],
    ...MEMORY_FLAGS.map((key) => maybe(key, memory[key], String)),
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
