/** When a file beside the log was taken, and what it says of that moment. */
import type { EvidenceFile } from './evidence-file.ts';
import type { Observation } from './observation.ts';
import type { DeferredEntry, SysfsSnapshot } from './sysfs-file.ts';

export interface Moment {
  readonly source: EvidenceFile;
  /** null where only the deferred devices are known. */
  readonly snapshot: SysfsSnapshot | null;
  readonly deferred: readonly DeferredEntry[];
  /** Lines before this one had been printed by then; infinity where all had. */
  readonly before: number;
  /** The last observed line before; 1 for none. */
  readonly line: number;
}

/** The clock of /proc/uptime starts behind that of the log, by less than this. */
const CLOCKS_DIFFER_US = 300_000;

/**
 * The moments that files tell of, in their order. A listing says when it was taken; a list of deferred
 * devices does not, and is of the end. Of a log without stamps every listing is.
 */
export function momentsOf(
  files: readonly EvidenceFile[],
  observations: readonly Observation[],
): readonly Moment[] {
  const moments = files.flatMap((one): Moment[] => {
    if (one.kind === 'sysfs') {
      const { snapshot } = one;
      const deferred = snapshot.devices_deferred;
      return [{ source: one, snapshot, deferred, ...placeOf(snapshot.uptimeUs, observations) }];
    }
    if (one.kind !== 'deferred') return [];
    const { entries: deferred } = one;
    return [{ source: one, snapshot: null, deferred, ...placeOf(null, observations) }];
  });
  return moments.sort((a, b) => a.line - b.line || byPlace(a.before, b.before));
}

/** Which of two lines comes first, of which both may be infinity. */
export function byPlace(a: number, b: number): number {
  if (a === b) return 0;
  return a < b ? -1 : 1;
}

function placeOf(
  uptimeUs: number | null,
  observations: readonly Observation[],
): Pick<Moment, 'before' | 'line'> {
  const taken = uptimeUs ?? Number.POSITIVE_INFINITY;
  const at = observations.findIndex(({ kind, record: { timeUs } }) => {
    // Whoever takes a listing waits for what was done before to be over.
    const slack = kind === 'user.action' ? 0 : CLOCKS_DIFFER_US;
    return timeUs !== null && timeUs > taken + slack;
  });
  const last = observations.at(at < 0 ? -1 : Math.max(0, at - 1));
  const before = at < 0 ? undefined : observations[at]?.record.line;
  return { before: before ?? Number.POSITIVE_INFINITY, line: last?.record.line ?? 1 };
}
