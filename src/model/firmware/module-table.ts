import type { ModuleSpec } from '../../events/machine.ts';
import { compareReleases } from '../versions/profile.ts';

/** A loadable module: what builds it and what it needs. */
export interface KnownModule {
  readonly name: string;
  /** The option that makes it a module with `m`, without the prefix; null for one out of tree. */
  readonly option: string | null;
  /** Modules it needs where they are modules themselves, in the order in which they are loaded. */
  readonly depends: readonly string[];
  /** First release that has it, and first that has it no more; absent for all. */
  readonly since?: string;
  readonly until?: string;
}

const known = (
  name: string,
  option: string | null,
  depends: readonly string[] = [],
): KnownModule => ({ name, option, depends });

/** Source: modules.dep and the Kconfig options of Linux 6.1 and 6.12. */
export const KNOWN_MODULES: readonly KnownModule[] = [
  known('arm_smmu', 'ARM_SMMU'),
  known('arm_smmu_v3', 'ARM_SMMU_V3'),
  known('virtio_iommu', 'VIRTIO_IOMMU', ['virtio_ring', 'virtio']),

  known('vfio', 'VFIO'),
  { ...known('vfio_virqfd', 'VFIO_VIRQFD'), until: '6.4' },
  known('irqbypass', 'IRQ_BYPASS_MANAGER'),
  known('vfio_pci_core', 'VFIO_PCI_CORE', ['vfio', 'vfio_virqfd', 'irqbypass']),
  known('vfio_pci', 'VFIO_PCI', ['vfio', 'vfio_pci_core']),
  known('vfio_iommu_type1', 'VFIO_IOMMU_TYPE1', ['vfio']),
  known('pci_stub', 'PCI_STUB'),

  known('virtio_ring', 'VIRTIO'),
  known('virtio', 'VIRTIO', ['virtio_ring']),
  known('virtio_mmio', 'VIRTIO_MMIO', ['virtio_ring', 'virtio']),
  known('virtio_pci_modern_dev', 'VIRTIO_PCI_LIB'),
  known('virtio_pci_legacy_dev', 'VIRTIO_PCI_LIB_LEGACY'),
  known('virtio_pci', 'VIRTIO_PCI', [
    'virtio_ring',
    'virtio',
    'virtio_pci_modern_dev',
    'virtio_pci_legacy_dev',
  ]),
  known('failover', 'FAILOVER'),
  known('net_failover', 'NET_FAILOVER', ['failover']),
  known('virtio_net', 'VIRTIO_NET', ['virtio_ring', 'virtio', 'net_failover']),
  known('virtio_blk', 'VIRTIO_BLK', ['virtio_ring', 'virtio']),
  known('virtio_rng', 'HW_RANDOM_VIRTIO', ['virtio_ring', 'virtio']),
  known('virtio_console', 'VIRTIO_CONSOLE', ['virtio_ring', 'virtio']),
  known('virtio_balloon', 'VIRTIO_BALLOON', ['virtio_ring', 'virtio']),

  { ...known('crct10dif_common', 'CRC_T10DIF'), until: '6.12' },
  { ...known('crc_t10dif', 'CRC_T10DIF', ['crct10dif_common']), until: '6.12' },
  { ...known('crc64', 'CRC64'), until: '6.12' },
  { ...known('crc64_rocksoft', 'CRC64_ROCKSOFT', ['crc64']), until: '6.12' },
  { ...known('t10_pi', 'BLK_DEV_INTEGRITY_T10', ['crc_t10dif', 'crc64_rocksoft']), until: '6.12' },
  { ...known('nvme_auth', 'NVME_AUTH'), since: '6.12' },
  known('nvme_core', 'NVME_CORE', ['t10_pi', 'nvme_auth']),
  known('nvme', 'BLK_DEV_NVME', ['nvme_core']),
  known('e1000', 'E1000'),
  known('e1000e', 'E1000E'),
  known('igb', 'IGB'),
  known('igbvf', 'IGBVF'),
  known('scsi_common', 'SCSI_COMMON'),
  known('scsi_mod', 'SCSI', ['scsi_common']),
  known('libata', 'ATA', ['scsi_common', 'scsi_mod']),
  known('libahci', 'SATA_AHCI', ['libata']),
  known('ahci', 'SATA_AHCI', ['libata', 'libahci']),

  known('fixed', 'REGULATOR_FIXED_VOLTAGE'),
  known('leds_gpio', 'LEDS_GPIO'),
  known('lab_probe', null),
];

/** The kernel's name of a module: `vfio-pci` and `/lib/modules/vfio-pci.ko.xz` are `vfio_pci`. */
export function moduleName(given: string): string {
  const file = given.slice(given.lastIndexOf('/') + 1);
  return file.replace(/\.ko(?:\.\w{1,4})?$/, '').replaceAll('-', '_');
}

function existsIn({ since, until }: KnownModule, version: string): boolean {
  if (since !== undefined && compareReleases(version, since) < 0) return false;
  return until === undefined || compareReleases(version, until) < 0;
}

/**
 * The modules of a kernel, each with the dependencies that are modules too.
 *
 * @param version profile, as `KernelSpec.version` has it.
 * @param isModule is the module one in this kernel, rather than built in or absent?
 */
export function modulesOf(
  version: string,
  isModule: (module: KnownModule) => boolean,
): ModuleSpec[] {
  const present = KNOWN_MODULES.filter((module) => existsIn(module, version) && isModule(module));
  const names = new Set(present.map((module) => module.name));
  return present.map(({ name, depends }) => ({
    name,
    depends: depends.filter((dependency) => names.has(dependency)),
  }));
}
