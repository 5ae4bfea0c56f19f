/** What must hold, and what is said when it does not. */
import type { EventType, KernelEvent } from '../events/event.ts';
import type { Facts } from '../model/context.ts';

/** A subject that breaks a claim: why, in words, and the values that show it. */
export interface Breach {
  readonly message: string;
  readonly values: Readonly<Record<string, string | number | boolean | null>>;
}

export interface Invariant {
  /** The claim, as a name: `owner_cnt-matches-users`. */
  readonly id: string;
  /** Its short code in bug reports: `INV-OWN`. */
  readonly code: string;
  readonly claim: string;
  readonly subsystem: string;
  /**
   * When it must hold: after every event it watches, or once no probe or unbind of its subject is
   * under way.
   */
  readonly when: 'always' | 'quiescent';
  readonly watches: readonly EventType[];
  /** The subjects that an event may have changed: device names, or group numbers as text. */
  readonly subjects: (event: KernelEvent, k: Facts) => readonly string[];
  /** What is wrong with a subject now; null when nothing is. */
  readonly check: (subject: string, k: Facts) => Breach | null;
  /** What a subject is called in a message: `group 1`, `0000:01:00.0`. */
  readonly name: (subject: string) => string;
  /** Names of patches and config options that decide whether it can break, most likely first. */
  readonly suspects: readonly string[];
}

/** A broken invariant, at the event that broke it. */
export interface Violation {
  readonly invariant: string;
  readonly subject: string;
  /** Number of the event, from 0. */
  readonly event: number;
  /** Line of the log, from 1; null where there is no log. */
  readonly line: number | null;
  readonly message: string;
  readonly values: Breach['values'];
  /** Kernel functions, outermost first. */
  readonly stack: readonly string[];
  /** What was done from outside, in words. */
  readonly stimulus: string;
}

/** The events that name a device or a group, and which. */
export function subjectsOf(event: KernelEvent): { dev: string | null; group: number | null } {
  return {
    dev: 'dev' in event && typeof event.dev === 'string' ? event.dev : null,
    group: 'group' in event && typeof event.group === 'number' ? event.group : null,
  };
}

/** The group an event is about: named by it, or that of its device. */
export function groupsOf(event: KernelEvent, k: Facts): readonly string[] {
  const { dev, group } = subjectsOf(event);
  if (group !== null) return [String(group)];
  const id = dev === null ? null : (k.state.devices[dev]?.iommu_group ?? null);
  return id === null ? [] : [String(id)];
}

/** The device an event is about, if it exists. */
export function devicesOf(event: KernelEvent, k: Facts): readonly string[] {
  const { dev } = subjectsOf(event);
  return dev === null || k.state.devices[dev] === undefined ? [] : [dev];
}

