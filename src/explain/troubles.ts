/** What went wrong in a run, and what decides that it does. */
import { rerunTrace } from '../bisect/rerun.ts';
import type { KernelEvent, Recorded } from '../events/event.ts';
import type { Trace } from '../events/trace.ts';
import { checkTrace } from '../invariants/checker.ts';
import { ENODEV, ENXIO, EPROBE_DEFER } from '../model/errno.ts';
import { type Assumption, assuming, flipsOf, weightOf } from './assumption.ts';

export interface Trouble {
  /** The number of its event. */
  readonly event: number;
  readonly recorded: Recorded;
  /** The broken invariant's message; null for what the kernel itself says. */
  readonly violation: string | null;
  /** Had one of these been otherwise it would not have come; the likeliest first. */
  readonly decidedBy: readonly Assumption[];
}

/** A driver that declines a device is in no trouble. */
const DECLINES: readonly number[] = [-EPROBE_DEFER, -ENODEV, -ENXIO];

/** What names a trouble in another run of the same inputs; null for an event that is none. */
function troubleOf(event: KernelEvent): string | null {
  switch (event.type) {
    case 'driver.probed':
      if (event.ret >= 0 || DECLINES.includes(event.ret)) return null;
      return `probe ${event.dev} ${event.drv} ${event.ret}`;
    case 'kernel.oopsed':
      return `oops ${event.at}`;
    case 'syscall.returned':
      return event.ret < 0 ? `call ${event.call} ${event.ret}` : null;
    default:
      return null;
  }
}

interface Seen {
  readonly event: number;
  readonly violation: string | null;
  /** No cure for anything: a crash, or a broken invariant. */
  readonly grave: boolean;
}

/** The first of each trouble by its name. */
function troublesIn({ header, events }: Trace): ReadonlyMap<string, Seen> {
  const seen = new Map<string, Seen>();
  for (const [event, recorded] of events.entries()) {
    const name = troubleOf(recorded.event);
    if (name !== null && !seen.has(name))
      seen.set(name, { event, violation: null, grave: recorded.event.type === 'kernel.oopsed' });
  }
  for (const { invariant, event, message } of checkTrace(header, events))
    if (!seen.has(invariant)) seen.set(invariant, { event, violation: message, grave: true });
  return seen;
}

/**
 * The troubles of a run, each with what decides it. The inputs are run again with each thing flipped
 * that the run asked about; no log guides those runs.
 *
 * Cost: one run for each flip and one more, none where there is no trouble.
 */
export function troublesOf(trace: Trace): readonly Trouble[] {
  const troubles = troublesIn(trace);
  if (troubles.size === 0) return [];
  const rerun = (assumptions: readonly Assumption[]): ReadonlyMap<string, Seen> => {
    const { kernel, machine } = assuming(trace.header, assumptions);
    return troublesIn(rerunTrace({ ...trace, header: { ...trace.header, kernel, machine } }, {}));
  };
  const again = rerun([]);
  const deciding = new Map<string, Assumption[]>();
  for (const flip of flipsOf(trace)) {
    const other = rerun([flip]);
    if ([...other].some(([name, seen]) => seen.grave && !again.has(name))) continue;
    for (const name of troubles.keys())
      if (again.has(name) && !other.has(name))
        deciding.set(name, [...(deciding.get(name) ?? []), flip]);
  }
  const { kernel } = trace.header;
  return [...troubles].flatMap(([name, { event, violation }]): readonly Trouble[] => {
    const recorded = trace.events[event];
    if (recorded === undefined) return [];
    const decidedBy = (deciding.get(name) ?? []).sort(
      (a, b) => weightOf(a, kernel) - weightOf(b, kernel),
    );
    return [{ event, recorded, violation, decidedBy }];
  });
}
