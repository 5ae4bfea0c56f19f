/** Drivers in scenarios: by name, in full, or like a known one but for some fields. */
import type { DriverSpec } from '../events/machine.ts';
import type { Firmware } from '../model/firmware/firmware.ts';
import {
  type Fields,
  fieldsOf,
  flagAt,
  isText,
  itemsOf,
  nameOf,
  nameOrNull,
  namesAt,
  oneOf,
  quote,
  retOf,
  tableAt,
  wordOf,
} from './decode.ts';
import { readDriverDma } from './dma.ts';
import { keysOf } from './keys.ts';
import { nearest } from './nearest.ts';
import { ofDevices, type References } from './references.ts';
import { DRIVER_WORDS } from './words.ts';
import { fail, type Place } from './yaml-source.ts';

/** What decoding may look up. */
export interface Knowledge {
  /** The driver of that name, for machines that name it only. */
  readonly known?: (name: string) => DriverSpec | undefined;
  /** Names that `known` knows, for suggestions. */
  readonly knownNames?: readonly string[];
  /** Reads the devicetree or IORT that a machine comes `from`; throws a ReprobeError. */
  readonly firmware?: (path: string) => Firmware;
}

/** The name of a known driver, a driver in full, or one `like` a known one but for some fields. */
export function readDriver(place: Place, knowledge: Knowledge, references: References): DriverSpec {
  if (isText(place)) return knownDriver(place, knowledge);
  const fields = fieldsOf(place, keysOf('driver'));
  const likePlace = fields.get('like');
  const like = likePlace === undefined ? undefined : knownDriver(likePlace, knowledge);
  const get = <T>(key: string, read: (value: Place) => T, assumed: T): T => {
    const value = fields.get(key);
    return value === undefined ? assumed : read(value);
  };
  const initcall = fields.get('initcall');
  const shutdown = fields.get('shutdown');
  const pasid = fields.get('pasid');
  const about = (key: string): Place | undefined => {
    const value = fields.get(key);
    return value === undefined ? undefined : ofDevices(value, references);
  };
  const outcomes = about('outcomes');
  const outcome = fields.get('outcome');
  const defersOn = about('defers_on');
  const reasons = about('defer_reasons');
  return {
    ...like,
    name: like === undefined ? nameOf(fields.need('name')) : get('name', nameOf, like.name),
    bus: like === undefined ? nameOf(fields.need('bus')) : get('bus', nameOf, like.bus),
    module: get('module', nameOrNull, like?.module ?? null),
    ids: get('ids', namesAt, like?.ids ?? []),
    driver_managed_dma: flagAt(fields.get('driver_managed_dma'), like?.driver_managed_dma ?? false),
    suppress_bind_attrs: flagAt(
      fields.get('suppress_bind_attrs'),
      like?.suppress_bind_attrs ?? false,
    ),
    probe_type: get(
      'probe_type',
      (v) => oneOf(v, DRIVER_WORDS.probe_type),
      like?.probe_type ?? 'default',
    ),
    ...(initcall === undefined ? {} : { initcall: oneOf(initcall, DRIVER_WORDS.initcall) }),
    ...(shutdown === undefined ? {} : { shutdown: oneOf(shutdown, DRIVER_WORDS.shutdown) }),
    ...(pasid === undefined ? {} : { pasid: flagAt(pasid, false) }),
    ...flagsAt(fields),
    ...(outcomes === undefined ? {} : { outcomes: tableAt(outcomes, readOutcomes) }),
    ...(outcome === undefined ? {} : { outcome: retOf(outcome) }),
    ...(defersOn === undefined ? {} : { defers_on: tableAt(defersOn, namesAt) }),
    ...(reasons === undefined ? {} : { defer_reasons: tableAt(reasons, wordOf) }),
    ...readDriverDma(fields),
  };
}

/** What a driver may do for its consumers, where it says so. */
function flagsAt(fields: Fields): Pick<DriverSpec, 'sync_state' | 'cleans_up'> {
  const flag = (key: string) => {
    const place = fields.get(key);
    return place === undefined ? {} : { [key]: flagAt(place, false) };
  };
  return { ...flag('sync_state'), ...flag('cleans_up') };
}

/** One return code, or a list of them in the order of attempts. */
export function readOutcomes(place: Place): readonly number[] {
  return isText(place) ? [retOf(place)] : itemsOf(place).map(retOf);
}

function knownDriver(place: Place, { known, knownNames = [] }: Knowledge): DriverSpec {
  const name = nameOf(place);
  const driver = known?.(name);
  if (driver !== undefined) return driver;
  const meant = nearest(name, knownNames);
  const hint = meant === null ? 'write it in full: { name, bus, ids }' : `did you mean ${meant}?`;
  return fail(place, `No driver ${quote(name)} is known.`, hint);
}

/** `NAME`, on the one bus that has a driver of that name, or `{ drv, bus }`. */
export function driverAt(place: Place, drivers: readonly DriverSpec[]) {
  const fields = isText(place) ? null : fieldsOf(place, ['drv', 'bus']);
  const drv = nameOf(fields?.need('drv') ?? place);
  const busPlace = fields?.get('bus');
  if (busPlace !== undefined) return { bus: nameOf(busPlace), drv };
  const bus = busOfDriver(drv, drivers);
  return bus === null
    ? fail(place, `The bus of ${quote(drv)} is not known.`, BUS_HINT)
    : { bus, drv };
}

export const BUS_HINT = 'add bus: NAME, or list it in the machine';

/** The bus that a driver of that name is on, where only one has it. */
export function busOfDriver(drv: string, drivers: readonly DriverSpec[]): string | null {
  const buses = new Set(drivers.filter(({ name }) => name === drv).map(({ bus }) => bus));
  const [bus] = buses;
  return buses.size === 1 && bus !== undefined ? bus : null;
}
