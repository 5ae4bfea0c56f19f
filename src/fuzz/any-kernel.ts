/** Arbitrary kernels: their release, configuration, command line and patches. */
import type fc from 'fast-check';
import type { IommuKind, KernelSpec } from '../events/machine.ts';
import { tableOf } from '../events/table.ts';
import { OPTION_NAMES, OPTIONS } from '../model/versions/option-table.ts';
import { PATCH_NAMES, PROFILES } from '../model/versions/profile.ts';
import { type Dice, drawn } from './drawn.ts';

/** What is given of a kernel; what is null is drawn. */
export interface KernelChoice {
  /** A release as scenarios name it. */
  readonly version: string | null;
  /** All options that are not as assumed. */
  readonly config: KernelSpec['config'] | null;
  readonly cmdline: string | null;
  /** All patches that are not as in the release. */
  readonly patches: KernelSpec['patches'] | null;
  /** Options that the configuration has whatever is drawn: of those that build drivers `y`, `m` or `n`. */
  readonly build?: KernelSpec['config'];
}

/** Nothing is given but that the kernel is a release as it is. */
export const ANY_RELEASE: KernelChoice = {
  ...{ version: null, config: null, cmdline: null, patches: {} },
};

/** Options that change much; the rest of the table is seldom touched. */
const LIKELY: readonly (readonly [weight: number, option: string, value: string])[] = [
  [10, 'DEBUG_TEST_DRIVER_REMOVE', 'y'],
  [4, 'MODULE_FORCE_UNLOAD', 'y'],
  [4, 'IOMMU_DEFAULT_PASSTHROUGH', 'y'],
  [2, 'MODULES', 'n'],
  [4, 'ARM_SMMU_LEGACY_DT_BINDINGS', 'y'],
  [3, 'ARM_AMBA', 'y'],
];

type Words = readonly [weight: number, words: readonly string[]];

/** Words that decide in which order things happen, or what translates. */
const WORDS: readonly Words[] = [
  [5, ['deferred_probe_timeout=0', 'deferred_probe_timeout=-1', 'deferred_probe_timeout=30']],
  [4, ['fw_devlink=permissive', 'fw_devlink=off', 'fw_devlink=on', 'fw_devlink=rpm']],
  [10, ['fw_devlink.strict=1']],
  [4, ['fw_devlink.sync_state=timeout', 'of_devlink', 'clk_ignore_unused']],
  [4, ['iommu.passthrough=1', 'iommu.passthrough=0', 'iommu.strict=0']],
  [3, ['vfio_iommu_type1.allow_unsafe_interrupts=1', 'vfio.enable_unsafe_noiommu_mode=1']],
  [3, ['root=/dev/nfs', 'initcall_debug', 'iommu=pt']],
];

/** Words for one kind of IOMMU, as those who have it use them: passthrough is common on servers. */
const WORDS_FOR: Partial<Record<IommuKind, readonly Words[]>> = {
  'arm-smmu': [[7, ['arm-smmu.disable_bypass=0', 'arm-smmu.disable_bypass=1']]],
  'arm-smmu-v3': [[5, ['arm_smmu_v3.disable_bypass=0', 'arm_smmu_v3.disable_bypass=1']]],
  intel: [
    [12, ['intel_iommu=on iommu=pt']],
    [8, ['intel_iommu=on', 'iommu=pt', 'intel_iommu=off', 'intremap=off']],
  ],
  amd: [[10, ['iommu=pt', 'amd_iommu=on iommu=pt', 'amd_iommu=off']]],
};

/** @param kinds the IOMMUs of the machine that it runs on, where that is known. */
export function anyKernel(
  dice: Dice,
  given: KernelChoice,
  kinds: readonly IommuKind[] = KINDS,
): KernelSpec {
  const { version, config, cmdline, patches } = given;
  return {
    version: version ?? PROFILES[PROFILES.length - 1 - dice.below(PROFILES.length)] ?? '6.1',
    release: null,
    config: config ?? anyConfig(dice),
    cmdline: cmdline ?? anyCmdline(dice, kinds),
    patches: patches ?? anyPatches(dice),
  };
}

function anyConfig(dice: Dice): KernelSpec['config'] {
  const rows: (readonly [string, string])[] = [];
  for (const [weight, option, value] of LIKELY)
    if (dice.percent(weight)) rows.push([option, value]);
  if (dice.percent(6)) {
    const option = dice.pick(OPTION_NAMES);
    rows.push([option, dice.pick(OPTIONS[option].values)]);
  }
  return tableOf(rows);
}

const KINDS: readonly IommuKind[] = ['arm-smmu', 'arm-smmu-v3', 'intel', 'amd'];

function anyCmdline(dice: Dice, kinds: readonly IommuKind[]): string {
  if (!dice.percent(45)) return '';
  const words = [...WORDS, ...kinds.flatMap((kind) => WORDS_FOR[kind] ?? [])];
  const count = 1 + dice.below(2);
  return Array.from({ length: count }, () => dice.pick(dice.weigh(words))).join(' ');
}

function anyPatches(dice: Dice): KernelSpec['patches'] {
  if (!dice.percent(50)) return tableOf<boolean>([]);
  const count = 1 + dice.below(8);
  return tableOf(
    Array.from({ length: count }, () => [dice.pick(PATCH_NAMES), dice.percent(50)] as const),
  );
}

/** Kernels of which something may be given. */
export const aKernel = (given: KernelChoice): fc.Arbitrary<KernelSpec> =>
  drawn((dice) => anyKernel(dice, given));
