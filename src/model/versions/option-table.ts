/**
 * The CONFIG_ options that the model reads. Paths ask for them by these names only, so that an
 * option which is not here changes nothing, and can be refused where someone sets it by hand.
 * Source of kinds and meanings: the Kconfig files of Linux 6.1.
 */

/** One option, without the prefix. */
interface Option {
  /** What a configuration may say of it. */
  readonly values: readonly string[];
  /** Its value where a kernel's configuration is not known. */
  readonly assumed: string;
  readonly meaning: string;
}

const BOOL = ['y', 'n'] as const;

const options = {
  MODULES: {
    values: BOOL,
    assumed: 'y',
    meaning: 'drivers may come later than the boot, so deferred probing waits for them',
  },
  MODULE_FORCE_UNLOAD: {
    values: BOOL,
    assumed: 'n',
    meaning: 'a module can be unloaded while it is in use',
  },
  DEBUG_TEST_DRIVER_REMOVE: {
    values: BOOL,
    assumed: 'n',
    meaning: 'each probe is followed by a removal and a second probe',
  },
  IOMMU_API: { values: BOOL, assumed: 'y', meaning: 'there is an IOMMU core' },
  IOMMU_DEFAULT_PASSTHROUGH: {
    values: BOOL,
    assumed: 'n',
    meaning: 'default domains are identity domains',
  },
  IOMMU_DEFAULT_DMA_LAZY: {
    values: BOOL,
    assumed: 'n',
    meaning: 'default domains flush their TLBs in batches; n is strict',
  },
  ARM_SMMU_LEGACY_DT_BINDINGS: {
    values: BOOL,
    assumed: 'n',
    meaning: 'SMMUs may list their masters in their own nodes, from 5.6 on',
  },
  INTEL_IOMMU_DEFAULT_ON: {
    values: BOOL,
    assumed: 'y',
    meaning: 'VT-d translates unless the command line says off',
  },
  INTEL_IOMMU_SCALABLE_MODE_DEFAULT_ON: {
    values: BOOL,
    assumed: 'n',
    meaning: 'VT-d uses scalable mode where it has it, unless the command line says otherwise',
  },
  INTEL_IOMMU_SVM: {
    values: BOOL,
    assumed: 'n',
    meaning: 'VT-d can share the address spaces of processes',
  },
  IRQ_REMAP: {
    values: BOOL,
    assumed: 'y',
    meaning: 'VT-d and AMD-Vi remap interrupts, for which their tables are read early',
  },
  ARM_AMBA: { values: BOOL, assumed: 'n', meaning: 'the IOMMU core looks after the amba bus' },
  ARM64_16K_PAGES: { values: BOOL, assumed: 'n', meaning: 'pages have 16 KiB, not 4' },
  ARM64_64K_PAGES: { values: BOOL, assumed: 'n', meaning: 'pages have 64 KiB, not 4' },
  CMA_ALIGNMENT: {
    values: ['n', '2', '3', '4', '5', '6', '7', '8', '9', '10', '11', '12'],
    assumed: 'n',
    meaning: 'the order of the largest aligned memory for DMA; n is without an allocator for it',
  },
  FSL_MC_BUS: { values: BOOL, assumed: 'n', meaning: 'the IOMMU core looks after the fsl-mc bus' },
  TEGRA_HOST1X_CONTEXT_BUS: {
    values: BOOL,
    assumed: 'n',
    meaning: 'the IOMMU core looks after the host1x-context bus',
  },
} as const satisfies Record<string, Option>;

export type OptionName = keyof typeof options;

/** Every option by name. */
export const OPTIONS: Readonly<Record<OptionName, Option>> = options;

/** The names of all options, in the table's order. */
export const OPTION_NAMES = Object.keys(OPTIONS).filter(isOptionName);

/** Does the model read an option of that name? */
export function isOptionName(name: string): name is OptionName {
  return Object.hasOwn(OPTIONS, name);
}
