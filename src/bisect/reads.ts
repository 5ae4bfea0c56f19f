/** Which parts of a state somebody looks at. */
import type { ReadState } from '../model/state/state.ts';

/** Names from the root of the state to a part of it: `['groups', '1', 'owner_cnt']`. */
export type Part = readonly string[];

/**
 * The parts that `look` reads: values that are no tables, lists as a whole, and names that it looked
 * up in vain. Each once, in the order in which they were first read.
 */
export function readsOf(state: ReadState, look: (state: ReadState) => unknown): readonly Part[] {
  const parts = new Map<string, Part>();
  const note = (part: Part): void => {
    parts.set(part.join('\0'), part);
  };
  look(watched(state, [], note));
  return [...parts.values()];
}

function watched<T extends object>(value: T, path: Part, note: (part: Part) => void): T {
  return new Proxy(value, {
    get(target, key): unknown {
      const found: unknown = Reflect.get(target, key);
      // What comes with the language is no part of the state.
      const isOwn = Object.hasOwn(target, key);
      if (typeof key === 'symbol' || (!isOwn && found !== undefined)) return found;
      const part = [...path, key];
      if (typeof found !== 'object' || found === null || Array.isArray(found)) {
        note(part);
        return found;
      }
      return watched(found, part, note);
    },
    has(target, key): boolean {
      if (typeof key === 'string') note([...path, key]);
      return Reflect.has(target, key);
    },
    getOwnPropertyDescriptor(target, key) {
      if (typeof key === 'string' && !Object.hasOwn(target, key)) note([...path, key]);
      return Reflect.getOwnPropertyDescriptor(target, key);
    },
  });
}
