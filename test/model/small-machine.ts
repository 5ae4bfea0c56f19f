// A machine that is just large enough: an SMMUv3, a host bridge, a root port with a network card
// behind it, and vfio-pci as a module.

import fc, { type Arbitrary } from 'fast-check';
import { type RunOptions, runAll, type System } from '../../src/engine/run.ts';
import type {
  DeviceSpec,
  DriverSpec,
  KernelSpec,
  Machine,
  PciFunction,
  SmmuRegisters,
} from '../../src/events/machine.ts';
import type { Concurrent, Stimulus } from '../../src/events/stimulus.ts';
import { tableOf } from '../../src/events/table.ts';
import type { Trace } from '../../src/events/trace.ts';
import { QEMU_SMMU_V3 } from '../../src/model/firmware/known-registers.ts';

export const SMMU = '9050000.smmuv3';
const HOST = '40000000.pcie';
export const PORT = '0000:00:01.0';
export const NIC = '0000:01:00.0';
/** The group of the card where the port has ACS: the port's is 0. */
export const NIC_GROUP = 1;

export interface SmallOptions {
  /** The root port has ACS, so that the card behind it has a group of its own. */
  readonly acs?: boolean;
  /** The SMMU driver is a module, loaded by `modprobe arm_smmu_v3`. */
  readonly modularSmmu?: boolean;
  /** e1000e is a module. */
  readonly modularNic?: boolean;
  readonly asyncNic?: boolean;
  /** What e1000e's probe returns, in the order of attempts. */
  readonly outcomes?: readonly number[];
  readonly boot?: Machine['boot'];
  /** Firmware calls the SMMU coherent; it is. */
  readonly coherentSmmu?: boolean;
  /** The id register of the SMMU calls it coherent; absent where nobody read it. */
  readonly idCoherent?: boolean;
  /** Firmware says of the host bridge, and what is below it, whether it is coherent. */
  readonly coherentHost?: boolean;
}

function pciFunction(over: Partial<PciFunction>): PciFunction {
  return {
    vendor: 0x8086,
    device: 0x10d3,
    class: 0x020000,
    header: 0,
    multifunction: false,
    pcie: 'endpoint',
    acs_capable: false,
    acs_enabled: false,
    ...over,
  };
}

function driver(name: string, bus: string, over: Partial<DriverSpec>): DriverSpec {
  return {
    name,
    bus,
    module: null,
    ids: [],
    driver_managed_dma: false,
    suppress_bind_attrs: false,
    probe_type: 'default',
    ...over,
  };
}

/** Those of an SMMU v3 whose IDR0.COHACC says so, or not. */
function registersOf(coherent: boolean): SmmuRegisters {
  const { IDR0 = 0 } = QEMU_SMMU_V3;
  return { ...QEMU_SMMU_V3, IDR0: coherent ? IDR0 : IDR0 - 0x10 };
}

function devices({
  acs = true,
  coherentSmmu = true,
  idCoherent,
  coherentHost,
}: SmallOptions): readonly DeviceSpec[] {
  return [
    {
      name: SMMU,
      bus: 'platform',
      parent: null,
      ids: ['arm,smmu-v3'],
      iommu_kind: 'arm-smmu-v3',
      dma_coherent: coherentSmmu,
      ...(idCoherent === undefined ? {} : { registers: registersOf(idCoherent) }),
    },
    {
      name: HOST,
      bus: 'platform',
      parent: null,
      ids: ['pci-host-ecam-generic'],
      iommu_map: [{ rid_base: 0, iommu: SMMU, sid_base: 0, length: 0x10000 }],
      ...(coherentHost === undefined ? {} : { dma_coherent: coherentHost }),
    },
    {
      name: PORT,
      bus: 'pci',
      parent: HOST,
      ids: ['pci:v00001B36d0000000Csv00sd00bc06sc04i00'],
      pci: pciFunction({
        vendor: 0x1b36,
        device: 0xc,
        class: 0x060400,
        header: 1,
        pcie: 'root-port',
        acs_capable: acs,
        acs_enabled: acs,
      }),
    },
    {
      name: NIC,
      bus: 'pci',
      parent: PORT,
      ids: ['pci:v00008086d000010D3sv00sd00bc02sc00i00'],
      pci: pciFunction({}),
    },
  ];
}

export function smallMachine(options: SmallOptions = {}): Machine {
  const nic: Partial<DriverSpec> = {
    ids: ['pci:v00008086d000010D3sv*sd*bc*sc*i*'],
    module: options.modularNic ? 'e1000e' : null,
    probe_type: options.asyncNic ? 'async' : 'default',
    ...(options.outcomes === undefined ? {} : { outcomes: tableOf([[NIC, options.outcomes]]) }),
  };
  const drivers = [
    driver('arm-smmu-v3', 'platform', {
      ids: ['arm,smmu-v3'],
      module: options.modularSmmu ? 'arm_smmu_v3' : null,
      suppress_bind_attrs: true,
    }),
    driver('pci-host-generic', 'platform', {
      ids: ['pci-host-ecam-generic'],
      suppress_bind_attrs: true,
    }),
    driver('pcieport', 'pci', { ids: ['pci:v*d*sv*sd*bc06sc04i00'], driver_managed_dma: true }),
    driver('e1000e', 'pci', nic),
    driver('vfio-pci', 'pci', { module: 'vfio_pci', driver_managed_dma: true }),
  ];
  const modules = [
    ...(options.modularSmmu ? [{ name: 'arm_smmu_v3', depends: [] }] : []),
    ...(options.modularNic ? [{ name: 'e1000e', depends: [] }] : []),
    { name: 'vfio', depends: [] },
    { name: 'vfio_iommu_type1', depends: ['vfio'] },
    { name: 'vfio_pci', depends: ['vfio'] },
  ];
  return {
    firmware: 'devicetree',
    devices: devices(options),
    drivers,
    modules,
    boot: options.boot ?? [],
  };
}

export function kernel(over: Partial<KernelSpec> = {}): KernelSpec {
  return { version: '6.1', release: null, config: {}, cmdline: '', patches: {}, ...over };
}

/** The kernel of B-01: it removes drivers as a test, without giving DMA ownership back. */
export const LEAKY = kernel({
  config: { DEBUG_TEST_DRIVER_REMOVE: 'y' },
  patches: { test_remove_dma_cleanup: false },
});

export const BOOT: Stimulus = { do: 'boot' };
const MODPROBE_VFIO: Stimulus = { do: 'modprobe', module: 'vfio-pci', params: '' };
export const UNBIND_NIC: Concurrent = { do: 'unbind', bus: 'pci', drv: 'e1000e', dev: NIC };
export const BIND_NIC: Stimulus = { do: 'bind', bus: 'pci', drv: 'e1000e', dev: NIC };
export const USE_NIC: Extract<Stimulus, { do: 'vfio' }> = {
  do: 'vfio',
  group: String(NIC_GROUP),
  dev: NIC,
  dma: true,
  nocontainer: false,
  nodevice: false,
  hold: null,
};

/** The card goes from its network driver to a user of VFIO. */
export const ASSIGN_NIC: readonly Stimulus[] = [
  BOOT,
  MODPROBE_VFIO,
  UNBIND_NIC,
  { do: 'driver_override', bus: 'pci', dev: NIC, drv: 'vfio-pci' },
  { do: 'bind', bus: 'pci', drv: 'vfio-pci', dev: NIC },
  USE_NIC,
];

export function smallSystem(options: SmallOptions = {}, over: Partial<KernelSpec> = {}): System {
  return { machine: smallMachine(options), kernel: kernel(over) };
}

/** The trace of B-01 on the small machine. */
export function leakyTrace() {
  return runAll({ machine: smallMachine(), kernel: LEAKY }, ASSIGN_NIC).trace();
}

export function runSmall(
  stimuli: readonly Stimulus[],
  options: SmallOptions = {},
  over: Partial<KernelSpec> = {},
  run: RunOptions = {},
) {
  return runAll(smallSystem(options, over), stimuli, run);
}

/** Everything a user may do on the small machine after its boot. */
export const USER_ACTIONS: readonly Stimulus[] = [
  MODPROBE_VFIO,
  { do: 'rmmod', module: 'vfio-pci', force: false },
  UNBIND_NIC,
  BIND_NIC,
  { do: 'driver_override', bus: 'pci', dev: NIC, drv: 'vfio-pci' },
  { do: 'driver_override', bus: 'pci', dev: NIC, drv: null },
  { do: 'bind', bus: 'pci', drv: 'vfio-pci', dev: NIC },
  { do: 'unbind', bus: 'pci', drv: 'vfio-pci', dev: NIC },
  { do: 'drivers_probe', bus: 'pci', dev: NIC },
  { do: 'remove', dev: NIC },
  { do: 'rescan', dev: null },
  { do: 'group_type', group: NIC_GROUP, value: 'identity' },
  { do: 'deferred_probe_timeout' },
  { do: 'unbind', bus: 'pci', drv: 'pcieport', dev: PORT },
  USE_NIC,
  { ...USE_NIC, hold: 'vm' },
  { do: 'vfio_release', hold: 'vm' },
];

/** A boot and what users then do, under a scheduler that decides by the numbers given. */
export const aRun: Arbitrary<{
  readonly options: SmallOptions;
  readonly config: Readonly<Record<string, string>>;
  readonly patches: Readonly<Record<string, boolean>>;
  readonly stimuli: readonly Stimulus[];
  readonly luck: readonly number[];
}> = fc.record({
  options: fc.record({ acs: fc.boolean(), asyncNic: fc.boolean() }),
  config: fc.constantFrom({}, { DEBUG_TEST_DRIVER_REMOVE: 'y' }),
  patches: fc.dictionary(
    fc.constantFrom('test_remove_dma_cleanup', 'bus_dma_cleanup', 'fw_parse_at_add'),
    fc.boolean(),
  ),
  stimuli: fc
    .array(fc.constantFrom(...USER_ACTIONS), { maxLength: 8 })
    .map((actions) => [BOOT, ...actions]),
  luck: fc.array(fc.nat(5), { maxLength: 10 }),
});

type ARun = typeof aRun extends Arbitrary<infer R> ? R : never;

/** The trace of such a run. */
export function traceOf({ options, config, patches, stimuli, luck }: ARun): Trace {
  let drawn = 0;
  const choose = (runnable: readonly unknown[]) => (luck[drawn++] ?? 0) % runnable.length;
  return runSmall(stimuli, options, { config, patches }, { choose }).trace();
}
