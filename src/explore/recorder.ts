/**
 * Records what is read and written of a state while steps run on it: footprints are measured, by
 * proxies around the state, and not written down by hand, so that they cannot be wrong for long.
 *
 * A location is a field of an object of the state, an element of a list, or the set of keys of an
 * object, whose order is state too. Writing what is there already is reading. What a path keeps from
 * the state beyond a step is a proxy still, so that a later look at it counts when it happens.
 */
import { READ, WRITE } from './footprint.ts';

/** Locations by their names: one for all runs of an exploration, so that footprints compare. */
export interface Locations {
  /** The number of what is no field of the state: a lock, the tasks of a name. */
  named(name: string): number;
  /** A new one. */
  add(): number;
  readonly root: Spot;
}

/** An object at a place of the state. */
interface Spot {
  /** Key to location. */
  readonly fields: Map<string, number>;
  readonly below: Map<string, Spot>;
  readonly keys: number;
}

export interface Recorder {
  /** The state behind a proxy. */
  view<T extends object>(state: T): T;
  /** Notes down a use of what is no field of the state. */
  note(location: number, use: number): void;
  /** What is used is added here; null to let it pass. */
  sink: Map<number, number> | null;
}

export function createLocations(): Locations {
  let count = 0;
  const add = () => count++;
  const names = new Map<string, number>();
  return {
    add,
    named(name) {
      const known = names.get(name) ?? add();
      names.set(name, known);
      return known;
    },
    root: { fields: new Map(), below: new Map(), keys: add() },
  };
}

/**
 * @param fixed what never changes: the parts of the machine that the state refers to.
 */
export function createRecorder(locations: Locations, fixed: WeakSet<object>): Recorder {
  const { add } = locations;
  const proxies = new WeakMap<object, object>();
  const targets = new WeakMap<object, object>();
  const handlers = new WeakMap<Spot, ProxyHandler<object>>();
  const recorder: Recorder = {
    sink: null,
    note(location, use) {
      const { sink } = recorder;
      if (sink === null) return;
      const before = sink.get(location) ?? 0;
      if ((before & use) !== use) sink.set(location, before | use);
    },
    // The proxy of an object has its type.
    view: <T extends object>(state: T): T => behind(state, locations.root) as T,
  };
  const field = (spot: Spot, key: string, use: number): void => {
    if (recorder.sink === null) return;
    let location = spot.fields.get(key);
    if (location === undefined) {
      location = add();
      spot.fields.set(key, location);
    }
    recorder.note(location, use);
  };
  const behind = (target: object, spot: Spot): object => {
    let proxy = proxies.get(target);
    if (proxy === undefined) {
      let handler = handlers.get(spot);
      if (handler === undefined) {
        handler = handlerOf(spot);
        handlers.set(spot, handler);
      }
      proxy = new Proxy(target, handler);
      proxies.set(target, proxy);
      targets.set(proxy, target);
    }
    return proxy;
  };
  const below = (spot: Spot, key: string): Spot => {
    let child = spot.below.get(key);
    if (child === undefined) {
      child = { fields: new Map(), below: new Map(), keys: add() };
      spot.below.set(key, child);
    }
    return child;
  };
  /** A value as the state keeps it: no proxy in it. */
  const bare = (value: unknown): unknown => {
    if (typeof value !== 'object' || value === null || fixed.has(value)) return value;
    const target = targets.get(value);
    if (target !== undefined) return target;
    if (proxies.has(value)) return value;
    for (const key of Object.keys(value)) {
      const inner: unknown = Reflect.get(value, key);
      const own = bare(inner);
      if (own !== inner) Reflect.set(value, key, own);
    }
    return value;
  };
  const handlerOf = (spot: Spot): ProxyHandler<object> => ({
    get(target, key) {
      const value: unknown = Reflect.get(target, key);
      if (typeof key === 'symbol' || typeof value === 'function') return value;
      field(spot, key, READ);
      if (typeof value !== 'object' || value === null || fixed.has(value)) return value;
      return proxies.get(value) ?? behind(value, below(spot, key));
    },
    set(target, key, value) {
      if (typeof key === 'symbol') return false;
      const own = bare(value);
      const isThere = Object.hasOwn(target, key);
      if (isThere && Reflect.get(target, key) === own) {
        field(spot, key, READ);
        return true;
      }
      const length = Array.isArray(target) ? target.length : 0;
      const isSet = Reflect.set(target, key, own);
      field(spot, key, WRITE);
      if (!isThere) recorder.note(spot.keys, WRITE);
      if (Array.isArray(target) && target.length !== length) {
        field(spot, 'length', WRITE);
        for (let i = target.length; i < length; i += 1) field(spot, String(i), WRITE);
      }
      return isSet;
    },
    deleteProperty(target, key) {
      if (typeof key === 'symbol') return false;
      const isThere = Object.hasOwn(target, key);
      field(spot, key, isThere ? WRITE : READ);
      if (isThere) recorder.note(spot.keys, WRITE);
      return Reflect.deleteProperty(target, key);
    },
    has(target, key) {
      if (typeof key === 'string') field(spot, key, READ);
      return Reflect.has(target, key);
    },
    getOwnPropertyDescriptor(target, key) {
      if (typeof key === 'string') field(spot, key, READ);
      return Reflect.getOwnPropertyDescriptor(target, key);
    },
    ownKeys(target) {
      recorder.note(spot.keys, READ);
      return Reflect.ownKeys(target);
    },
    defineProperty: () => false,
  });
  return recorder;
}
