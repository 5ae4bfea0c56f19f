/** Names of devices in a machine, which must be devices that the machine has. */
import type { DeviceSpec } from '../events/machine.ts';
import { entriesOf, nameOf, quote } from './decode.ts';
import { nearest } from './nearest.ts';
import { fail, type Place } from './yaml-source.ts';

/** Where devices are named, gathered while a machine is read. */
export interface References {
  /** The parents that devices say they have. */
  readonly parents: { readonly of: string; readonly place: Place }[];
  /** IOMMUs, suppliers, steps of the boot, and what drivers say of single devices. */
  readonly others: Place[];
}

/** Notes the devices that a table is about, and returns it. */
export function ofDevices(place: Place, references: References): Place {
  for (const [, , at] of entriesOf(place)) references.others.push(at);
  return place;
}

/**
 * Refuses a name that no device has, and parents that go in a circle: devices that refer to nothing
 * would wait forever, or never be found, without a word.
 *
 * Cost: once through the devices and references.
 */
export function checkReferences(devices: readonly DeviceSpec[], references: References): void {
  const { parents, others } = references;
  const parentOf = parentsOf(devices);
  for (const { place } of parents) checkName(place, parentOf);
  for (const place of others) checkName(place, parentOf);
  const circle = circleOf(parents, parentOf);
  const closing = parents.find(({ of }) => circle.includes(of));
  if (closing === undefined) return;
  const { of, place } = closing;
  const from = circle.indexOf(of);
  const names = [...circle.slice(from), ...circle.slice(0, from), of].map(quote);
  fail(place, `${place.what}: the parents go in a circle, ${names.join(' below ')}.`);
}

type Parents = ReadonlyMap<string, string | null>;

/** The parent of each device, those that drivers create included. */
function parentsOf(devices: readonly DeviceSpec[]): Parents {
  const parentOf = new Map<string, string | null>();
  const add = ({ name, parent, creates = [] }: DeviceSpec): void => {
    if (!parentOf.has(name)) parentOf.set(name, parent);
    creates.forEach(add);
  };
  devices.forEach(add);
  return parentOf;
}

function checkName(place: Place, parentOf: Parents): void {
  const name = nameOf(place);
  if (parentOf.has(name)) return;
  const meant = nearest(name, parentOf.keys());
  const hint = meant === null ? 'list it in machine.devices' : `did you mean ${meant}?`;
  fail(place, `${place.what}: the machine has no device ${quote(name)}.`, hint);
}

/** The first devices that are all above each other, each below the next; none in a tree. */
function circleOf(starts: References['parents'], parentOf: Parents): readonly string[] {
  const isRooted = new Set<string>();
  for (const { of } of starts) {
    const above = new Set<string>();
    for (let at: string | null = of; at !== null && !isRooted.has(at); ) {
      if (above.has(at)) return [...above].slice([...above].indexOf(at));
      above.add(at);
      at = parentOf.get(at) ?? null;
    }
    for (const name of above) isRooted.add(name);
  }
  return [];
}
