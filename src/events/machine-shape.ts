/** The shapes of machines and kernels in a trace file. */

import {
  amdUnitShape,
  dmarShape,
  ipmmuShape,
  virtioIommuShape,
  vtdUnitShape,
} from './iommu-units-shape.ts';
import type {
  Arch,
  BootMapping,
  BootMemory,
  BootStep,
  DeviceSpec,
  DmaOps,
  DriverSpec,
  Failures,
  InitcallLevel,
  IommuKind,
  IommuMapRow,
  IommuSpec,
  KernelSpec,
  Machine,
  ModuleSpec,
  PcieType,
  PciFunction,
  ReservedRegion,
  SmmuRegisters,
} from './machine.ts';
import type { ObjectShape } from './shape.ts';
import {
  count,
  flag,
  integer,
  listOf,
  name,
  nested,
  object,
  oneOf,
  optional,
  orNull,
  tableWith,
  tagged,
  text,
} from './shape.ts';

/** Devices made by devices made by …: a real machine has three levels. */
const DEVICE_DEPTH_MAX = 16;

const uint = count();
const names = listOf(name);

const pciFunction = object<PciFunction>({
  vendor: count(0xffff),
  device: count(0xffff),
  class: count(0xffffff),
  header: count(0x7f),
  bars: optional(listOf(count(5))),
  multifunction: flag,
  pcie: orNull(
    oneOf<PcieType>({
      endpoint: true,
      'legacy-endpoint': true,
      'root-port': true,
      upstream: true,
      downstream: true,
      'pcie-to-pci': true,
      'pci-to-pcie': true,
      'rc-endpoint': true,
      'rc-event-collector': true,
    }),
  ),
  acs_capable: flag,
  acs_enabled: flag,
  slot: optional(count(0x1fff)),
});

const iommuKind = oneOf<IommuKind>({
  'arm-smmu': true,
  'arm-smmu-v3': true,
  'virtio-iommu': true,
  intel: true,
  amd: true,
  'ipmmu-vmsa': true,
});

const reservedRegion = object<ReservedRegion>({
  type: oneOf<ReservedRegion['type']>({ direct: true, 'direct-relaxable': true, reserved: true }),
  via: oneOf<ReservedRegion['via']>({ dt: true, ivmd: true, rmr: true, rmrr: true }),
  start: optional(uint),
  length: optional(uint),
});

const bootMemory = object<BootMemory>({
  start: uint,
  length: uint,
  tables: optional(flag),
  reserved: optional(flag),
  unseen: optional(flag),
});

export const deviceShape = nested<DeviceSpec>(DEVICE_DEPTH_MAX, () => deviceFields);
const deviceFields: ObjectShape<DeviceSpec> = object<DeviceSpec>({
  name,
  bus: name,
  parent: orNull(name),
  ids: names,
  disabled: optional(flag),
  of_disabled: optional(flag),
  iommu_kind: optional(iommuKind),
  dma_coherent: optional(flag),
  snoops: optional(flag),
  registers: optional(
    object<SmmuRegisters>({
      ID0: optional(uint),
      ID1: optional(uint),
      ID2: optional(uint),
      IDR0: optional(uint),
      IDR1: optional(uint),
      IDR3: optional(uint),
      IDR5: optional(uint),
    }),
  ),
  stream_match_mask: optional(uint),
  context_irqs: optional(uint),
  isolated_msi: optional(flag),
  caching_mode: optional(flag),
  vtd: optional(vtdUnitShape),
  amd_vi: optional(amdUnitShape),
  viommu: optional(virtioIommuShape),
  ipmmu: optional(ipmmuShape),
  mmu_masters: optional(flag),
  contexts: optional(uint),
  boot_mapping: optional(oneOf<BootMapping>({ translate: true, bypass: true, none: true })),
  reserved: optional(listOf(reservedRegion)),
  boot_memory: optional(listOf(bootMemory)),
  notifier_dma_ops: optional(
    oneOf<Exclude<DmaOps, 'iommu_ops'>>({ arm_dma_ops: true, arm_coherent_dma_ops: true }),
  ),
  iommus: optional(
    listOf(object<IommuSpec>({ iommu: name, ids: listOf(uint), masks: optional(listOf(uint)) })),
  ),
  suppliers: optional(names),
  match_defers_on: optional(names),
  child_suppliers: optional(names),
  iommu_map: optional(
    listOf(object<IommuMapRow>({ rid_base: uint, iommu: name, sid_base: uint, length: uint })),
  ),
  iommu_map_mask: optional(uint),
  of_node: optional(name),
  icid: optional(uint),
  external_facing: optional(flag),
  pci: optional(pciFunction),
  creates: optional(listOf(deviceShape)),
});

const initcallLevel = oneOf<InitcallLevel>({
  core: true,
  postcore: true,
  arch: true,
  subsys: true,
  fs: true,
  rootfs: true,
  device: true,
  device_sync: true,
  late: true,
});

export const driverShape = object<DriverSpec>({
  name,
  bus: name,
  module: orNull(name),
  ids: names,
  driver_managed_dma: flag,
  suppress_bind_attrs: flag,
  probe_type: oneOf<DriverSpec['probe_type']>({ default: true, async: true, sync: true }),
  initcall: optional(initcallLevel),
  shutdown: optional(oneOf<NonNullable<DriverSpec['shutdown']>>({ quiesce: true, remove: true })),
  pasid: optional(flag),
  sync_state: optional(flag),
  cleans_up: optional(flag),
  outcomes: optional(tableWith(listOf(integer))),
  outcome: optional(integer),
  defers_on: optional(tableWith(names)),
  defer_reasons: optional(tableWith(text)),
  maps_dma: optional(flag),
  manages_iommu: optional(flag),
});

type BootFields<S extends BootStep['step']> = Omit<Extract<BootStep, { step: S }>, 'step'>;
const bootSteps: { readonly [S in BootStep['step']]: ObjectShape<BootFields<S>> } = {
  populate: object({}),
  device: object({ dev: name }),
  driver: object({ bus: name, drv: name }),
  iommu: object({ iommu: name }),
  iommu_subsys: object({}),
  late_initcall: object({}),
};

const moduleShape = object<ModuleSpec>({
  name,
  depends: names,
  unresolved: optional(names),
  init: optional(integer),
  no_exit: optional(flag),
});

export const machineShape = object<Machine>({
  firmware: oneOf<Machine['firmware']>({ devicetree: true, acpi: true, none: true }),
  arch: optional(oneOf<Arch>({ arm: true, arm64: true })),
  dmar: optional(dmarShape),
  devices: listOf(deviceShape),
  drivers: listOf(driverShape),
  modules: listOf(moduleShape),
  boot: listOf(tagged<BootStep>('step', bootSteps)),
  failures: optional(
    object<Failures>({
      iommu_group_alloc: optional(tableWith(listOf(integer))),
      iommu_domain_alloc: optional(tableWith(listOf(integer))),
    }),
  ),
});

export const kernelShape = object<KernelSpec>({
  version: name,
  release: orNull(name),
  config: tableWith(name),
  cmdline: text,
  patches: tableWith(flag),
});
