/** Locations and values as numbers: one set for all runs of an exploration, so that they compare. */

export interface Locations {
  /** The number of what is no field of the state: a lock, the tasks of a name. */
  named(name: string): number;
  /** What a location is called: `devices.0000:00:02.0.driver`, `lock device_lock a`. */
  nameOf(location: number): string;
  field(spot: Spot, key: string): number;
  below(spot: Spot, key: string): Spot;
  readonly root: Spot;
  /** The number of a value that is no object, or of an object that never changes. */
  value(value: unknown): number;
}

/** An object at a place of the state. */
export interface Spot {
  /** What the names of its fields begin with. */
  readonly prefix: string;
  /** The location of the list of its keys, whose order is state too. */
  readonly keys: number;
  readonly fields: Map<string, number>;
  readonly children: Map<string, Spot>;
}

export function createLocations(): Locations {
  const names: string[] = [];
  const known = new Map<string, number>();
  const values = new Map<unknown, number>();
  const add = (name: string): number => names.push(name) - 1;
  const spotOf = (prefix: string, name: string): Spot => ({
    ...{ prefix, keys: add(`keys of ${name}`), fields: new Map(), children: new Map() },
  });
  return {
    nameOf: (location) => names[location] ?? '',
    named(name) {
      const location = known.get(name) ?? add(name);
      known.set(name, location);
      return location;
    },
    field(spot, key) {
      let location = spot.fields.get(key);
      if (location === undefined) {
        location = add(`${spot.prefix}${key}`);
        spot.fields.set(key, location);
      }
      return location;
    },
    below(spot, key) {
      let child = spot.children.get(key);
      if (child === undefined) {
        child = spotOf(`${spot.prefix}${key}.`, `${spot.prefix}${key}`);
        spot.children.set(key, child);
      }
      return child;
    },
    root: spotOf('', 'the state'),
    value(value) {
      const number = values.get(value) ?? values.size;
      values.set(value, number);
      return number;
    },
  };
}
