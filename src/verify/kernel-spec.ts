import type { KernelSpec } from '../events/machine.ts';
import { type Table, tableOf } from '../events/table.ts';
import type { Session } from './session.ts';

/** Options of Debian's kernels that the model asks for; such a session has no configuration file. */
const DISTRIBUTION_MODULES = [
  'ATA',
  'BLK_DEV_NVME',
  'CRC64',
  'CRC64_ROCKSOFT',
  'CRC_T10DIF',
  'BLK_DEV_INTEGRITY_T10',
  'E1000',
  'E1000E',
  'FAILOVER',
  'HW_RANDOM_VIRTIO',
  'IGB',
  'IGBVF',
  'IRQ_BYPASS_MANAGER',
  'LEDS_GPIO',
  'NET_FAILOVER',
  'NVME_AUTH',
  'NVME_CORE',
  'PCI_STUB',
  'REGULATOR_FIXED_VOLTAGE',
  'SATA_AHCI',
  'SCSI',
  'SCSI_COMMON',
  'VFIO',
  'VFIO_IOMMU_TYPE1',
  'VFIO_PCI',
  'VFIO_PCI_CORE',
  'VFIO_VIRQFD',
  'VIRTIO',
  'VIRTIO_BALLOON',
  'VIRTIO_BLK',
  'VIRTIO_CONSOLE',
  'VIRTIO_IOMMU',
  'VIRTIO_MMIO',
  'VIRTIO_NET',
  'VIRTIO_PCI',
  'VIRTIO_PCI_LIB',
  'VIRTIO_PCI_LIB_LEGACY',
];
/** Of them, what the distribution of that release builds in. */
const BUILT_IN_FROM_6_12 = [
  'BLK_DEV_INTEGRITY_T10',
  'CRC_T10DIF',
  'IRQ_BYPASS_MANAGER',
  'VIRTIO',
  'VIRTIO_PCI',
  'VIRTIO_PCI_LIB',
  'VIRTIO_PCI_LIB_LEGACY',
];

/** Of them, what it builds in on the Arm architecture in any release. */
const BUILT_IN_ON_ARM64 = ['IRQ_BYPASS_MANAGER', 'VIRTIO'];

/** Buses that the distribution's kernel for that architecture has IOMMU support for. */
const BUSES_ON_ARM64 = ['ARM_AMBA', 'FSL_MC_BUS', 'TEGRA_HOST1X_CONTEXT_BUS'];

/** IOMMU options of those kernels. */
const X86_OR_ARM = {
  x86: ['INTEL_IOMMU', 'INTEL_IOMMU_SVM', 'IRQ_REMAP'],
  arm: ['ARM_SMMU_V3'],
} as const;

/** Options of the recording's own small kernels, for a session that lost its configuration file. */
const SMALL_KERNEL_MODULES = [
  'IRQ_BYPASS_MANAGER',
  'LEDS_GPIO',
  'REGULATOR_FIXED_VOLTAGE',
  'VFIO',
  'VFIO_IOMMU_TYPE1',
  'VFIO_PCI',
  'VFIO_PCI_CORE',
  'VFIO_VIRQFD',
  'VIRTIO_IOMMU',
];

/**
 * The kernel of a session. Read for it: the release from the log's first lines or the action log's
 * heading, the configuration file, the command line, and for a patch that was taken out the notes,
 * since nothing in the kernel shows it. `twin` is asked where the session lacks a file.
 */
export function kernelOf(session: Session, twin: Session | null): KernelSpec {
  const release = releaseOf(session) ?? (twin === null ? null : releaseOf(twin));
  const version = /^(\d+\.\d+)/.exec(release ?? '')?.[1] ?? '6.1';
  const notes = `${session.name}\n${session.notes ?? ''}`;
  return {
    version,
    release,
    config:
      session.machine.config ??
      configOfTwin(twin, notes) ??
      assumedConfig(release ?? '', version, notes),
    cmdline: cmdlineOf(session),
    patches: patchesOf(notes),
  };
}

function releaseOf(session: Session): string | null {
  const logged = /\bLinux version (\S+) /.exec(session.dmesg ?? session.serial ?? '')?.[1];
  return logged ?? session.actions?.kernel?.split(' ')[0] ?? null;
}

/** The kernel's command line: of /proc, of the log, or of the emulator's. */
export function cmdlineOf(session: Session): string {
  const logged = /\bKernel command line: (.*)$/m.exec(session.dmesg ?? '')?.[1];
  const passed = /^# kernel command line[^\n]*\n(.*)$/m.exec(session.cmdline ?? '')?.[1];
  return (session.procCmdline ?? logged ?? passed ?? '').trim();
}

/** The value of the last `name=` of a command line; null where it does not stand. */
export function parameterOf(cmdline: string, name: string): string | null {
  const values = cmdline
    .split(/\s+/)
    .filter((word) => word.startsWith(`${name}=`))
    .map((word) => word.slice(name.length + 1));
  return values.at(-1) ?? null;
}

const TEST_REMOVE = 'DEBUG_TEST_DRIVER_REMOVE';

/** A twin is the same machine, but its kernel may be the variant without the test removal. */
function configOfTwin(twin: Session | null, notes: string): Table<string> | null {
  const config = twin?.machine.config ?? null;
  if (config === null) return null;
  const tested: [string, string][] = notes.includes(`${TEST_REMOVE}=y`) ? [[TEST_REMOVE, 'y']] : [];
  const rest = Object.entries(config).filter(([option]) => option !== TEST_REMOVE);
  return tableOf([...rest, ...tested]);
}

function assumedConfig(release: string, version: string, notes: string): Table<string> {
  const isX86 = release.endsWith('amd64');
  const lazy = isX86 ? 'IOMMU_DEFAULT_DMA_LAZY' : 'IOMMU_DEFAULT_DMA_STRICT';
  const always: [string, string][] = [
    ['MODULES', 'y'],
    [lazy, 'y'],
    ['PCIEPORTBUS', 'y'],
    ...X86_OR_ARM[isX86 ? 'x86' : 'arm'].map((option): [string, string] => [option, 'y']),
  ];
  if (release.endsWith('-lab')) return tableOf([...always, ...smallKernel(notes)]);
  const builtIn = [
    ...(version === '6.1' ? [] : BUILT_IN_FROM_6_12),
    ...(isX86 ? [] : BUILT_IN_ON_ARM64),
  ];
  if (!isX86)
    always.push(...BUSES_ON_ARM64.map((option): [string, string] => [option, 'y']), [
      'CMA_ALIGNMENT',
      '8',
    ]);
  const value = (option: string): [string, string] => [
    option,
    builtIn.includes(option) ? 'y' : 'm',
  ];
  return tableOf([...always, ...DISTRIBUTION_MODULES.map(value)]);
}

function smallKernel(notes: string): [string, string][] {
  const modules = SMALL_KERNEL_MODULES.map((option): [string, string] => [option, 'm']);
  const smmu = /^\S*-cm\d/.test(notes) ? 'm' : 'y';
  const own: [string, string][] = [
    ['ARM_SMMU', smmu],
    ['ARM_SMMU_V3', smmu],
  ];
  if (notes.includes(`${TEST_REMOVE}=y`)) own.push([TEST_REMOVE, 'y']);
  return [...modules, ...own];
}

/** The fix of the test removal was reverted in some kernels; their notes say so, and so do names. */
function patchesOf(notes: string): Record<string, boolean> {
  const named = /^\S*?-(?:b|bs|bsa)(?:\d+)?-/.test(notes);
  const told = notes
    .split(/[\n.]/)
    .some((sentence) => /dma_cleanup/.test(sentence) && /\breverted\b/i.test(sentence));
  return named || told ? { test_remove_dma_cleanup: false } : {};
}
