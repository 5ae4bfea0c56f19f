/** A run at rest, to go on from without what led there. */
import type { Machine } from '../events/machine.ts';
import { emptyTable } from '../events/table.ts';
import type { ReadState, State } from '../model/state/state.ts';

/**
 * A run between two stimuli when no task is left, no lock is held and the kernel has not hit an oops:
 * what comes depends on nothing else.
 */
export interface Rest {
  readonly state: ReadState;
  /** How many stimuli were given. */
  readonly given: number;
  /** How often each driver was asked to probe each device. */
  readonly attempts: ReadonlyMap<string, number>;
}

/** A state of one's own. What it has from the machine stays shared, for nothing writes that. */
export function copyState(state: ReadState, machine: Machine): State {
  const shared = partsOf(machine);
  const copy = (value: unknown): unknown => {
    if (typeof value !== 'object' || value === null || shared.has(value)) return value;
    if (Array.isArray(value)) return value.map(copy);
    const target: Record<string, unknown> =
      Object.getPrototypeOf(value) === null ? emptyTable<unknown>() : {};
    for (const key of Object.keys(value)) target[key] = copy(Reflect.get(value, key));
    return target;
  };
  // Copied field by field.
  return copy(state) as State;
}

const PARTS = new WeakMap<Machine, WeakSet<object>>();

/** All objects that a machine is made of. Cost: once through the machine, then none. */
export function partsOf(machine: Machine): WeakSet<object> {
  const known = PARTS.get(machine);
  if (known !== undefined) return known;
  const parts = new WeakSet<object>();
  const add = (value: unknown): void => {
    if (typeof value !== 'object' || value === null || parts.has(value)) return;
    parts.add(value);
    Object.values(value).forEach(add);
  };
  add(machine);
  PARTS.set(machine, parts);
  return parts;
}
