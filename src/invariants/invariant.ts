/** What must hold, and what is said when it does not. */
import type { EventType, KernelEvent } from '../events/event.ts';
import type { Facts } from '../model/context.ts';

/** A subject that breaks a claim: why, in words, and the values that show it. */
export interface Breach {
  readonly message: string;
  readonly values: Readonly<Record<string, string | number | boolean | null>>;
}

/**
 * What comes of a broken claim at worst, worst first: the kernel dies or uses freed memory; a user gets at
 * what is not his; data is lost or a device works on the wrong memory; a device cannot be had; nothing
 * yet, but firmware tells what is not so.
 */
export const HARMS = ['crash', 'isolation', 'corruption', 'lockout', 'firmware'] as const;
export type Harm = (typeof HARMS)[number];

export interface Invariant {
  /** The claim, as a name: `owner_cnt-matches-users`. */
  readonly id: string;
  /** Its short code in bug reports: `INV-OWN`. */
  readonly code: string;
  readonly harm: Harm;
  readonly claim: string;
  readonly subsystem: string;
  /**
   * When it must hold: after every event it watches; once no probe or unbind of its subject is under way;
   * or once no task is about to queue the device whose probe it saw deferred, and to have it tried again
   * where a trigger came meanwhile.
   */
  readonly when: 'always' | 'quiescent' | 'settled';
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

/** The group an event is about: named by it, behind its VFIO group, or that of its device. */
export function groupsOf(event: KernelEvent, k: Facts): readonly string[] {
  const id = groupIdOf(event, k);
  return id === null ? [] : [String(id)];
}

function groupIdOf(event: KernelEvent, k: Facts): number | null {
  if ('group' in event && event.group !== null) {
    const { group } = event;
    return typeof group === 'number' ? group : (k.state.vfio.groups[group]?.iommu_group ?? null);
  }
  return 'dev' in event && event.dev !== null
    ? (k.state.devices[event.dev]?.iommu_group ?? null)
    : null;
}

/** The device an event is about, if it exists. */
export function devicesOf(event: KernelEvent, k: Facts): readonly string[] {
  const dev = 'dev' in event ? event.dev : null;
  return dev === null || k.state.devices[dev] === undefined ? [] : [dev];
}
