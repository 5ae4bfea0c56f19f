/**
 * Releases in order, as points at which patches come and go.
 *
 * The mainline releases are one line: `6.6.0` has what had landed by then, and none of the backports
 * that later releases of its series took. The stable releases of a series are a line of their own.
 */
import type { KernelSpec } from '../events/machine.ts';
import { emptyTable } from '../events/table.ts';
import type { Patch } from '../model/versions/patch.ts';
import { PATCHES, type PatchName } from '../model/versions/patch-table.ts';
import {
  compareReleases,
  isPatchName,
  NEWEST_PROFILE,
  OLDEST_PROFILE,
  PATCH_NAMES,
  parseRelease,
  patchesOf,
  profileHas,
} from '../model/versions/profile.ts';

/** A release of which the patches are known. */
export interface ReleasePoint {
  /** `6.6.0` of mainline, `6.1.53` of a stable line, `6.1.y` for the newest of a series. */
  readonly name: string;
  readonly series: string;
  readonly patches: ReadonlySet<PatchName>;
}

/** The last series of each major version that is followed by another one. */
const LAST_OF_MAJOR: Readonly<Record<string, number>> = { 3: 19, 4: 20, 5: 19, 6: 19 };

function seriesBefore(series: string): string {
  const [major = 0, minor = 0] = series.split('.').map(Number);
  return minor > 0 ? `${major}.${minor - 1}` : `${major - 1}.${LAST_OF_MAJOR[major - 1] ?? 0}`;
}

function seriesAfter(series: string): string {
  const [major = 0, minor = 0] = series.split('.').map(Number);
  return minor === LAST_OF_MAJOR[major] ? `${major + 1}.0` : `${major}.${minor + 1}`;
}

/** A mainline release as it was tagged. */
export function mainlineRelease(series: string): ReleasePoint {
  const patches = new Set(PATCH_NAMES.filter((name) => hadLanded(name, series)));
  return { name: `${series}.0`, series, patches };
}

/** Had the patch landed in that mainline release, and was it still there? */
function hadLanded(name: PatchName, series: string): boolean {
  const { landed, until }: Patch = PATCHES[name];
  if (landed === null || compareReleases(series, landed) < 0) return false;
  return until === undefined || compareReleases(series, until) < 0;
}

/** The mainline release before the one that a patch landed in; null for what never landed. */
export function releaseBefore(name: PatchName): ReleasePoint | null {
  const { landed } = PATCHES[name];
  return landed === null ? null : mainlineRelease(seriesBefore(landed));
}

function stableRelease(name: string): ReleasePoint {
  const series = parseRelease(name)?.series ?? name;
  const version = name.endsWith('.y') ? series : name;
  return { name, series, patches: new Set(PATCH_NAMES.filter((one) => profileHas(version, one))) };
}

/** Stable releases of a series that took a patch of the table, ascending, without the first one. */
function levelsOf(series: string): readonly number[] {
  const levels = PATCH_NAMES.flatMap((name) =>
    PATCHES[name].stable.flatMap((release) => {
      const parsed = parseRelease(release);
      return parsed?.series === series ? (parsed.patchlevel ?? []) : [];
    }),
  );
  return [...new Set(levels)].filter((level) => level > 0).sort((a, b) => a - b);
}

/**
 * The stable line of a series: its first release, each at which a patch came and the one before it,
 * and the newest.
 */
export function stableLine(series: string): readonly ReleasePoint[] {
  const levels = new Set(levelsOf(series).flatMap((level) => [level - 1, level]));
  const between = [...levels].filter((level) => level > 0).sort((a, b) => a - b);
  return [
    mainlineRelease(series),
    ...between.map((level) => stableRelease(`${series}.${level}`)),
    stableRelease(`${series}.y`),
  ];
}

/**
 * The releases from one to another, both with it: mainline ones, or where both are of one series, its
 * stable line. What is given with a patch level is itself; without one it is the mainline release.
 *
 * @throws nothing: a range without any release in it is empty.
 */
export function releaseLine(from: string | null, to: string | null): readonly ReleasePoint[] {
  const first = parseRelease(from ?? OLDEST_PROFILE) ?? {
    series: OLDEST_PROFILE,
    patchlevel: null,
  };
  const last = parseRelease(to ?? NEWEST_PROFILE) ?? { series: NEWEST_PROFILE, patchlevel: null };
  if (from !== null && to !== null && first.series === last.series) {
    const least = first.patchlevel ?? 0;
    const most = last.patchlevel ?? Number.POSITIVE_INFINITY;
    const known = stableLine(first.series).filter(({ name }) => {
      const level = parseRelease(name)?.patchlevel ?? Number.POSITIVE_INFINITY;
      return level > least && level < most;
    });
    return least >= most ? [] : [pointOf(first), ...known, pointOf(last, 'y')];
  }
  const points: ReleasePoint[] = [];
  for (
    let series = first.series;
    compareReleases(series, last.series) <= 0 && compareReleases(series, NEWEST_PROFILE) <= 0;
    series = seriesAfter(series)
  ) {
    const given = [first, last].find((one) => one.series === series);
    points.push(given === undefined ? mainlineRelease(series) : pointOf(given));
  }
  return points;
}

function pointOf(
  { series, patchlevel }: { readonly series: string; readonly patchlevel: number | null },
  otherwise: '0' | 'y' = '0',
): ReleasePoint {
  if (patchlevel !== null && patchlevel > 0) return stableRelease(`${series}.${patchlevel}`);
  const isFirst = patchlevel === 0 || otherwise === '0';
  return isFirst ? mainlineRelease(series) : stableRelease(`${series}.y`);
}

/** The release of a kernel as it shipped. */
export function releaseOfKernel(kernel: KernelSpec): ReleasePoint {
  const series = parseRelease(kernel.version)?.series ?? NEWEST_PROFILE;
  const name = kernel.release ?? kernel.version;
  return { name, series, patches: patchesOf({ ...kernel, patches: {} }) };
}

/** What of the patches that a kernel sets by hand is in no release, and so no release takes away. */
export function proposalsOf({ patches }: KernelSpec): Readonly<Record<string, boolean>> {
  const kept = emptyTable<boolean>();
  for (const [name, on] of Object.entries(patches))
    if (isPatchName(name) && PATCHES[name].landed === null) kept[name] = on;
  return kept;
}

/**
 * The kernel with exactly these patches of those that landed. Its options, its command line and
 * proposals that it has stay.
 */
export function kernelWith(
  spec: KernelSpec,
  series: string,
  patches: ReadonlySet<PatchName>,
): KernelSpec {
  const proposals = proposalsOf(spec);
  const bare: KernelSpec = { ...spec, version: series, release: null, patches: proposals };
  const has = patchesOf(bare);
  const set: Record<string, boolean> = { ...proposals };
  for (const name of PATCH_NAMES)
    if (PATCHES[name].landed !== null && has.has(name) !== patches.has(name))
      set[name] = patches.has(name);
  return { ...bare, patches: set };
}
