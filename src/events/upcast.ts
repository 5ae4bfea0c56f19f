/**
 * Lifts traces of older schema versions to the current one, while they are read.
 *
 * When SCHEMA_VERSION is raised from v to v+1, a row `v` is added to UPCASTS that says how a header
 * and an event of version v look in version v+1. The rows are applied one after the other, before
 * anything is validated.
 */
import type { RawObject } from './shape.ts';
import { SCHEMA_VERSION } from './trace.ts';

/** One step, from the version it stands for to the next. */
export interface Upcast {
  readonly header: (raw: RawObject) => RawObject;
  /**
   * `raw` is a whole line: the event's `type` and fields, and `task`, `stack`, `line`. An event may
   * become none or several; those after it are renumbered.
   */
  readonly event: (raw: RawObject) => readonly RawObject[];
}

export type UpcastTable = Readonly<Record<number, Upcast>>;

/** By the version they lift from. Empty: there has been one version only. */
export const UPCASTS: UpcastTable = {};

/** The step from `schema` to the current version, or null where one is missing. */
export function upcastFrom(schema: number, table: UpcastTable = UPCASTS): Upcast | null {
  let lift: Upcast = { header: (raw) => raw, event: (raw) => [raw] };
  for (let version = schema; version < SCHEMA_VERSION; version++) {
    const step = Object.hasOwn(table, version) ? table[version] : undefined;
    if (step === undefined) return null;
    lift = after(lift, step);
  }
  return schema <= SCHEMA_VERSION ? lift : null;
}

function after(first: Upcast, then: Upcast): Upcast {
  return {
    header: (raw) => then.header(first.header(raw)),
    event: (raw) => first.event(raw).flatMap(then.event),
  };
}
