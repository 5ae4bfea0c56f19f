/** A run as lines of text, one an event, with its violations where they happen. */
import { describeEvent, taskName } from '../events/describe.ts';
import type { EventType, KernelEvent, Recorded } from '../events/event.ts';
import type { Trace } from '../events/trace.ts';
import type { Violation } from '../invariants/invariant.ts';
import { aligned, type Line } from './line.ts';

export interface TimelineOptions {
  /** Number of the last event to show. */
  readonly to: number;
  /** Show every event, not only those that matter to somebody who looks for a bug. */
  readonly all: boolean;
  /** Show everything about this device or group, and nothing else. */
  readonly follow: string | null;
}

export interface Timeline {
  readonly lines: readonly Line[];
  /** Events up to `to` that are not shown. */
  readonly leftOut: number;
  /** Violations up to `to` that are about others than the one followed. */
  readonly violationsLeftOut: number;
}

/** The bookkeeping between two things that matter. */
const QUIET: ReadonlySet<EventType> = new Set<EventType>([
  'device.added',
  'device.ready',
  'device.match_driver',
  'device.async_driver',
  'pci.sysfs_initialized',
  'pci.resource_files',
  'device.bus_removed',
  'device.dead',
  'device.unbind_cleanup',
  'driver.registered',
  'driver.unbinding',
  'driver.removed',
  'module.loading',
  'module.got',
  'module.put',
  'module.going',
  'probe.matched',
  'probe.started',
  'driver.not_bound',
  'probe.unwound',
  'probe.finished',
  'dma.cleaned',
  'deferred.removed',
  'deferred.triggered',
  'deferred.retried',
  'deferred.reason',
  'deferred.enabled',
  'deferred.timeout_armed',
  'link.added',
  'link.state',
  'link.flags',
  'fwnode_link.added',
  'fwnode_link.deleted',
  'sync_state.paused',
  'sync_state.resumed',
  'sync_state.deferred',
  'sync_state.undeferred',
  'link.deleted',
  'links.status',
  'fwspec.set',
  'dev_iommu.allocated',
  'dev_iommu.freed',
  'bus.iommu_ops',
  'iommu.device_probed',
  'iommu.device_released',
  'group.allocated',
  'group.default_domain',
  'vfio.group_created',
  'vfio.group_removed',
]);
/** Worth a line only when the kernel says no. */
const QUIET_WHEN_0: readonly EventType[] = ['task.finished', 'driver.probed', 'dma.configured'];
const ALARMS: ReadonlySet<EventType> = new Set<EventType>([
  'kernel.warned',
  'kernel.oopsed',
  'log.diverged',
]);
const LOUD_LEVELS: readonly string[] = ['emerg', 'alert', 'crit', 'err', 'warn'];

function matters(event: KernelEvent): boolean {
  if (event.type === 'printk') return LOUD_LEVELS.includes(event.level);
  if ('ret' in event && QUIET_WHEN_0.includes(event.type)) return event.ret !== 0;
  return !QUIET.has(event.type);
}

/** The timeline up to an event. Cost: one pass. */
export function timeline(
  trace: Trace,
  violations: readonly Violation[],
  { to, all, follow }: TimelineOptions,
): Timeline {
  const broken = new Map<number, Violation[]>();
  for (const one of violations) broken.set(one.event, [...(broken.get(one.event) ?? []), one]);
  const followed = follow === null ? null : follower(follow);
  const events = trace.events.slice(0, to + 1);
  let violationsLeftOut = 0;
  const kept = events.flatMap((recorded, n) => {
    const isFollowed = followed?.follows(recorded.event) ?? null;
    const keep = isFollowed ?? (all || matters(recorded.event));
    const there = broken.get(n) ?? [];
    const shown = there.filter((one) => followed?.isAbout(one) ?? true);
    violationsLeftOut += there.length - shown.length;
    return keep || shown.length > 0 ? [{ recorded, n, shown }] : [];
  });
  const rows = aligned(
    kept.map(({ recorded, n }) => rowOf(recorded, n, trace)),
    [0],
  );
  const lines = kept.flatMap(({ n, shown }, i): Line[] => [
    ...(rows[i] === undefined ? [] : [toned(rows[i], trace.events[n])]),
    ...shown.map((one): Line => ({ text: inline(one), tone: 'bad' })),
  ]);
  return { lines, leftOut: events.length - kept.length, violationsLeftOut };
}

function toned(row: Line, recorded: Recorded | undefined): Line {
  return recorded !== undefined && ALARMS.has(recorded.event.type) ? { ...row, tone: 'bad' } : row;
}

function inline({ invariant, message }: Violation): string {
  return `    ! ${invariant}: ${message}`;
}

/** `12+`: implied after line 12; `12?`: assumed there. */
export const MARKS = 'line N is observed, N+ implied after it, N? assumed there';

/** Number, then time and line where the trace has them, task, and what happened. */
function rowOf({ event, task, origin, line, timeUs }: Recorded, n: number, trace: Trace): string[] {
  const isLog = trace.header.source !== null;
  const mark = origin === 'observed' ? '' : origin === 'implied' ? '+' : '?';
  const place = [timeUs === null ? '' : seconds(timeUs), line === null ? '' : `${line}${mark}`];
  return [`#${n}`, ...(isLog ? place : []), taskName(task), describeEvent(event)];
}

/** `[12.345678]`, as in the log. */
export function seconds(timeUs: number): string {
  return `[${(timeUs / 1e6).toFixed(6)}]`;
}

/** Tells what is about a device or a group. */
export interface Follower {
  /**
   * Is the event about the device, the group it is in at that time, or the group: one of that
   * number, or the VFIO group of that name? To be asked about every event of a run, in order.
   */
  readonly follows: (event: KernelEvent) => boolean;
  /** Is a violation by the last event asked about of the device, its group, or one of the group? */
  readonly isAbout: (violation: Violation) => boolean;
}

export function follower(subject: string): Follower {
  const wanted = /^(?:group )?(\d+)$/.exec(subject)?.[1] ?? null;
  let group: string | null = null;
  let hasLeft = false;
  return {
    follows(event) {
      if (hasLeft) group = null;
      const own = 'dev' in event && event.dev === subject;
      if (event.type === 'group.joined' && own) group = String(event.group);
      hasLeft = event.type === 'group.left' && own;
      const of = 'group' in event ? String(event.group) : null;
      const isIn = of !== null && (of === wanted || of === group);
      return own || isIn || ends(event).includes(subject) || stimulated(event, subject);
    },
    isAbout(violation) {
      if (violation.subject === subject) return true;
      if (wanted !== null && String(violation.values['group']) === wanted) return true;
      return violation.subject === `group ${wanted ?? group}`;
    },
  };
}

function ends(event: KernelEvent): readonly string[] {
  return 'consumer' in event ? [event.consumer, event.supplier] : [];
}

function stimulated(event: KernelEvent, subject: string): boolean {
  if (event.type !== 'task.started') return false;
  return 'dev' in event.stimulus && event.stimulus.dev === subject;
}
