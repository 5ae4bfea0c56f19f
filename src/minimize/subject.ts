/** What a violation is about, told in a way that stays while other things are taken away. */
import type { KernelEvent } from '../events/event.ts';
import type { DeviceSpec, Machine } from '../events/machine.ts';
import type { ReadState } from '../model/state/state.ts';

/** `function` is where a kernel oopses. */
export type SubjectKind = 'device' | 'group' | 'bus' | 'function';

/**
 * A group's number depends on what was grouped before: it is told by devices that are in it, the one
 * that the bad event is about where there is one. All else has a name.
 */
export interface Subject {
  readonly kind: SubjectKind;
  readonly names: readonly string[];
}

const GROUP = /^group (\d+)$/;
const BUS = /^bus (.+)$/;

/** The devices of a machine, with those that drivers create. */
export function allDevices(devices: readonly DeviceSpec[]): readonly DeviceSpec[] {
  return devices.flatMap((spec) => [spec, ...allDevices(spec.creates ?? [])]);
}

export function subjectKindOf(subject: string, machine: Machine): SubjectKind {
  if (GROUP.test(subject)) return 'group';
  if (BUS.test(subject)) return 'bus';
  return isDevice(subject, machine) ? 'device' : 'function';
}

/** A function that a scan found under another address is a device too. */
function isDevice(name: string, { devices }: Machine): boolean {
  return PCI_NAME.test(name) || allDevices(devices).some((spec) => spec.name === name);
}

const PCI_NAME = /^[0-9a-f]{4,}:[0-9a-f]{2}:[0-9a-f]{2}\.[0-7]$/;

/** The subject of a violation at the event that broke it, with the state after that event. */
export function subjectOf(
  subject: string,
  event: KernelEvent,
  state: ReadState,
  machine: Machine,
): Subject {
  const kind = subjectKindOf(subject, machine);
  const group = GROUP.exec(subject)?.[1];
  if (group === undefined) return { kind, names: [BUS.exec(subject)?.[1] ?? subject] };
  const dev = 'dev' in event ? event.dev : null;
  const members = state.groups[group]?.devices ?? [];
  if (dev !== null && (members.length === 0 || members.includes(dev)))
    return { kind, names: [dev] };
  return { kind, names: members };
}

/** The same thing: the same name, or for groups one with a device in common. */
export function isSameSubject(a: Subject, b: Subject): boolean {
  if (a.kind !== b.kind) return false;
  const isEmpty = a.names.length === 0 && b.names.length === 0;
  return isEmpty || a.names.some((name) => b.names.includes(name));
}
