import { moduleName } from './module-table.ts';

/** A driver whose match table, module or habits the model needs to know. */
export interface KnownDriver {
  readonly bus: string;
  readonly name: string;
  /** The module that owns it where it is modular. */
  readonly module: string;
  /** Modalias patterns or compatible strings. */
  readonly ids: readonly string[];
  readonly driver_managed_dma?: boolean;
  /** It has no bind and unbind files where it is built in. */
  readonly suppress_bind_attrs?: boolean;
  /** First kernel release whose driver asks to be probed asynchronously. */
  readonly asyncFrom?: string;
}

/** Names of drivers that hold a blank, which lists parted by blanks cannot show. */
export const SPACED_NAMES: readonly string[] = [
  'ARM-CCI PMU',
  'CHT Whiskey Cove',
  'CHT Whiskey Cove PMIC',
  'Hisilicon MBIGEN-V2',
  'i8042 aux',
  'i8042 kbd',
];

const pci = (...ids: string[]) => ids.map((id) => `pci:${id}`);
const intel = (...devices: string[]) =>
  devices.map((id) => `pci:v00008086d0000${id}sv*sd*bc*sc*i*`);
const nxp = (device: string) => pci(`v00001957d0000${device}sv*sd*bc*sc*i*`);
const acpi = (id: string) => `acpi*:${id}:*`;

/**
 * Drivers by bus. A platform driver also matches a device of its own name: `driverIds` adds that.
 *
 * AMBA drivers match a peripheral's identification register; the compatible string of the same cell
 * stands in for it here. Ids of e1000 and e1000e are the ones that emulated machines have, not all.
 * Source: match tables of Linux 6.1 and 6.12.
 */
export const KNOWN_DRIVERS: readonly KnownDriver[] = [
  // IOMMUs and host bridges.
  unbindable('arm-smmu', 'arm_smmu', [
    'arm,smmu-v1',
    'arm,smmu-v2',
    'arm,mmu-400',
    'arm,mmu-401',
    'arm,mmu-500',
    'cavium,smmu-v2',
    'nvidia,smmu-500',
    'qcom,smmu-v2',
  ]),
  unbindable('arm-smmu-v3', 'arm_smmu_v3', ['arm,smmu-v3']),
  platform('ipmmu-vmsa', 'ipmmu_vmsa', [
    'renesas,ipmmu-vmsa',
    'renesas,ipmmu-*',
    'renesas,rcar-gen4-ipmmu-vmsa',
  ]),
  platform('pci-host-generic', 'pci_host_generic', [
    'pci-host-cam-generic',
    'pci-host-ecam-generic',
    'marvell,armada8k-pcie-ecam',
    'socionext,synquacer-pcie-ecam',
    'snps,dw-pcie-ecam',
  ]),
  virtio('virtio_iommu', 0x17),

  // Platform devices.
  platform('acpi-ged', 'acpi_ged', [acpi('ACPI0013')]),
  platform('alarmtimer', 'alarmtimer', []),
  platform('armv8-pmu', 'armv8_pmu', [
    'arm,armv8-pmuv3',
    'arm,cortex-a57-pmu',
    'arm,cortex-a53-pmu',
  ]),
  platform('gpio-clk', 'clk_gpio', ['gpio-mux-clock', 'gpio-gate-clock']),
  platform('gpio-keys', 'gpio_keys', ['gpio-keys']),
  platform('i8042', 'i8042', []),
  platform('leds-gpio', 'leds_gpio', ['gpio-leds']),
  platform('lab_plat', 'lab_probe', ['lab,test']),
  platform('of_fixed_clk', 'clk_fixed_rate', ['fixed-clock']),
  platform('of_fixed_factor_clk', 'clk_fixed_factor', ['fixed-factor-clock']),
  platform('physmap-flash', 'physmap', ['cfi-flash', 'jedec-flash', 'mtd-ram', 'mtd-rom']),
  platform('psci-cpuidle-domain', 'psci_cpuidle_domain', ['arm,psci-1.0']),
  platform('reg-dummy', 'dummy', []),
  platform('reg-fixed-voltage', 'fixed', [
    'regulator-fixed',
    'regulator-fixed-clock',
    'regulator-fixed-domain',
  ]),
  platform('rtc-efi', 'rtc_efi', []),
  unbindable('sbsa-uart', 'amba_pl011', ['arm,sbsa-uart', acpi('ARMH0011'), acpi('ARMHB000')]),
  platform('serial8250', '8250', []),
  platform('simple-framebuffer', 'simplefb', ['simple-framebuffer']),
  platform('simple-pm-bus', 'simple_pm_bus', [
    'simple-pm-bus',
    'simple-bus',
    'simple-mfd',
    'isa',
    'arm,amba-bus',
  ]),
  platform('syscon', 'syscon', []),
  platform('syscon-poweroff', 'syscon_poweroff', ['syscon-poweroff']),
  platform('syscon-reboot', 'syscon_reboot', ['syscon-reboot']),
  platform('virtio-mmio', 'virtio_mmio', ['virtio,mmio', acpi('LNRO0005')]),

  // fsl-mc: the root's driver makes the root container, a container's driver what is in it.
  platform('fsl_mc_bus', 'fsl_mc_bus', ['fsl,qoriq-mc', acpi('NXP0008')]),
  { bus: 'fsl-mc', name: 'fsl_mc_dprc', module: 'fsl_mc_bus', ids: ['fsl-mc:v00001957ddprc'] },
  { bus: 'fsl-mc', name: 'fsl_dpaa2_eth', module: 'fsl_dpaa2_eth', ids: ['fsl-mc:v00001957ddpni'] },
  { bus: 'fsl-mc', name: 'vfio-fsl-mc', module: 'vfio_fsl_mc', ids: [], driver_managed_dma: true },

  // AMBA.
  { bus: 'amba', name: 'pl061_gpio', module: 'gpio_pl061', ids: ['arm,pl061'] },
  { bus: 'amba', name: 'rtc-pl031', module: 'rtc_pl031', ids: ['arm,pl031'] },
  { bus: 'amba', name: 'uart-pl010', module: 'amba_pl010', ids: ['arm,pl010'] },
  {
    bus: 'amba',
    name: 'uart-pl011',
    module: 'amba_pl011',
    ids: ['arm,pl011'],
    suppress_bind_attrs: true,
  },
  { bus: 'amba', name: 'clcd-pl11x', module: 'amba_clcd', ids: ['arm,pl110', 'arm,pl111'] },
  { bus: 'amba', name: 'amba-proxy', module: 'amba', ids: [] },

  { bus: 'amba', name: 'dma-pl330', module: 'pl330', ids: ['arm,pl330'] },

  // VFIO beside PCI.
  managed('platform', 'vfio-platform'),
  managed('amba', 'vfio-amba'),

  // PCI.
  { bus: 'pci', name: 'agpgart-intel', module: 'intel_agp', ids: intel('29B0', '29C0', '29D0') },
  { bus: 'pci', name: 'ahci', module: 'ahci', ids: pci('v*d*sv*sd*bc01sc06i01*') },
  {
    bus: 'pci',
    name: 'e1000',
    module: 'e1000',
    ids: intel('1004', '1008', '100E', '100F', '1010'),
  },
  { bus: 'pci', name: 'e1000e', module: 'e1000e', ids: intel('105E', '10D3', '10EA', '1502') },
  { bus: 'pci', name: 'i801_smbus', module: 'i2c_i801', ids: intel('2930') },
  { bus: 'pci', name: 'igb', module: 'igb', ids: intel('10C9', '1533') },
  { bus: 'pci', name: 'igbvf', module: 'igbvf', ids: intel('10CA', '1520') },
  { bus: 'pci', name: 'lab_pci', module: 'lab_probe', ids: [] },
  { bus: 'pci', name: 'lpc_ich', module: 'lpc_ich', ids: intel('2918') },
  {
    bus: 'pci',
    name: 'nvme',
    module: 'nvme',
    ids: pci('v*d*sv*sd*bc01sc08i02*'),
    asyncFrom: '6.12',
  },
  {
    bus: 'pci',
    name: 'pci-stub',
    module: 'pci_stub',
    ids: [],
    driver_managed_dma: true,
  },
  { bus: 'pci', name: 'fsl_enetc', module: 'fsl_enetc', ids: nxp('E100') },
  { bus: 'pci', name: 'fsl_enetc_mdio', module: 'fsl_enetc_mdio', ids: nxp('EE01') },
  { bus: 'pci', name: 'fsl_enetc_ptp', module: 'fsl_enetc_ptp', ids: nxp('EE02') },
  { bus: 'pci', name: 'mscc_felix', module: 'mscc_felix', ids: nxp('EEF0') },
  {
    bus: 'pci',
    name: 'pcieport',
    module: 'pcieportdrv',
    ids: pci('v*d*sv*sd*bc06sc04i00*', 'v*d*sv*sd*bc06sc04i01*', 'v*d*sv*sd*bc08sc07i00*'),
    driver_managed_dma: true,
  },
  { bus: 'pci', name: 'shpchp', module: 'shpchp', ids: pci('v*d*sv*sd*bc06sc04i00*') },
  { bus: 'pci', name: 'vfio-pci', module: 'vfio_pci', ids: [], driver_managed_dma: true },
  managed('pci', 'mlx5_vfio_pci'),
  managed('pci', 'hisi_acc_vfio_pci'),
  managed('pci', 'nvgrace_gpu_vfio_pci'),
  managed('pci', 'pds_vfio_pci'),
  managed('pci', 'qat_vfio_pci'),
  managed('pci', 'virtio_vfio_pci'),
  { bus: 'pci', name: 'virtio-pci', module: 'virtio_pci', ids: pci('v00001AF4d*sv*sd*bc*sc*i*') },
  { bus: 'pci', name: 'xen-platform-pci', module: 'xen', ids: pci('v00005853d00000001sv*') },
  { bus: 'pci', name: 'xhci_hcd', module: 'xhci_pci', ids: pci('v*d*sv*sd*bc0Csc03i30*') },

  // Services of PCI Express ports: `pci_express:SERVICE:PORT`, PORT counted from root port.
  { bus: 'pci_express', name: 'aer', module: 'aer', ids: ['pci_express:002:*'] },
  { bus: 'pci_express', name: 'dpc', module: 'dpc', ids: ['pci_express:008:*'] },
  { bus: 'pci_express', name: 'pcie_pme', module: 'pme', ids: ['pci_express:001:*'] },
  { bus: 'pci_express', name: 'pciehp', module: 'pciehp', ids: ['pci_express:004:*'] },

  // Virtio devices.
  virtio('virtio_net', 1),
  virtio('virtio_blk', 2),
  virtio('virtio_console', 3),
  virtio('virtio_rng', 4),
  virtio('virtio_balloon', 5),
  virtio('virtio_scsi', 8),
  virtio('virtio_rproc_serial', 11),
  virtio('virtio_gpu', 16),
  virtio('virtio_input', 18),
  virtio('virtiofs', 26),
];

function platform(name: string, module: string, ids: readonly string[]): KnownDriver {
  return { bus: 'platform', name, module, ids };
}

/** A platform driver that cannot be bound or unbound by hand. */
function unbindable(name: string, module: string, ids: readonly string[]): KnownDriver {
  return { ...platform(name, module, ids), suppress_bind_attrs: true };
}

/** A driver that hands to user space what it is told to take: it matches by driver_override only. */
function managed(bus: string, name: string): KnownDriver {
  return { bus, name, module: name.replaceAll('-', '_'), ids: [], driver_managed_dma: true };
}

function virtio(name: string, id: number): KnownDriver {
  const hex = id.toString(16).toUpperCase().padStart(8, '0');
  return { bus: 'virtio', name, module: name, ids: [`virtio:d${hex}v*`] };
}

/** The drivers of each name, of one or more buses, in the table's order. */
const BY_NAME = new Map<string, KnownDriver[]>();
for (const driver of KNOWN_DRIVERS) {
  const namesakes = BY_NAME.get(driver.name);
  if (namesakes === undefined) BY_NAME.set(driver.name, [driver]);
  else namesakes.push(driver);
}

/** The entry for a driver; undefined for one that is opaque. */
export function knownDriver(bus: string, name: string): KnownDriver | undefined {
  return BY_NAME.get(name)?.find((driver) => driver.bus === bus);
}

/** The module that owns a driver where it is modular; an opaque driver is called like its module. */
export function moduleOfDriver(bus: string, name: string): string {
  return knownDriver(bus, name)?.module ?? moduleName(name);
}

/**
 * Everything a driver matches: its table's ids and, on the platform bus, its own name.
 *
 * Kernel: drivers/base/platform.c:platform_match, v6.1. Leaves out: that a driver with an id_table
 * does not match by name.
 */
export function driverIds(bus: string, name: string): readonly string[] {
  const ids = knownDriver(bus, name)?.ids ?? [];
  return bus === 'platform' ? [...ids, `platform:${name}`] : ids;
}
