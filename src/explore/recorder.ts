/**
 * Records what is read and written of a state while steps run on it: footprints are measured, by
 * proxies around the state, and not written down by hand, so that they cannot be wrong for long.
 *
 * A location is a field of an object of the state, an element of a list, or the list of keys of an
 * object. Writing what is there already is reading. What a path keeps from the state beyond a step is
 * a proxy still, so that a later look at it counts when it happens.
 */
import { COUNT } from '../model/state/reducer.ts';
import { ADD, READ, WRITE } from './footprint.ts';
import { addTerm, chain, type Sum } from './hash.ts';
import type { Locations, Spot } from './locations.ts';

export interface Recorder {
  /** The state behind a proxy. */
  view<T extends object>(state: T): T;
  /** Notes down a use of what is no field of the state. */
  note(location: number, use: number): void;
  /** What is no field of the state changed from one number to another. */
  changed(location: number, before: number, after: number): void;
  /** A step learned a number that is no field of the state. */
  learned(location: number, value: number): void;
  /** What is used is added here; null to let it pass. */
  sink: Map<number, number> | null;
  /** What is learned is added here, in its order; null where nobody learns. */
  memory: Sum | null;
  /** What becomes of the state is added here: what is new, less what was. Null to let it pass. */
  change: Sum | null;
}

/** What the traps of all proxies of a run share. */
interface Work {
  readonly recorder: Recorder;
  readonly locations: Locations;
  readonly fixed: WeakSet<object>;
  readonly proxies: WeakMap<object, object>;
  readonly targets: WeakMap<object, object>;
  readonly handlers: Map<Spot, ProxyHandler<object>>;
  /** How often an object was put to a location: who keeps one may not have the present one. */
  readonly versions: Map<number, number>;
}

/** @param fixed what never changes: the parts of the machine that the state refers to. */
export function createRecorder(locations: Locations, fixed: WeakSet<object>): Recorder {
  const recorder: Recorder = {
    ...{ sink: null, memory: null, change: null },
    note(location, use) {
      const { sink } = recorder;
      if (sink === null) return;
      const before = sink.get(location) ?? 0;
      if ((before & use) !== use) sink.set(location, before | use);
    },
    changed(location, before, after) {
      if (recorder.change === null) return;
      addTerm(recorder.change, -1, location, before);
      addTerm(recorder.change, 1, location, after);
    },
    learned(location, value) {
      if (recorder.memory !== null) chain(recorder.memory, location, value);
    },
    // The proxy of an object has its type.
    view: <T extends object>(state: T): T => behind(work, state, locations.root) as T,
  };
  const work: Work = {
    ...{ recorder, locations, fixed },
    ...{ proxies: new WeakMap(), targets: new WeakMap(), handlers: new Map(), versions: new Map() },
  };
  return recorder;
}

/** The proxy of an object that stands at that place. */
function behind(work: Work, target: object, spot: Spot): object {
  const { proxies, targets, handlers } = work;
  let proxy = proxies.get(target);
  if (proxy !== undefined) return proxy;
  let handler = handlers.get(spot);
  if (handler === undefined) {
    handler = { ...readTraps(work, spot), ...writeTraps(work, spot) };
    handlers.set(spot, handler);
  }
  proxy = new Proxy(target, handler);
  proxies.set(target, proxy);
  targets.set(proxy, target);
  return proxy;
}

function readTraps(work: Work, spot: Spot): ProxyHandler<object> {
  const { recorder, locations, fixed, proxies } = work;
  const looked = (key: string, isThere: boolean): void => {
    if (recorder.sink === null) return;
    const location = locations.field(spot, key);
    recorder.note(location, READ);
    recorder.learned(location, isThere ? 1 : 0);
  };
  return {
    get(target, key) {
      if (key === COUNT) return countOn(work, spot, target);
      const value: unknown = Reflect.get(target, key);
      if (typeof key === 'symbol' || typeof value === 'function') return value;
      if (recorder.sink !== null) {
        const location = locations.field(spot, key);
        recorder.note(location, READ);
        if (recorder.memory !== null) recorder.learned(location, numberOf(work, location, value));
      }
      if (typeof value !== 'object' || value === null || fixed.has(value)) return value;
      return proxies.get(value) ?? behind(work, value, locations.below(spot, key));
    },
    has(target, key) {
      const isThere = Reflect.has(target, key);
      if (typeof key === 'string') looked(key, isThere);
      return isThere;
    },
    getOwnPropertyDescriptor(target, key) {
      const descriptor = Reflect.getOwnPropertyDescriptor(target, key);
      if (typeof key === 'string') looked(key, descriptor !== undefined);
      return descriptor;
    },
    ownKeys(target) {
      recorder.note(spot.keys, READ);
      if (recorder.memory !== null) recorder.learned(spot.keys, keysNumber(work, target));
      return Reflect.ownKeys(target);
    },
  };
}

function writeTraps(work: Work, spot: Spot): ProxyHandler<object> {
  const { recorder, locations } = work;
  /** Does `write`, which changes the keys of the target where `isOther`. */
  const changing = (target: object, isOther: boolean, write: () => boolean): boolean => {
    if (!isOther) return write();
    const before = recorder.change === null ? 0 : keysNumber(work, target);
    const isDone = write();
    recorder.note(spot.keys, WRITE);
    if (recorder.change !== null) recorder.changed(spot.keys, before, keysNumber(work, target));
    if (Array.isArray(target)) recorder.note(locations.field(spot, 'length'), WRITE);
    return isDone;
  };
  const remove = (target: object, key: string): boolean => {
    const location = locations.field(spot, key);
    recorder.note(location, WRITE);
    addValue(work, -1, spot, key, Reflect.get(target, key));
    return Reflect.deleteProperty(target, key);
  };
  return {
    set(target, key, given) {
      if (typeof key === 'symbol') return false;
      const value = bare(work, given);
      if (Array.isArray(target) && key === 'length') {
        const length = Number(value);
        recorder.note(locations.field(spot, key), READ);
        if (length === target.length) return true;
        return changing(target, true, () => {
          for (let i = length; i < target.length; i += 1)
            if (Object.hasOwn(target, i)) remove(target, String(i));
          target.length = length;
          return true;
        });
      }
      const location = locations.field(spot, key);
      const isThere = Object.hasOwn(target, key);
      if (isThere && Reflect.get(target, key) === value) {
        recorder.note(location, READ);
        return true;
      }
      recorder.note(location, WRITE);
      return changing(target, !isThere, () => {
        if (isThere) addValue(work, -1, spot, key, Reflect.get(target, key));
        if (isKept(work, value)) work.versions.set(location, versionOf(work, location) + 1);
        const isSet = Reflect.set(target, key, value);
        addValue(work, 1, spot, key, value);
        return isSet;
      });
    },
    deleteProperty(target, key) {
      if (typeof key === 'symbol') return false;
      if (Object.hasOwn(target, key)) return changing(target, true, () => remove(target, key));
      recorder.note(locations.field(spot, key), READ);
      return true;
    },
    defineProperty: () => false,
  };
}

/** Moves a count of the target: adding, not reading and writing. */
function countOn(work: Work, spot: Spot, target: object): (key: string, by: number) => void {
  const { recorder, locations } = work;
  return (key, by) => {
    const before = Number(Reflect.get(target, key));
    const after = Math.max(before + by, 0);
    const location = locations.field(spot, key);
    recorder.note(location, ADD);
    recorder.changed(location, locations.value(before), locations.value(after));
    Reflect.set(target, key, after);
  };
}

/** A value as the state keeps it: no proxy in it. */
function bare(work: Work, value: unknown): unknown {
  if (!isKept(work, value)) return value;
  const target = work.targets.get(value);
  if (target !== undefined) return target;
  if (work.proxies.has(value)) return value;
  for (const key of Object.keys(value)) {
    const inner: unknown = Reflect.get(value, key);
    const own = bare(work, inner);
    if (own !== inner) Reflect.set(value, key, own);
  }
  return value;
}

/** Is it an object of the state, and not of the machine? */
function isKept({ fixed }: Work, value: unknown): value is object {
  return typeof value === 'object' && value !== null && !fixed.has(value);
}

function versionOf({ versions }: Work, location: number): number {
  return versions.get(location) ?? 0;
}

/** What is at a location, as a number: of an object, which one it is and not what is in it. */
function numberOf(work: Work, location: number, value: unknown): number {
  return isKept(work, value) ? -1 - versionOf(work, location) : work.locations.value(value);
}

/** The keys of an object in their order, or the length of a list, as a number. */
function keysNumber({ locations }: Work, target: object): number {
  return locations.value(Array.isArray(target) ? target.length : Object.keys(target).join('\0'));
}

/** Adds what is at a place of the state to the change, with all that is in it, or takes it out. */
function addValue(work: Work, sign: 1 | -1, spot: Spot, key: string, value: unknown): void {
  const { recorder, locations } = work;
  if (recorder.change === null) return;
  const location = locations.field(spot, key);
  addTerm(recorder.change, sign, location, numberOf(work, location, value));
  if (!isKept(work, value)) return;
  const below = locations.below(spot, key);
  addTerm(recorder.change, sign, below.keys, keysNumber(work, value));
  for (const inner of Object.keys(value))
    addValue(work, sign, below, inner, Reflect.get(value, inner));
}
