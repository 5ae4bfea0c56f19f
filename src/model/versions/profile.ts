/**
 * Kernel releases as sets of patches, and the questions a path may ask of its kernel.
 *
 * One rule for logs, flags and scenarios: a release has the patches that had landed in it. For the
 * rest the newest profile not newer than it stands for it, and the oldest one for anything older.
 */
import { ReprobeError } from '../../error.ts';
import type { KernelSpec } from '../../events/machine.ts';
import { isOptionName, OPTIONS } from './option-table.ts';
import type { Patch } from './patch.ts';
import { PATCHES, type PatchName } from './patch-table.ts';

/** The releases with a profile, oldest first. */
export const PROFILES = [
  ...['4.12', '4.15', '5.0', '5.4', '5.10', '5.15', '5.19'],
  ...['6.1', '6.5', '6.6', '6.8', '6.12', '7.2'],
] as const;

/** The profile of what names no release, and of logs that do not name theirs. */
export const ASSUMED_PROFILE = '6.1';

/** The names of all patches, in the table's order. */
export const PATCH_NAMES = Object.keys(PATCHES).filter(isPatchName);

/** Is there a patch of that name? */
export function isPatchName(name: string): name is PatchName {
  return Object.hasOwn(PATCHES, name);
}

/** What the name of a release says. */
interface Release {
  /** `6.1` of `6.1.192-lab`. */
  readonly series: string;
  /** 192 of `6.1.192-lab`; null where the name does not tell. */
  readonly patchlevel: number | null;
}

const RELEASE = /^v?(\d{1,3}\.\d{1,4})(?:\.(\d{1,5})(?:\.\S*)?|\.y)?(?:[-+_~]\S*)?$/;
/** Distributions count their own builds behind a zero that is not the patch level. */
const OWN_COUNT = /^v?\d+\.\d+\.0-\d/;

/** Reads `6.1`, `6.1.y`, `v6.1.20` or a whole `uname -r`; null for what names no release. */
export function parseRelease(text: string): Release | null {
  const [, series, patchlevel] = RELEASE.exec(text) ?? [];
  if (series === undefined) return null;
  const isTold = patchlevel !== undefined && !OWN_COUNT.test(text);
  return { series, patchlevel: isTold ? Number(patchlevel) : null };
}

/** Compares `6.12` with `6.6` as releases, without patch levels: negative, zero or positive. */
export function compareReleases(a: string, b: string): number {
  const [majorA = 0, minorA = 0] = a.split('.').map(Number);
  const [majorB = 0, minorB = 0] = b.split('.').map(Number);
  return majorA - majorB || minorA - minorB;
}

/** The oldest release that is modelled, and the newest. */
export const OLDEST_PROFILE = PROFILES[0];
export const NEWEST_PROFILE = PROFILES[PROFILES.length - 1] ?? OLDEST_PROFILE;

/** Is a release older than all that are modelled, or newer? */
export function beyondProfiles(release: string): 'older' | 'newer' | null {
  const series = parseRelease(release)?.series ?? ASSUMED_PROFILE;
  if (compareReleases(series, OLDEST_PROFILE) < 0) return 'older';
  return compareReleases(series, NEWEST_PROFILE) > 0 ? 'newer' : null;
}

/** The profile that stands for a release. */
export function profileOf(release: string): string {
  const series = parseRelease(release)?.series ?? ASSUMED_PROFILE;
  const known = PROFILES.filter((profile) => compareReleases(profile, series) <= 0);
  return known.at(-1) ?? OLDEST_PROFILE;
}

type Named = Pick<KernelSpec, 'version' | 'release'>;

/**
 * A kernel in words: `6.1.192`, `5.15.20 (modelled as 6.1)`; and of a log that does not name its
 * kernel, where nobody else does either, that one is assumed.
 */
export function describeKernel({ version, release }: Named, isAssumed = false): string {
  const profile = profileOf(version);
  if (isAssumed) return `not in the log, ${profile} assumed`;
  const name = release ?? version;
  return parseRelease(name)?.series === profile ? name : `${name} (modelled as ${profile})`;
}

/**
 * The release whose patches a kernel has: the one it says it is, where `version` is only the profile
 * that stands for it; else `version`.
 */
function releaseOf({ version, release }: Named): Release {
  const ran = parseRelease(release ?? '');
  const asked = parseRelease(version) ?? { series: ASSUMED_PROFILE, patchlevel: null };
  const isStandIn = ran !== null && profileOf(ran.series) === version;
  return isStandIn ? ran : asked;
}

/**
 * Does the release have the patch, since mainline or since a stable release of its series? Without a
 * patch level the newest stable release counts.
 */
function releaseHas({ series, patchlevel }: Release, name: PatchName): boolean {
  const { landed, until, stable }: Patch = PATCHES[name];
  if (until !== undefined && compareReleases(series, until) >= 0) return false;
  if (landed !== null && compareReleases(series, landed) >= 0) return true;
  const level = patchlevel ?? Number.POSITIVE_INFINITY;
  return stable.some((release) => {
    const since = parseRelease(release);
    return since?.series === series && (since.patchlevel ?? 0) <= level;
  });
}

/** Does the kernel of that release have the patch? */
export function profileHas(version: string, name: PatchName): boolean {
  return releaseHas(releaseOf({ version, release: null }), name);
}

const ofReleases = new Map<string, readonly PatchName[]>();

/** The patches that had landed in a release; asked for at each run, so remembered. */
function patchesOfRelease(release: Release): readonly PatchName[] {
  const key = `${release.series} ${release.patchlevel}`;
  let names = ofReleases.get(key);
  if (names === undefined) {
    names = PATCH_NAMES.filter((name) => releaseHas(release, name));
    ofReleases.set(key, names);
  }
  return names;
}

const ofKernels = new WeakMap<KernelSpec, ReadonlySet<PatchName>>();

/**
 * The patches of a kernel: its release's, changed by `patches` of the spec. Remembered for as long as
 * the spec is there, which nothing may change once it was asked.
 *
 * @throws ReprobeError UNKNOWN_NAME for a patch that is not in the table.
 */
export function patchesOf(spec: KernelSpec): ReadonlySet<PatchName> {
  let patches = ofKernels.get(spec);
  if (patches === undefined) {
    patches = changedPatches(spec);
    ofKernels.set(spec, patches);
  }
  return patches;
}

function changedPatches(spec: KernelSpec): ReadonlySet<PatchName> {
  const on = new Set(patchesOfRelease(releaseOf(spec)));
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

/** The value of an option: from the spec, else what is assumed, else `n`. */
export function configOf(spec: KernelSpec, option: string): string {
  return spec.config[option] ?? (isOptionName(option) ? OPTIONS[option].assumed : 'n');
}

/** The other value of a bool option: what is on goes off, what is off goes on. */
export function flipped(value: string): string {
  return value === 'n' ? 'y' : 'n';
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
