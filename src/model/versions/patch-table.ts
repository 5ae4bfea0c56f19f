/**
 * Kernel patches as named switches.
 *
 * A tree has a patch when its release is at or past `landed`, or when its stable releases took it
 * (`stable`). A profile stands for the newest stable release of its series, so backports count.
 * Source of names, commits and releases: the mainline history and the stable trees. Source of the
 * stable releases with a patch level: the ChangeLog-6.y.z files of kernel.org.
 */
import type { Patch } from './patch.ts';
import { bootMappingPatches } from './patch-boot-mappings-table.ts';
import { coherencyPatches } from './patch-coherency-table.ts';
import { dmaConfigurePatches } from './patch-dma-configure-table.ts';
import { driverCorePatches } from './patch-driver-core-table.ts';
import { iommuPatches } from './patch-iommu-table.ts';
import { otherPatches } from './patch-other-table.ts';
import { ownershipPatches } from './patch-ownership-table.ts';
import { smmuPatches } from './patch-smmu-table.ts';
import { unitPatches } from './patch-units-table.ts';

const patches = {
  ...ownershipPatches,
  ...coherencyPatches,
  ...dmaConfigurePatches,
  ...iommuPatches,
  ...driverCorePatches,
  ...bootMappingPatches,
  ...otherPatches,
  ...smmuPatches,
  ...unitPatches,
} as const satisfies Record<string, Patch>;

export type PatchName = keyof typeof patches;

/** Every patch by name. */
export const PATCHES: Readonly<Record<PatchName, Patch>> = patches;
