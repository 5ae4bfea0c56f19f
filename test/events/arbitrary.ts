/** Arbitrary values of the vocabulary, hostile names included, for property tests of all rooms. */
import fc, { type Arbitrary } from 'fast-check';
import type { DmaResult, FaultReason } from '../../src/events/dma-events.ts';
import type {
  EventMap,
  EventOf,
  EventType,
  KernelEvent,
  Origin,
  Recorded,
} from '../../src/events/event.ts';
import type {
  AmdUnit,
  DmarTable,
  VirtioIommuUnit,
  VtdFunction,
  VtdUnit,
} from '../../src/events/iommu-units.ts';
import type {
  Arch,
  BootMapping,
  BootStep,
  DeviceSpec,
  DmaOps,
  DriverSpec,
  Failures,
  IommuKind,
  KernelSpec,
  Machine,
  ModuleSpec,
  PcieType,
  PciFunction,
  ReservedRegion,
} from '../../src/events/machine.ts';
import {
  type Concurrent,
  type ShutdownKind,
  type Stimulus,
  VFIO_CALLS,
} from '../../src/events/stimulus.ts';
import { type Table, tableOf } from '../../src/events/table.ts';
import type { DomainType, LinkState, LinksStatus, StreamType } from '../../src/events/terms.ts';
import { LINK_FLAGS, PRINTK_LEVELS } from '../../src/events/terms.ts';
import { SCHEMA_VERSION, type Trace } from '../../src/events/trace.ts';

/** Names that have broken programs: prototypes, quotes, other planes, YAML and JSON syntax. */
export const HOSTILE_NAMES = [
  '__proto__',
  'constructor',
  'toString',
  'hasOwnProperty',
  '\u0000',
  'a\nb',
  '\ud800',
  '\u2028',
  '\ufffd',
  '\ufeff',
  '💥',
  '"',
  "'",
  '\\',
  ' ',
  '\t',
  '~',
  'null',
  'true',
  '0x10',
  '1e3',
  '-',
  '- a',
  'a: b',
  'a #b',
  '#',
  '*a',
  '&a',
  '!a',
  '%a',
  '@a',
  '`a',
  '|',
  '>',
  '[a]',
  '{a: b}',
  '---',
  '...',
  '<<',
  '?',
  'a,b',
] as const;

const aBdf: Arbitrary<string> = fc
  .tuple(fc.nat(3), fc.nat(0x1f), fc.nat(7))
  .map(([bus, slot, fn]) => `0000:0${bus}:${slot.toString(16).padStart(2, '0')}.${fn}`);

/** Names are never empty. */
export const aName: Arbitrary<string> = fc.oneof(
  { weight: 4, arbitrary: aBdf },
  {
    weight: 3,
    arbitrary: fc.constantFrom('9050000.smmuv3', 'vfio-pci', 'e1000e', 'pci', 'virtio0'),
  },
  { weight: 2, arbitrary: fc.constantFrom(...HOSTILE_NAMES) },
  { weight: 1, arbitrary: fc.string({ minLength: 1, maxLength: 20, unit: 'grapheme' }) },
  { weight: 1, arbitrary: fc.string({ minLength: 1, maxLength: 8, unit: 'binary' }) },
);
export const aText: Arbitrary<string> = fc.oneof(aName, fc.string(), fc.constant(''));
export const aRet: Arbitrary<number> = fc.oneof(
  fc.constantFrom(0, -517, -16, -19, -22, 1),
  fc.maxSafeInteger(),
);
const uint = fc.oneof(fc.nat(20), fc.maxSafeNat());
const range = { start: uint, length: fc.integer({ min: 1, max: 2 ** 40 }) };
const ioRange = { domain: aName, ...range };
const names = fc.array(aName, { maxLength: 3 });

/** A table as the readers make them: without a prototype. */
function aTable<T>(value: Arbitrary<T>): Arbitrary<Table<T>> {
  return fc.array(fc.tuple(aName, value), { maxLength: 4 }).map(tableOf);
}

const aPciFunction: Arbitrary<PciFunction> = fc.record(
  {
    bars: fc.array(fc.nat(5), { minLength: 1, maxLength: 3 }),
    vendor: fc.nat(0xffff),
    device: fc.nat(0xffff),
    class: fc.oneof(fc.constantFrom(0x060400, 0x020000, 0x060700), fc.nat(0xffffff)),
    header: fc.nat(2),
    multifunction: fc.boolean(),
    pcie: fc.constantFrom<PcieType | null>(
      null,
      'endpoint',
      'legacy-endpoint',
      'root-port',
      'upstream',
      'downstream',
      'pcie-to-pci',
      'pci-to-pcie',
      'rc-endpoint',
      'rc-event-collector',
    ),
    acs_capable: fc.boolean(),
    acs_enabled: fc.boolean(),
  },
  {
    requiredKeys: [
      'vendor',
      'device',
      'class',
      'header',
      'multifunction',
      'pcie',
      'acs_capable',
      'acs_enabled',
    ],
  },
);

const aWide = fc
  .bigInt({ min: 0n, max: (1n << 64n) - 1n })
  .map((value) => `0x${value.toString(16)}`);
const someNumbers = fc.array(uint, { maxLength: 2 });

const aVtdUnit: Arbitrary<VtdUnit> = fc.record(
  {
    base: aWide,
    include_all: fc.boolean(),
    ver: aName,
    cap: aWide,
    ecap: aWide,
    ioapics: someNumbers,
    hpets: someNumbers,
    unused: fc.boolean(),
    left_on: fc.subarray<VtdFunction>(['translation', 'interrupts']),
  },
  { requiredKeys: ['base', 'include_all', 'ver', 'cap', 'ecap'] },
);

const anAmdUnit: Arbitrary<AmdUnit> = fc.record(
  {
    dev: aName,
    cap: uint,
    efr: aWide,
    efr2: aWide,
    counters: fc.boolean(),
    interrupts: fc.boolean(),
    ivhd_efr: aWide,
    acpi: fc.array(fc.record({ hid: aName, uid: aText, rdevid: uint }), { maxLength: 2 }),
  },
  { requiredKeys: ['dev', 'cap', 'efr'] },
);

const aVirtioIommuUnit: Arbitrary<VirtioIommuUnit> = fc.record(
  {
    map_unmap: fc.boolean(),
    input_bits: fc.integer({ min: 1, max: 64 }),
    page_size_mask: aWide,
    bypass: fc.boolean(),
    msi: fc.record({ base: aWide, end: aWide }),
  },
  { requiredKeys: [] },
);

export const aDmarTable: Arbitrary<DmarTable> = fc.record(
  {
    width: fc.integer({ min: 1, max: 256 }),
    x2apic_opt_out: fc.boolean(),
    rmrr: fc.array(fc.record({ base: aWide, end: aWide }), { maxLength: 2 }),
    atsr: someNumbers,
    rhsa: fc.array(fc.record({ base: aWide, node: uint }), { maxLength: 2 }),
    satc: someNumbers,
    x2apic: fc.boolean(),
  },
  { requiredKeys: ['width'] },
);

export const deviceFields = {
  name: aName,
  bus: aName,
  parent: fc.option(aName),
  ids: names,
  disabled: fc.boolean(),
  iommu_kind: fc.constantFrom<IommuKind>(
    'arm-smmu',
    'arm-smmu-v3',
    'virtio-iommu',
    'intel',
    'amd',
    'ipmmu-vmsa',
  ),
  of_disabled: fc.boolean(),
  dma_coherent: fc.boolean(),
  snoops: fc.boolean(),
  registers: fc.record({ ID0: uint, IDR0: uint, IDR5: uint }, { requiredKeys: [] }),
  stream_match_mask: uint,
  context_irqs: uint,
  isolated_msi: fc.boolean(),
  caching_mode: fc.boolean(),
  mmu_masters: fc.boolean(),
  vtd: aVtdUnit,
  amd_vi: anAmdUnit,
  viommu: aVirtioIommuUnit,
  ipmmu: fc.record(
    {
      main: aName,
      reserved_context: fc.boolean(),
      takes: fc.constantFrom('all' as const, 'listed' as const, 'none' as const),
    },
    { requiredKeys: [] },
  ),
  iommus: fc.array(
    fc.record(
      {
        iommu: aName,
        ids: fc.array(uint, { maxLength: 3 }),
        masks: fc.array(uint, { maxLength: 3 }),
      },
      { requiredKeys: ['iommu', 'ids'] },
    ),
    { maxLength: 2 },
  ),
  suppliers: names,
  iommu_map: fc.array(fc.record({ rid_base: uint, iommu: aName, sid_base: uint, length: uint }), {
    maxLength: 2,
  }),
  iommu_map_mask: uint,
  of_node: aName,
  icid: uint,
  external_facing: fc.boolean(),
  pci: aPciFunction,
  contexts: uint,
  boot_mapping: fc.constantFrom<BootMapping>('translate', 'bypass', 'none'),
  reserved: fc.array(
    fc.record(
      {
        type: fc.constantFrom<ReservedRegion['type']>('direct', 'direct-relaxable', 'reserved'),
        via: fc.constantFrom<ReservedRegion['via']>('rmr', 'dt', 'rmrr', 'ivmd'),
        ...range,
      },
      { requiredKeys: ['type', 'via'] },
    ),
    { maxLength: 2 },
  ),
  boot_memory: fc.array(
    fc.record(
      {
        ...range,
        tables: fc.boolean(),
        reserved: fc.boolean(),
        unseen: fc.boolean(),
      },
      { requiredKeys: ['start', 'length'] },
    ),
    { maxLength: 2 },
  ),
  notifier_dma_ops: fc.constantFrom<'arm_dma_ops' | 'arm_coherent_dma_ops'>(
    'arm_dma_ops',
    'arm_coherent_dma_ops',
  ),
};
const requiredKeys = ['name', 'bus', 'parent', 'ids'] as const;

/** Only SMMUs have registers, and those of v3 are not those of v2. */
function withOwnRegisters({ registers, ...device }: DeviceSpec): DeviceSpec {
  const { iommu_kind } = device;
  const word = (value = 0): number => value % 2 ** 32;
  if (iommu_kind === 'arm-smmu') return { ...device, registers: { ID0: word(registers?.ID0) } };
  return iommu_kind === 'arm-smmu-v3'
    ? { ...device, registers: { IDR0: word(registers?.IDR0), IDR5: word(registers?.IDR5) } }
    : device;
}

const plainDevice: Arbitrary<DeviceSpec> = fc
  .record(deviceFields, { requiredKeys: [...requiredKeys] })
  .map(withOwnRegisters);

export const aDevice: Arbitrary<DeviceSpec> = fc
  .record(
    {
      ...deviceFields,
      creates: fc.uniqueArray(plainDevice, { maxLength: 2, selector: ({ name }) => name }),
    },
    { requiredKeys: [...requiredKeys] },
  )
  .map(withOwnRegisters);

export const aDriver: Arbitrary<DriverSpec> = fc.record(
  {
    name: aName,
    bus: aName,
    module: fc.option(aName),
    ids: names,
    driver_managed_dma: fc.boolean(),
    suppress_bind_attrs: fc.boolean(),
    probe_type: fc.constantFrom('default', 'async', 'sync'),
    shutdown: fc.constantFrom<NonNullable<DriverSpec['shutdown']>>('quiesce', 'remove'),
    pasid: fc.boolean(),
    sync_state: fc.boolean(),
    cleans_up: fc.boolean(),
    outcomes: aTable(fc.array(aRet, { maxLength: 3 })),
    outcome: aRet,
    defers_on: aTable(names),
    defer_reasons: aTable(aText),
    maps_dma: fc.boolean(),
    manages_iommu: fc.boolean(),
  },
  {
    requiredKeys: [
      'name',
      'bus',
      'module',
      'ids',
      'driver_managed_dma',
      'suppress_bind_attrs',
      'probe_type',
    ],
  },
);

export const aModule: Arbitrary<ModuleSpec> = fc.record({ name: aName, depends: names });

export const aBootStep: Arbitrary<BootStep> = fc.oneof(
  fc.record({ step: fc.constant('populate') }),
  fc.record({ step: fc.constant('device'), dev: aName }),
  fc.record({ step: fc.constant('driver'), bus: aName, drv: aName }),
  fc.record({ step: fc.constant('iommu'), iommu: aName }),
  fc.record({ step: fc.constant('iommu_subsys') }),
  fc.record({ step: fc.constant('late_initcall') }),
);

const someAnswers = fc.dictionary(aName, fc.array(fc.constantFrom(0, -12), { minLength: 1 }), {
  maxKeys: 2,
});
export const someFailures: Arbitrary<Failures> = fc.record(
  { iommu_group_alloc: someAnswers, iommu_domain_alloc: someAnswers },
  { requiredKeys: [] },
);

const aMachine: Arbitrary<Machine> = fc.record(
  {
    firmware: fc.constantFrom('devicetree', 'acpi', 'none'),
    arch: fc.constantFrom<Arch>('arm', 'arm64'),
    devices: fc.array(aDevice, { maxLength: 4 }),
    drivers: fc.array(aDriver, { maxLength: 3 }),
    modules: fc.array(aModule, { maxLength: 3 }),
    boot: fc.array(aBootStep, { maxLength: 3 }),
    failures: someFailures,
  },
  { requiredKeys: ['firmware', 'devices', 'drivers', 'modules', 'boot'] },
);

export const aKernel: Arbitrary<KernelSpec> = fc.record({
  version: fc.constantFrom('6.1', '6.12', '5.10'),
  release: fc.option(aName),
  config: aTable(aName),
  cmdline: aText,
  patches: aTable(fc.boolean()),
});

const group = fc.nat(20);
const dev = { dev: aName };
const devDrv = { dev: aName, drv: aName };
const busDrv = { bus: aName, drv: aName };

type StimulusFields<D extends Stimulus['do']> = Omit<Extract<Stimulus, { do: D }>, 'do'>;
const concurrent: { readonly [D in Concurrent['do']]: Arbitrary<StimulusFields<D>> } = {
  device_add: fc.record(dev),
  driver_register: fc.record(busDrv),
  late_initcall: fc.record({}),
  modprobe: fc.record({ module: aName, params: aText }),
  insmod: fc.record({ module: aName, params: aText }),
  rmmod: fc.record({ module: aName, force: fc.boolean() }),
  bind: fc.record({ ...busDrv, dev: aName }),
  unbind: fc.record({ ...busDrv, dev: aName }),
  new_id: fc.record({ ...busDrv, id: aName }),
  remove_id: fc.record({ ...busDrv, id: aName }),
  drivers_probe: fc.record({ bus: aName, dev: aName }),
  drivers_autoprobe: fc.record({ bus: aName, on: fc.boolean() }),
  rescan: fc.record({ dev: fc.option(aName) }),
  driver_override: fc.record({ bus: aName, dev: aName, drv: fc.option(aName) }),
  remove: fc.record(dev),
  group_type: fc.record({ group, value: aName }),
  vfio: fc.record(
    {
      group: aName,
      dev: aName,
      dma: fc.boolean(),
      nocontainer: fc.boolean(),
      nodevice: fc.boolean(),
      hold: fc.option(aName),
      req: fc.boolean(),
      iommufd: aName,
      maps: fc.array(fc.record({ iova: uint, size: uint }), { maxLength: 2 }),
    },
    { requiredKeys: ['group', 'dev', 'dma', 'nocontainer', 'nodevice', 'hold'] },
  ),
  vfio_ioctl: fc.record(
    {
      hold: aName,
      call: fc.constantFrom(...VFIO_CALLS),
      dev: fc.option(aName),
      iova: uint,
      size: uint,
    },
    { requiredKeys: ['hold', 'call', 'dev'] },
  ),
  dma: fc.record({ ...dev, addr: uint, write: fc.boolean(), cacheable: fc.boolean() }),
  page_alloc: fc.record(range),
  vfio_release: fc.record({ hold: aName }),
  module_param: fc.record({ module: aName, param: aName, value: aText }),
  deferred_probe_timeout: fc.record({}),
  plug: fc.record({ ...dev, present: fc.boolean() }),
  slot_power: fc.record({ slot: aName, on: fc.boolean() }),
  shutdown: fc.record({ how: fc.constantFrom<ShutdownKind>('reboot', 'poweroff', 'halt') }),
  note: fc.record({ text: aText }),
};

function concurrentOf<D extends Concurrent['do']>(word: D): Arbitrary<Concurrent> {
  const fields: Arbitrary<object> = concurrent[word];
  // The fields are those of the variant `word`, by the type of `concurrent`.
  return fields.map((rest) => ({ do: word, ...rest }) as Concurrent);
}

const aConcurrent: Arbitrary<Concurrent> = fc.oneof(
  ...(Object.keys(concurrent) as Concurrent['do'][]).map(concurrentOf),
);

export const aStimulus: Arbitrary<Stimulus> = fc.oneof(
  { weight: 1, arbitrary: fc.constant<Stimulus>({ do: 'boot' }) },
  { weight: 20, arbitrary: aConcurrent },
  {
    weight: 2,
    arbitrary: fc.record({
      do: fc.constant('together'),
      steps: fc.array(aConcurrent, { minLength: 1, maxLength: 3 }),
    }),
  },
  {
    weight: 2,
    arbitrary: fc.record({
      do: fc.constant('meanwhile'),
      line: aText,
      nth: fc.integer({ min: 1, max: 9 }),
      step: aConcurrent,
    }),
  },
);

const nothing = fc.record({});
const aDev = fc.record(dev);
const aDevDrv = fc.record(devDrv);
const aDevDrvRet = fc.record({ ...devDrv, ret: aRet });
const aBusDrv = fc.record(busDrv);
const aDriverId = fc.record({ ...busDrv, id: aName });
const ofModule = fc.record({ module: aName });
const moduleBy = fc.record({ module: aName, by: aName });
const linkEnds = { consumer: aName, supplier: aName };
const link = fc.record(linkEnds);
const linkFlags = fc.uniqueArray(fc.constantFrom(...LINK_FLAGS), { maxLength: 4 });
const linkState = fc.constantFrom<LinkState>(
  'NONE',
  'DORMANT',
  'AVAILABLE',
  'CONSUMER_PROBE',
  'ACTIVE',
  'SUPPLIER_UNBIND',
);
const ofGroup = fc.record({ group });
const devInGroup = fc.record({ ...dev, group });
const vfioGroup = fc.record({ group: aName });
const failure = fc.record({ at: aName, what: aText });
const domain = fc.constantFrom<DomainType | null>(
  'DMA',
  'DMA-FQ',
  'identity',
  'blocked',
  'unmanaged',
  null,
);

const smmuEntry = {
  index: uint,
  id: uint,
  mask: uint,
  does: fc.constantFrom<StreamType>('boot', 'translate', 'bypass', 'fault'),
  context: fc.option(uint),
  count: uint,
};

const payloads: { readonly [T in EventType]: Arbitrary<EventMap[T]> } = {
  'task.started': fc.record({ stimulus: aStimulus }),
  'task.finished': fc.record({ ret: aRet }),
  'task.blocked': fc.record({ on: aName }),
  'syscall.returned': fc.record({ call: aName, ret: aRet, value: aText }),
  'device.added': fc.record({ dev: aName, spec: aDevice }),
  'device.ready': aDev,
  'device.match_driver': aDev,
  'device.async_driver': fc.record({ dev: aName, drv: fc.option(aName, { nil: null }) }),
  'pci.acs_requested': nothing,
  'pci.bus_added': fc.record({
    bus: aName,
    bridge: aName,
    above: fc.option(aName),
    end: fc.nat(0xff),
  }),
  'pci.bus_range': fc.record({ bus: aName, end: fc.nat(0xff) }),
  'pci.bus_removed': fc.record({ bus: aName }),
  'pci.bridge_numbered': fc.record({
    hardware: aName,
    primary: fc.nat(0xff),
    secondary: fc.nat(0xff),
    subordinate: fc.nat(0xff),
  }),
  'pci.bridge_impaired': fc.record({
    dev: aName,
    how: fc.constantFrom<EventMap['pci.bridge_impaired']['how']>(
      'no-bus',
      'bus-refused',
      'window-shut',
      'no-room',
    ),
  }),
  'pci.renumbered': fc.record({ dev: aName, hardware: aName }),
  'pci.plugged': fc.record({ hardware: aName }),
  'pci.unplugged': fc.record({ hardware: aName }),
  'pci.acs_enabled': fc.record({ dev: aName }),
  'pci.sysfs_initialized': nothing,
  'pci.resource_files': fc.record({ dev: aName, there: fc.boolean() }),
  'x86_unit.written': fc.record({
    iommu: aName,
    what: fc.constantFrom<EventMap['x86_unit.written']['what']>(
      'queue',
      'interrupts',
      'translation',
    ),
    on: fc.boolean(),
  }),
  'x86_unit.fault_recorded': fc.record({ iommu: aName, next: uint }),
  'viommu.reset': fc.record({ iommu: aName, driver_ok: fc.boolean() }),
  'viommu.endpoint_written': fc.record({
    iommu: aName,
    id: uint,
    does: fc.constantFrom<'translate' | 'bypass' | null>('translate', 'bypass', null),
  }),
  'ipmmu.context_written': fc.record({
    iommu: aName,
    context: uint,
    user: fc.option(
      fc.record({ group: uint, domain: fc.constantFrom<DomainType>('DMA', 'unmanaged') }),
    ),
  }),
  'ipmmu.utlb_written': fc.record({ iommu: aName, id: uint, context: fc.option(uint) }),
  'iommu.dma_strict': nothing,
  'device.dead': aDev,
  'device.bus_removed': aDev,
  'device.deleted': aDev,
  'devices_kset.moved': fc.record({ devs: names }),
  'probing.blocked': nothing,
  'device.shutdown': aDev,
  'driver.shutdown': aDevDrv,
  'iommu.disabled': fc.record({ iommu: aName }),
  'device.driver_override': fc.record({ dev: aName, drv: fc.option(aName) }),
  'bus.drivers_autoprobe': fc.record({ bus: aName, on: fc.boolean() }),
  'driver.registered': fc.record({ ...busDrv, spec: aDriver }),
  'driver.going': aBusDrv,
  'driver.unregistered': aBusDrv,
  'driver.id_added': aDriverId,
  'driver.id_removed': aDriverId,
  'module.loading': fc.record({ module: aName, depends: names }),
  'module.live': ofModule,
  'module.going': ofModule,
  'module.unloaded': ofModule,
  'module.got': moduleBy,
  'module.put': moduleBy,
  'module.param': fc.record({ module: aName, param: aName, value: aText }),
  'device.can_match': aDev,
  'probe.matched': aDevDrv,
  'probe.started': aDevDrv,
  'dma.configured': fc.record({ dev: aName, ret: aRet }),
  'dma.cleaned': aDev,
  'driver.probed': aDevDrvRet,
  'driver.removed': aDevDrv,
  'probe.test_removed': aDevDrv,
  'driver.not_bound': aDevDrv,
  'probe.unwound': aDevDrv,
  'device.unbind_cleanup': aDev,
  'driver.bound': aDevDrv,
  'probe.finished': aDevDrvRet,
  'driver.unbinding': aDevDrv,
  'driver.unbound': aDevDrv,
  'deferred.added': aDev,
  'deferred.removed': aDev,
  'deferred.reason': fc.record({ dev: aName, reason: aText }),
  'deferred.triggered': fc.record({ trigger_count: fc.nat() }),
  'deferred.retried': aDev,
  'deferred.enabled': nothing,
  'initcalls.done': nothing,
  'deferred.timeout_armed': fc.record({ seconds: fc.nat(100) }),
  'deferred.timed_out': nothing,
  'fwnode_link.added': link,
  'fwnode_link.cycle': link,
  'fwnode_link.deleted': link,
  'link.added': fc.record({ ...linkEnds, flags: linkFlags, status: linkState }),
  'link.state': fc.record({ ...linkEnds, status: linkState }),
  'link.flags': fc.record({ ...linkEnds, flags: linkFlags }),
  'link.deleted': link,
  'links.status': fc.record({
    dev: aName,
    status: fc.constantFrom<LinksStatus>('NO_DRIVER', 'PROBING', 'DRIVER_BOUND', 'UNBINDING'),
  }),
  'links.best_effort': fc.record({ on: fc.boolean() }),
  'sync_state.paused': nothing,
  'sync_state.resumed': nothing,
  'sync_state.deferred': aDev,
  'sync_state.undeferred': aDev,
  'sync_state.queued': aDev,
  'device.sync_state': aDev,
  'supplier.cleaned_up': aDev,
  'fwspec.set': fc.record({ dev: aName, iommu: aName, ids: fc.array(uint, { maxLength: 3 }) }),
  'dev_iommu.allocated': aDev,
  'dev_iommu.freed': aDev,
  'iommu.registered': fc.record({
    iommu: aName,
    ops: aName,
    fwnode: fc.boolean(),
    at: fc.option(uint),
  }),
  'iommu.ready': fc.record({ iommu: aName }),
  'iommu.unregistered': fc.record({ iommu: aName }),
  'iommu.freed': fc.record({ iommu: aName }),
  'iommu.sysfs_removed': fc.record({ iommu: aName }),
  'bus.iommu_ops': fc.record({ bus: aName, ops: fc.option(aName), at: fc.option(uint) }),
  'bus.iommu_notifier': fc.record({ bus: aName, refs: uint }),
  'iommu.device_probed': fc.record({ dev: aName, iommu: aName }),
  'iommu.device_released': aDev,
  'group.allocated': ofGroup,
  'group.joined': devInGroup,
  'group.left': devInGroup,
  'group.freed': ofGroup,
  'group.default_domain': fc.record({ group, domain }),
  'group.attached': fc.record({ group, domain }),
  'group.direct_mapped': devInGroup,
  'dma_ops.set': fc.record({
    ...dev,
    ops: fc.constantFrom<DmaOps | null>('arm_dma_ops', 'iommu_ops', null),
  }),
  'dma_ops.set_up': aDev,
  'dma_ops.torn_down': aDev,
  'mapping.created': fc.record({ mapping: uint, iommu: aName, shared: fc.boolean() }),
  'mapping.attached': fc.record({ ...dev, mapping: uint, context: uint }),
  'mapping.detached': fc.record({ ...dev, mapping: uint }),
  'mapping.put': fc.record({ mapping: uint }),
  'dma.allocated': aDev,
  'smmu.reset': fc.record({
    iommu: aName,
    entries: fc.array(fc.record(smmuEntry), { maxLength: 3 }),
    unmatched: fc.constantFrom('bypass', 'fault'),
  }),
  'smmu.entry_written': fc.record({ iommu: aName, ...smmuEntry }),
  'smmu.entry_freed': fc.record({ iommu: aName, index: uint }),
  'smmu.context_bank': fc.record({
    iommu: aName,
    context: uint,
    group,
    domain: fc.constantFrom<DomainType>('DMA', 'blocked', 'unmanaged'),
  }),
  'smmu.gbpa_written': fc.record({ iommu: aName, abort: fc.boolean() }),
  'smmu.disabled': fc.record({ iommu: aName }),
  'smmu.features': fc.record({
    iommu: aName,
    features: uint,
    streamid_mask: uint,
    groups: uint,
    contexts: uint,
    s2_contexts: uint,
  }),
  'dma.faulted': fc.record({ ...dev, iommu: aName, id: uint }),
  'dma.handed_over': aDev,
  'iommu.mapped': fc.record({
    ...ioRange,
    dev: fc.option(aName),
    cache: fc.boolean(),
    read: fc.boolean(),
    write: fc.boolean(),
  }),
  'iommu.unmapped': fc.record(ioRange),
  'iommu.map_unseen': fc.record({ ...ioRange, iommu: aName }),
  'dma.issued': fc.record({
    ...{ ...dev, iommu: fc.option(aName), id: fc.option(uint), addr: uint, write: fc.boolean() },
    group: fc.option(uint),
    domain: fc.constantFrom<DomainType | null>('DMA', 'identity', 'blocked', null),
    result: fc.constantFrom<DmaResult>('bypassed', 'translated', 'faulted'),
    why: fc.constantFrom<FaultReason | null>('stream', 'entry', 'translation', 'permission', null),
    snooped: fc.option(fc.boolean()),
    cache: fc.option(fc.boolean()),
  }),
  'memory.allocated': fc.record(range),
  'owner.used': fc.record({ ...dev, group, ret: aRet }),
  'owner.unused': devInGroup,
  'owner.claimed': fc.record({ group, owner: aName, ret: aRet }),
  'owner.released': ofGroup,
  'owner.device_claimed': fc.record({ ...dev, group, owner: aName, ret: aRet }),
  'owner.device_released': devInGroup,
  'vfio.group_created': fc.record({ group: aName, iommu_group: fc.option(group) }),
  'vfio.group_removed': vfioGroup,
  'vfio.device_registered': fc.record({ ...dev, group: aName }),
  'vfio.device_unregistered': fc.record({ ...dev, group: aName }),
  'vfio.incoherent': aDev,
  'vfio.unbound_added': fc.record({ ...dev, group: aName }),
  'vfio.unbound_removed': fc.record({ ...dev, group: aName }),
  'vfio.group_opened': fc.record({ group: aName, user: aName }),
  'vfio.group_closed': vfioGroup,
  'vfio.container_set': fc.record({ group: aName, container: aName }),
  'vfio.container_unset': vfioGroup,
  'vfio.iommu_set': fc.record({ container: aName }),
  'vfio.dma_mapped': fc.record({ container: aName }),
  'vfio.iommufd_bound': fc.record({ ...dev, iommufd: aName }),
  'vfio.iommufd_unbound': aDev,
  'vfio.device_opened': fc.record({ ...dev, user: aName }),
  'vfio.request_armed': aDev,
  'vfio.device_closed': aDev,
  'vfio.user_released': fc.record({ hold: aName }),
  printk: fc.record({
    level: fc.constantFrom(...PRINTK_LEVELS),
    text: aText,
    dev: fc.option(aName),
  }),
  'kernel.warned': failure,
  'kernel.oopsed': failure,
  'log.diverged': fc.record({ expected: aText, observed: aText }),
};

/** Events of one type. */
function anEventOf<T extends EventType>(type: T): Arbitrary<EventOf<T>> {
  const payload: Arbitrary<object> = payloads[type];
  // The payload is that of `type`, by the type of `payloads`.
  return payload.map((fields) => ({ type, ...fields }) as EventOf<T>);
}

/** Every type of event, each as likely as the others. Single events: a run they make is senseless. */
export const anEvent: Arbitrary<KernelEvent> = fc.oneof(
  ...(Object.keys(payloads) as EventType[]).map((type) => anEventOf(type)),
);

export const aRecorded: Arbitrary<Recorded> = fc.record({
  event: anEvent,
  task: fc.oneof(fc.constantFrom('init', 'modprobe vfio-pci', 'deferred_probe_work'), aName),
  stack: fc.oneof(
    fc.constantFrom<string[][]>(
      ['really_probe'],
      ['driver_attach', 'really_probe', 'pci_dma_configure'],
    ),
    names,
  ),
  origin: fc.constantFrom<Origin>('observed', 'implied', 'assumed'),
  line: fc.option(fc.nat()),
  timeUs: fc.option(fc.maxSafeInteger()),
});

export const aTrace: Arbitrary<Trace> = fc.record({
  header: fc.record({
    schema: fc.constant(SCHEMA_VERSION),
    source: fc.option(fc.record({ name: aName, format: aName })),
    kernel: aKernel,
    machine: aMachine,
    stimuli: fc.array(aStimulus, { maxLength: 5 }),
    choices: fc.array(fc.nat(9), { maxLength: 5 }),
  }),
  events: fc.array(aRecorded, { maxLength: 20 }),
});
