/** Looking a value up in a state by a dotted path; names in it may hold dots themselves. */

export type PathResult =
  | { readonly found: true; readonly value: unknown; readonly keys: readonly string[] }
  | {
      readonly found: false;
      /** The longest part of the path that leads somewhere. */
      readonly reached: readonly string[];
      /** What there is at that place. */
      readonly keys: readonly string[];
    };

/**
 * Follows `path` through objects and lists. At each step the longest key that fits is tried first, so
 * `devices.0000:03:00.1.driver` finds the driver of device `0000:03:00.1`. Only own keys count.
 */
export function lookUp(root: unknown, path: string): PathResult {
  if (path === '') return { found: true, value: root, keys: [] };
  return follow(root, path.split('.'), []);
}

function follow(value: unknown, words: readonly string[], keys: readonly string[]): PathResult {
  if (words.length === 0) return { found: true, value, keys };
  let best: PathResult = { found: false, reached: keys, keys: ownKeys(value) };
  for (let taken = words.length; taken > 0; taken -= 1) {
    const key = words.slice(0, taken).join('.');
    const item = ownItem(value, key);
    if (item === null) continue;
    const result = follow(item.value, words.slice(taken), [...keys, key]);
    if (result.found) return result;
    if (!best.found && result.reached.length > best.reached.length) best = result;
  }
  return best;
}

function ownItem(value: unknown, key: string): { readonly value: unknown } | null {
  if (typeof value !== 'object' || value === null || !Object.hasOwn(value, key)) return null;
  if (Array.isArray(value) && key === 'length') return null;
  return { value: Reflect.get(value, key) };
}

function ownKeys(value: unknown): readonly string[] {
  return typeof value === 'object' && value !== null ? Object.keys(value) : [];
}
