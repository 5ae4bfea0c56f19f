/** Bugs of hardware, firmware and the kernel's idea of them: how each begins, and what mends it. */
import type { EventType } from '../../src/events/event.ts';
import type { DeviceSpec, DriverSpec } from '../../src/events/machine.ts';
import type { Changes } from '../model/scenario-run.ts';

export interface Fix {
  readonly by: string;
  /** Its own scenario; without one, that of the bug, changed. */
  readonly scenario?: string;
  readonly changes?: Changes;
  /** What it does not mend: `CODE at event`. */
  readonly leaves?: readonly string[];
}

export interface Bug {
  readonly id: string;
  readonly what: string;
  readonly scenario: string;
  readonly changes?: Changes;
  readonly first: {
    readonly code: string;
    readonly subject: string;
    readonly type: EventType;
    /** A kernel function that it happens in. */
    readonly in?: string;
  };
  /** What is broken earlier, and is another matter. */
  readonly before?: readonly string[];
  readonly fixes: readonly Fix[];
}

/** The device of that name, with something else about it. */
const withDevice =
  (name: string, change: Partial<DeviceSpec>) =>
  (spec: DeviceSpec): DeviceSpec =>
    spec.name === name ? { ...spec, ...change } : spec;

const withDriver =
  (name: string, change: Partial<DriverSpec>) =>
  (spec: DriverSpec): DriverSpec =>
    spec.name === name ? { ...spec, ...change } : spec;

/** The dtsi of the board says that the SMMU is coherent. */
const SMMU_COHERENT: Changes = { device: withDevice('5000000.iommu', { dma_coherent: true }) };
const NIC = '0000:00:00.0';
const CARD = '0000:00:02.0';
const DISPLAY = 'fd000000.display';
const SATA = 'ffe08000.sata';
const VSP = 'fe960000.vsp';
const MDSS = 'ae00000.mdss';
const SPLASH = '7000000.display';
const patches = (...names: string[]): Changes => ({
  patches: Object.fromEntries(names.map((name) => [name, true])),
});
const WRONG_REGISTER = 'INV-FWHW at driver.probed';

const COHERENCY: readonly Bug[] = [
  {
    id: 'B-04',
    what: 'VFIO refuses a coherent function, for nobody calls its SMMU coherent',
    scenario: 'vfio-refuses-a-coherent-nic',
    first: { code: 'INV-COH', subject: NIC, type: 'driver.probed', in: 'call_driver_probe' },
    fixes: [
      { by: 'dma-coherent in the SMMU node', changes: SMMU_COHERENT, leaves: [WRONG_REGISTER] },
      {
        by: 'the dtsi',
        scenario: 'firmware-overrides-the-register-of-the-smmu',
        leaves: [WRONG_REGISTER],
      },
      { by: 'smmu_client_coherency_fallback', changes: patches('smmu_client_coherency_fallback') },
      { by: '6.1.7', scenario: 'vfio-takes-a-nic-whose-node-says-coherent' },
      { by: 'a kernel that asks nobody', changes: { version: '5.15' } },
      { by: 'an SMMU driver that always says coherent', changes: { version: '5.19' } },
    ],
  },
  {
    id: 'B-05',
    what: 'an id register and firmware that both call a coherent SMMU not coherent',
    scenario: 'nobody-says-that-the-smmu-is-coherent',
    first: {
      code: 'INV-FWHW',
      subject: '5000000.iommu',
      type: 'driver.probed',
      in: 'call_driver_probe',
    },
    fixes: [{ by: 'firmware and a register that tell', scenario: 'smmu-that-is-what-it-says' }],
  },
  {
    id: 'B-05',
    what: 'a register that firmware overrides',
    scenario: 'firmware-overrides-the-register-of-the-smmu',
    first: { code: 'INV-FWHW', subject: '5000000.iommu', type: 'driver.probed' },
    fixes: [{ by: 'a register that tells', scenario: 'smmu-that-is-what-it-says' }],
  },
  {
    id: 'B-05',
    what: 'firmware that calls an SMMU coherent which is not',
    scenario: 'an-smmu-does-not-see-what-is-mapped',
    first: {
      code: 'INV-FWHW',
      subject: '5000000.iommu',
      type: 'iommu.map_unseen',
      in: 'iommu_map',
    },
    fixes: [{ by: 'firmware', scenario: 'an-smmu-sees-what-is-mapped' }],
  },
  {
    id: 'B-06',
    what: 'a card without a node, which the fallback does not ask about',
    scenario: 'fallback-misses-a-card-without-a-node',
    first: { code: 'INV-COH', subject: NIC, type: 'driver.probed', in: 'call_driver_probe' },
    fixes: [
      { by: 'dma-coherent in the SMMU node', changes: SMMU_COHERENT, leaves: [WRONG_REGISTER] },
      {
        by: 'a node for the card',
        changes: { device: withDevice(NIC, { dma_coherent: true }) },
      },
      {
        by: 'asking for all that firmware does not call incoherent',
        changes: patches('smmu_client_unless_noncoherent'),
      },
      {
        by: 'the dtsi',
        scenario: 'vfio-takes-a-card-below-an-smmu-called-coherent',
        leaves: [WRONG_REGISTER],
      },
    ],
  },
  {
    id: 'B-06',
    what: 'a card that does not snoop, which firmware does not call incoherent',
    scenario: 'a-card-without-a-node-may-not-snoop',
    first: { code: 'INV-COH', subject: NIC, type: 'vfio.dma_mapped', in: 'vfio_dma_do_map' },
    fixes: [
      {
        by: 'asking for all that it calls coherent',
        changes: { patches: { smmu_client_unless_noncoherent: false } },
      },
    ],
  },
  {
    id: 'B-07',
    what: 'memory mapped for a card that does not snoop',
    scenario: 'memory-mapped-for-a-card-that-does-not-snoop',
    first: { code: 'INV-COH', subject: CARD, type: 'vfio.dma_mapped', in: 'vfio_dma_do_map' },
    fixes: [
      {
        by: 'a VFIO that asks, an SMMU driver that tells',
        changes: patches(
          ...['vfio_requires_coherency', 'vfio_device_capable', 'smmu_truthful_coherency'],
        ),
      },
      { by: '6.12', scenario: 'vfio-refuses-a-card-that-does-not-snoop' },
    ],
  },
];

const DMA_OPS: readonly Bug[] = [
  {
    id: 'B-09',
    what: 'IOMMU operations without a mapping after a deferral',
    scenario: 'deferral-leaves-stale-dma_ops',
    first: {
      code: 'INV-OPS',
      subject: DISPLAY,
      type: 'dma_ops.torn_down',
      in: 'arch_teardown_dma_ops',
    },
    fixes: [
      { by: 'arm_teardown_reset_ops_v8', changes: patches('arm_teardown_reset_ops_v8') },
      { by: 'arm_reset_ops_if_set_up', changes: patches('arm_reset_ops_if_set_up') },
      { by: 'arm_dont_teardown_third_party', changes: patches('arm_dont_teardown_third_party') },
      { by: 'arm_clear_ops_on_teardown', changes: patches('arm_clear_ops_on_teardown') },
      { by: '4.12 as released', scenario: 'deferral-clears-dma_ops' },
    ],
  },
  {
    id: 'B-10',
    what: 'operations of the board that a teardown clears',
    scenario: 'teardown-destroys-notifier-dma_ops',
    first: {
      code: 'INV-OPS',
      subject: SATA,
      type: 'dma_ops.torn_down',
      in: 'arch_teardown_dma_ops',
    },
    fixes: [
      { by: 'arm_dont_teardown_third_party', scenario: 'teardown-spares-notifier-dma_ops' },
      {
        by: 'version 8, which clears with a mapping only',
        changes: {
          patches: { arm_teardown_reset_ops_v8: true, arm_clear_ops_on_teardown: false },
        },
      },
    ],
  },
  {
    id: 'B-11',
    what: 'the mapping of an IPMMU that a deferral tears down',
    scenario: 'deferral-takes-the-ipmmu-mapping',
    first: {
      code: 'INV-MAP',
      subject: VSP,
      type: 'dma_ops.torn_down',
      in: 'arch_teardown_dma_ops',
    },
    fixes: [
      { by: 'arm_dont_teardown_third_party', changes: patches('arm_dont_teardown_third_party') },
      { by: '4.12 as released', scenario: 'deferral-spares-the-ipmmu-mapping' },
    ],
  },
  {
    id: 'B-11',
    what: 'the same, with operations that stay as nobody here set them up',
    scenario: 'deferral-leaves-the-ipmmu-stale-dma_ops',
    first: {
      code: 'INV-MAP',
      subject: VSP,
      type: 'dma_ops.torn_down',
      in: 'arch_teardown_dma_ops',
    },
    fixes: [
      { by: 'arm_dont_teardown_third_party', changes: patches('arm_dont_teardown_third_party') },
    ],
  },
  {
    id: 'B-12',
    what: 'a mapping for each device on an IOMMU with one context',
    scenario: 'one-context-two-private-mappings',
    first: {
      code: 'INV-MAP',
      subject: 'fd100000.camera',
      type: 'dma.configured',
      in: 'really_probe',
    },
    fixes: [
      { by: 'a mapping of the driver', scenario: 'one-context-one-shared-mapping' },
      {
        by: 'a second context',
        changes: { device: withDevice('fd800000.iommu', { contexts: 2 }) },
      },
    ],
  },
  {
    id: 'B-13',
    what: 'plain operations that stay as the IOMMU comes',
    scenario: 'plain-dma_ops-outlive-the-wait-for-the-iommu',
    before: ['INV-ORDER'],
    first: { code: 'INV-OPS', subject: DISPLAY, type: 'dma.configured', in: 'really_probe' },
    fixes: [
      {
        by: 'arm_clear_ops_on_teardown',
        scenario: 'cleared-dma_ops-let-the-iommu-in',
        leaves: ['INV-ORDER at driver.bound'],
      },
    ],
  },
  {
    id: 'B-13',
    what: 'plain operations that stay over a deferral, in which the IOMMU comes',
    scenario: 'plain-dma_ops-outlive-the-wait-for-the-iommu',
    changes: { driver: withDriver('display', { outcomes: { [DISPLAY]: [-517, 0] } }) },
    first: { code: 'INV-OPS', subject: DISPLAY, type: 'dma.configured', in: 'really_probe' },
    fixes: [{ by: 'arm_clear_ops_on_teardown', changes: patches('arm_clear_ops_on_teardown') }],
  },
];

const BINDING: readonly Bug[] = [
  {
    id: 'B-22',
    what: 'a search for masters before all SMMUs are bound',
    scenario: 'an-smmu-comes-after-the-search-for-masters',
    first: {
      code: 'INV-MASTERS',
      subject: '2b500000.iommu',
      type: 'bus.iommu_ops',
      in: 'arm_smmu_legacy_bus_init',
    },
    fixes: [
      { by: 'a clock in time', scenario: 'masters-are-searched-for-when-all-smmus-are-there' },
    ],
  },
  {
    id: 'B-22',
    what: 'an SMMU that lists its masters for a driver that does not search',
    scenario: 'the-deprecated-binding-needs-an-option',
    first: {
      code: 'INV-ORDER',
      subject: '7ff50000.hdlcd',
      type: 'driver.bound',
      in: 'driver_bound',
    },
    fixes: [
      { by: 'the option', scenario: 'the-deprecated-binding-with-its-option' },
      { by: 'a driver that is built in', changes: { patches: { smmu_modular: false } } },
      {
        by: 'the other binding',
        changes: { device: withDevice('2b400000.iommu', { mmu_masters: false }) },
      },
    ],
  },
  {
    id: 'B-22',
    what: 'SMMUs of two bindings',
    scenario: 'smmus-of-two-bindings',
    first: {
      code: 'INV-MASTERS',
      subject: '2b500000.iommu',
      type: 'bus.iommu_ops',
      in: 'bus_set_iommu',
    },
    fixes: [{ by: 'one binding', scenario: 'smmus-of-one-binding' }],
  },
];

/** The driver of an IOMMU as a module, as it was proposed in 2019, and what was proposed to mend it. */
const MODULES: readonly Bug[] = [
  {
    id: 'B-14',
    what: 'an unload of the driver of an SMMU v3 in use',
    scenario: 'unloading-an-smmu-v3-in-use',
    first: {
      code: 'INV-LIVE',
      subject: CARD,
      type: 'iommu.freed',
      in: 'arm_smmu_device_remove',
    },
    fixes: [
      { by: 'iommu_driver_refs', scenario: 'a-device-holds-its-smmu-driver' },
      {
        by: 'a module without an exit',
        changes: { modules: (spec) => ({ ...spec, no_exit: true }) },
      },
    ],
  },
  {
    id: 'B-16',
    what: 'virtio-iommu that is loaded a second time',
    scenario: 'virtio-iommu-explodes-on-the-second-modprobe',
    first: {
      code: 'INV-LIVE',
      subject: 'bus platform',
      type: 'module.unloaded',
      in: 'delete_module',
    },
    fixes: [
      { by: 'bus_unset_iommu_jpb', changes: patches('bus_unset_iommu_jpb') },
      { by: 'the links of its driver', scenario: 'endpoints-of-a-virtio-iommu-go-before-it' },
    ],
  },
  {
    id: 'B-17',
    what: 'an SMMU that goes, and takes the groups of another',
    scenario: 'one-smmu-goes-and-takes-all-groups',
    first: {
      code: 'INV-LIVE',
      subject: '7ffc0000.usb',
      type: 'group.left',
      in: 'bus_unset_iommu',
    },
    fixes: [{ by: 'register_scans_buses', scenario: 'one-smmu-goes-with-its-own-groups' }],
  },
  {
    id: 'B-18',
    what: 'endpoints that do not wait for their virtio-iommu',
    scenario: 'endpoints-do-not-wait-for-a-virtio-iommu',
    first: {
      code: 'INV-ORDER',
      subject: '0000:00:03.0',
      type: 'driver.bound',
      in: 'driver_bound',
    },
    fixes: [{ by: 'viommu_waits_for_ever', changes: patches('viommu_waits_for_ever') }],
  },
];

const RUNNING_DMA: readonly Bug[] = [
  {
    id: 'B-30',
    what: 'the reset of an SMMU under a running display',
    scenario: 'smmu-reset-cuts-the-splash-screen',
    first: {
      code: 'INV-BOOTDMA',
      subject: MDSS,
      type: 'smmu.reset',
      in: 'arm_smmu_device_reset',
    },
    fixes: [
      {
        by: 'qcom_readback and qcom_def_identity',
        changes: patches('qcom_readback', 'qcom_def_identity', 'probe_phases'),
      },
      { by: '5.15', scenario: 'qcom-readback-keeps-the-splash-screen' },
      {
        by: 'smmu_inherit_hw and driver_manages_iommu',
        scenario: 'inherited-streams-wait-for-their-driver',
      },
    ],
  },
  {
    id: 'B-30',
    what: 'the default domain of a display whose stream was kept',
    scenario: 'default-domain-cuts-an-inherited-stream',
    first: {
      code: 'INV-BOOTDMA',
      subject: MDSS,
      type: 'smmu.entry_written',
      in: 'arm_smmu_attach_dev',
    },
    fixes: [
      { by: 'driver_manages_iommu', changes: patches('driver_manages_iommu') },
      { by: 'qcom_def_identity', changes: patches('qcom_def_identity', 'probe_phases') },
    ],
  },
  {
    id: 'B-30',
    what: 'the reset of an SMMU under a stream with a reserved range',
    scenario: 'rmr-streams-fault-after-reset',
    first: {
      code: 'INV-BOOTDMA',
      subject: 'HISI02A2:00',
      type: 'smmu.reset',
      in: 'arm_smmu_device_reset',
    },
    fixes: [
      { by: 'iort_rmr', changes: patches('iort_rmr') },
      { by: '6.5', scenario: 'rmr-streams-bypass' },
    ],
  },
  {
    id: 'B-31',
    what: 'memory behind an entry that the kernel did not understand',
    scenario: 'inherited-mapping-is-not-all-there-is',
    first: { code: 'INV-BOOTDMA', subject: MDSS, type: 'memory.allocated', in: 'alloc_pages' },
    fixes: [
      { by: 'a memory map with all of it', scenario: 'memory-in-use-is-kept-from-the-kernel' },
    ],
  },
  {
    id: 'B-32',
    what: 'page tables of the boot loader that nobody reserved',
    scenario: 'page-tables-of-the-boot-loader-are-overwritten',
    first: { code: 'INV-BOOTDMA', subject: MDSS, type: 'memory.allocated', in: 'alloc_pages' },
    fixes: [
      { by: 'a memory map with them', scenario: 'page-tables-of-the-boot-loader-are-reserved' },
    ],
  },
  {
    id: 'B-33',
    what: 'a range that is mapped after the attach',
    scenario: 'direct-regions-mapped-after-the-attach',
    first: {
      code: 'INV-BOOTDMA',
      subject: SPLASH,
      type: 'smmu.entry_written',
      in: 'arm_smmu_attach_dev',
    },
    fixes: [
      { by: 'direct_before_attach', changes: patches('direct_before_attach') },
      { by: '6.5', scenario: 'direct-regions-mapped-before-the-attach' },
      {
        by: 'a domain that bypasses',
        changes: { cmdline: 'arm-smmu.disable_bypass=0 iommu.passthrough=1' },
      },
    ],
  },
  {
    id: 'B-33',
    what: 'a range of the devicetree that is not read',
    scenario: 'iommu-addresses-not-read',
    first: {
      code: 'INV-BOOTDMA',
      subject: SPLASH,
      type: 'smmu.entry_written',
      in: 'arm_smmu_attach_dev',
    },
    fixes: [{ by: 'dt_iommu_addresses', changes: patches('dt_iommu_addresses') }],
  },
  {
    id: 'B-33',
    what: 'a user who gets a device with a range that must stay mapped',
    scenario: 'vfio-cuts-off-a-device-with-an-rmrr',
    first: {
      code: 'INV-BOOTDMA',
      subject: CARD,
      type: 'group.attached',
      in: 'iommu_group_claim_dma_owner',
    },
    fixes: [
      { by: 'require_direct', changes: patches('require_direct') },
      { by: '6.6', scenario: 'vfio-is-refused-a-device-with-an-rmrr' },
    ],
  },
  {
    id: 'B-33',
    what: 'two streams with a reserved range at an SMMU v2',
    scenario: 'rmr-on-smmu-v2-keeps-one-stream',
    first: {
      code: 'INV-BOOTDMA',
      subject: 'HISI02A2:00',
      type: 'smmu.reset',
      in: 'arm_smmu_device_reset',
    },
    fixes: [{ by: 'a table with a place for each', scenario: 'rmr-streams-bypass' }],
  },
  {
    id: 'B-34',
    what: 'a register for all streams, written for one',
    scenario: 'one-register-for-all-streams-cuts-a-display',
    first: {
      code: 'INV-BOOTDMA',
      subject: SPLASH,
      type: 'smmu.reset',
      in: 'arm_smmu_device_reset',
    },
    fixes: [
      { by: 'leaving it open', scenario: 'one-register-for-all-streams-left-open' },
      { by: 'the parameter', changes: { cmdline: 'arm-smmu.disable_bypass=0' } },
    ],
  },
];

export const BUGS: readonly Bug[] = [
  ...COHERENCY,
  ...DMA_OPS,
  ...BINDING,
  ...MODULES,
  ...RUNNING_DMA,
];
