/** Kernel releases as sets of patches, and the questions a path may ask of its kernel. */
import { ReprobeError } from '../../error.ts';
import type { KernelSpec } from '../../events/machine.ts';
import { PATCHES, type PatchName } from './patch-table.ts';

/** The releases with a profile, oldest first. */
export const PROFILES = ['6.1', '6.12'] as const;

/** The names of all patches, in the table's order. */
export const PATCH_NAMES = Object.keys(PATCHES).filter(isPatchName);

/** Is there a patch of that name? */
export function isPatchName(name: string): name is PatchName {
  return Object.hasOwn(PATCHES, name);
}

/** Compares `6.12` with `6.6` as releases: negative, zero or positive. */
export function compareReleases(a: string, b: string): number {
  const [majorA = 0, minorA = 0] = a.split('.').map(Number);
  const [majorB = 0, minorB = 0] = b.split('.').map(Number);
  return majorA - majorB || minorA - minorB;
}

/** The profile that stands for a `uname -r`: the newest one not newer than the release. */
export function profileOf(release: string): string {
  const version = /^(\d+\.\d+)/.exec(release)?.[1] ?? PROFILES[0];
  const known = PROFILES.filter((profile) => compareReleases(profile, version) <= 0);
  return known.at(-1) ?? PROFILES[0];
}

/** Does the profile's tree have the patch? */
export function profileHas(version: string, name: PatchName): boolean {
  const patch = PATCHES[name];
  return compareReleases(version, patch.landed) >= 0 || patch.stable.includes(version);
}

/** The patches of a kernel: the profile's, changed by `patches` of the spec. */
export function patchesOf(spec: KernelSpec): ReadonlySet<PatchName> {
  const on = new Set(PATCH_NAMES.filter((name) => profileHas(spec.version, name)));
  for (const [name, wanted] of Object.entries(spec.patches)) {
    if (!isPatchName(name)) throw unknownPatch(name);
    if (wanted) on.add(name);
    else on.delete(name);
  }
  return on;
}

/** The error for a patch name that is not in the table. */
function unknownPatch(name: string): ReprobeError {
  return new ReprobeError('UNKNOWN_NAME', `there is no patch ${name}`, {
    hint: '`reprobe list patches` prints the names',
  });
}

/** CONFIG_ options that differ from `n` where a kernel's configuration is not known. */
const CONFIG_DEFAULTS: Readonly<Record<string, string>> = {
  MODULES: 'y',
  IOMMU_API: 'y',
  IOMMU_DMA: 'y',
};

/** The value of an option: from the spec, else the default, else `n`. */
export function configOf(spec: KernelSpec, option: string): string {
  return spec.config[option] ?? CONFIG_DEFAULTS[option] ?? 'n';
}

/**
 * The parameters of a kernel command line, by name; quotes group words as they do for the kernel.
 * Kernel: lib/cmdline.c:next_arg. Cost: one pass.
 */
export function parseCmdline(cmdline: string): Map<string, string> {
  const params = new Map<string, string>();
  for (const [word] of cmdline.matchAll(/(?:[^\s"]|"[^"]*"?)+/g)) {
    const bare = word.replaceAll('"', '');
    const at = bare.indexOf('=');
    if (at < 0) params.set(bare, '');
    else params.set(bare.slice(0, at), bare.slice(at + 1));
  }
  return params;
}
