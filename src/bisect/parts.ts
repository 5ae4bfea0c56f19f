/** Plain data with some of its parts exchanged. */
import type { Change } from '../engine/diff.ts';
import { thaw } from '../engine/history.ts';

/** A copy in which each part has its `after`, and is gone where that is undefined. */
export function withParts<T extends object>(value: T, parts: readonly Change[]): T {
  const copy = thaw(value);
  for (const { path, after } of parts) {
    const owner = path.slice(0, -1).reduce<unknown>((at, step) => memberOf(at, step), copy);
    const last = path.at(-1);
    if (last === undefined || typeof owner !== 'object' || owner === null) continue;
    if (after === undefined) Reflect.deleteProperty(owner, last);
    else Object.defineProperty(owner, last, { value: after, ...PLAIN });
  }
  return copy;
}

/** A property as an assignment makes it, whatever its name. */
const PLAIN = { writable: true, enumerable: true, configurable: true } as const;

function memberOf(at: unknown, step: string): unknown {
  if (typeof at !== 'object' || at === null || !Object.hasOwn(at, step)) return undefined;
  return Reflect.get(at, step);
}
