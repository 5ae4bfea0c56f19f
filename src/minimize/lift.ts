/** PCI functions in the place of the bridge that they are behind. */
import type { DeviceSpec } from '../events/machine.ts';
import type { Draft } from './draft.ts';
import { normalNames } from './normal-names.ts';
import { type Names, renamed, renamedFrom, renamedSubject } from './rename.ts';
import type { Answer, Candidate, Form, Search } from './search.ts';
import type { Subject } from './subject.ts';
import { without } from './without.ts';

/** Takes bridges out as long as what is behind them shows the violation without them. */
export function* lifted(start: Form): Search<Form> {
  let form = start;
  for (;;) {
    const { devices } = form.hit.draft.machine;
    const ways = devices.flatMap((spec) => waysRound(form, spec));
    const answer: Answer | null = yield ways.map(({ candidate }) => candidate);
    const way = ways[answer?.index ?? -1];
    if (answer === null || way === undefined) return form;
    const { subject } = way.candidate;
    const was = way.names.reduce(renamedFrom, form.was);
    form = { hit: answer.hit, subject, was };
  }
}

interface Way {
  readonly candidate: Candidate;
  /** What was exchanged, one after the other. */
  readonly names: readonly Names[];
}

/** Without the bridge; where several functions were in one slot they say so, or do not. */
function waysRound(form: Form, bridge: DeviceSpec): readonly Way[] {
  const { draft, inputs } = form.hit;
  // A group is told by the others in it.
  const rest = form.subject.names.filter((name) => name !== bridge.name);
  const isSubject = rest.length === 0 && form.subject.names.length > 0;
  const behind = draft.machine.devices.filter((spec) => isBehind(spec, bridge));
  if (bridge.pci?.header !== 1 || isSubject || behind.length === 0) return [];
  const places = placesFor(behind, bridge, draft.machine.devices);
  const shared = behind.filter(({ name }) => behind.some((one) => isBeside(one.name, name)));
  return [[], shared].flatMap((multifunction, nth) => {
    if (nth > 0 && multifunction.length === 0) return [];
    const moved = movedUp(draft, bridge, multifunction);
    const way = moved && namedAnew(moved, inputs.choices, places);
    if (way === null) return [];
    const told: Subject = { ...form.subject, names: rest };
    const subject = way.names.reduce((one, names) => renamedSubject(one, names), told);
    return [{ candidate: { draft: way.draft, subject }, names: way.names }];
  });
}

const isBehind = ({ parent, pci }: DeviceSpec, bridge: DeviceSpec): boolean =>
  parent === bridge.name && pci !== undefined;

/** `0000:01:02` of `0000:01:02.3`. */
const slotOf = (name: string): string => name.slice(0, name.lastIndexOf('.'));
const isBeside = (one: string, other: string): boolean =>
  one !== other && slotOf(one) === slotOf(other);

/** Names on the bus of the bridge: the bridge's own slot, where that is free then, and others. */
function placesFor(
  behind: readonly DeviceSpec[],
  bridge: DeviceSpec,
  devices: readonly DeviceSpec[],
): ReadonlyMap<string, string> {
  const bus = bridge.name.slice(0, bridge.name.lastIndexOf(':'));
  const others = devices.filter(({ name }) => name !== bridge.name);
  const taken = new Set(others.map(({ name }) => slotOf(name)));
  const own = slotOf(bridge.name);
  const all = Array.from({ length: 32 }, (_, n) => `${bus}:${n.toString(16).padStart(2, '0')}`);
  const free = [own, ...all].filter((slot, n) => !taken.has(slot) && (n === 0 || slot !== own));
  const slots = [...new Set(behind.map(({ name }) => slotOf(name)))];
  return new Map(
    behind.map(({ name }) => {
      const slot = free[slots.indexOf(slotOf(name))] ?? slotOf(name);
      return [name, slot + name.slice(name.lastIndexOf('.'))];
    }),
  );
}

function movedUp(
  draft: Draft,
  bridge: DeviceSpec,
  multifunction: readonly DeviceSpec[],
): Draft | null {
  const devices = draft.machine.devices.map((spec) => {
    if (!isBehind(spec, bridge) || spec.pci === undefined) return spec;
    const pci = multifunction.includes(spec) ? { ...spec.pci, multifunction: true } : spec.pci;
    return { ...spec, pci, parent: bridge.parent };
  });
  const machine = { ...draft.machine, devices };
  return without({ ...draft, machine }, [{ kind: 'device', name: bridge.name }]);
}

/** First the names of the new places, then those of the buses that have other numbers now. */
function namedAnew(draft: Draft, choices: readonly number[], places: ReadonlyMap<string, string>) {
  const none = { driver: new Map(), module: new Map(), bus: new Map() };
  const first: Names = { ...none, device: places };
  const placed = renamed(draft, choices, first);
  if (placed === null) return null;
  const { devices } = placed.machine;
  const { device, bus } = normalNames(placed.machine);
  const ofFunctions = [...device].filter(
    ([name]) => devices.find((spec) => spec.name === name)?.pci !== undefined,
  );
  const second: Names = { ...none, bus, device: new Map(ofFunctions) };
  const named = renamed(placed, choices, second);
  return named === null ? null : { draft: named, names: [first, second] };
}
