/** What differs between two states, path by path. */

/** One difference; `before` or `after` is undefined where the thing did not exist. */
export interface Change {
  /** Names from the root of the state to the value: `['groups', '1', 'owner_cnt']`. */
  readonly path: readonly string[];
  readonly before: unknown;
  readonly after: unknown;
}

/**
 * The smallest values that differ, in the order of the state's keys; what exists on one side only is
 * one change as a whole. Cost: linear in both states; shared parts are skipped.
 */
export function diffStates(before: unknown, after: unknown): readonly Change[] {
  const changes: Change[] = [];
  walk([], before, after, changes);
  return changes;
}

function walk(path: readonly string[], before: unknown, after: unknown, out: Change[]): void {
  if (before === after) return;
  if (isList(before) && isList(after)) {
    if (JSON.stringify(before) !== JSON.stringify(after)) out.push({ path, before, after });
    return;
  }
  if (!isRecord(before) || !isRecord(after)) {
    out.push({ path, before, after });
    return;
  }
  const keys = new Set([...Object.keys(before), ...Object.keys(after)]);
  for (const key of keys)
    walk(
      [...path, key],
      Object.hasOwn(before, key) ? before[key] : undefined,
      Object.hasOwn(after, key) ? after[key] : undefined,
      out,
    );
}

function isList(value: unknown): value is readonly unknown[] {
  return Array.isArray(value);
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
