/**
 * Schedules that hold when other things are taken away: not by the number of a choice, which counts
 * every choice before it, but by the place where the present task was left for another one.
 */
import type { TaskView } from '../engine/scheduling.ts';
import type { KernelEvent } from '../events/event.ts';

/** At the n-th choice, from 0, after such an event, `task` is left for `to`. */
export interface Switch {
  readonly task: string;
  readonly after: string;
  readonly nth: number;
  readonly to: string;
}

export type Schedule =
  | { readonly kind: 'choices'; readonly choices: readonly number[] }
  | { readonly kind: 'switches'; readonly switches: readonly Switch[] };

export interface Follower {
  readonly choose: (runnable: readonly TaskView[]) => number;
  /** To be told of every event. */
  readonly onEvent: (event: KernelEvent) => void;
  /** Where the present task was left so far. */
  readonly switches: readonly Switch[];
  /** How many choices there were so far. */
  readonly made: () => number;
}

/** Tasks of stimuli are called by the stimulus's number, which changes: `sh-3`, `sh-3.1`, `sh-3+1`. */
const unnumbered = (name: string): string => name.replace(/-\d+(?:[.+]\d+)*$/, '');

/** An event without what depends on others: numbers of groups, stimuli. */
function placeOf(event: KernelEvent): string {
  const named = ['dev', 'drv', 'module', 'bus', 'iommu'] as const;
  const words = named.flatMap((key) => (key in event ? [String(Reflect.get(event, key))] : []));
  return [event.type, ...words].join(' ');
}

/** Makes the choices of a schedule as far as they fit; the default elsewhere. */
export function followSchedule(schedule: Schedule): Follower {
  const switches: Switch[] = [];
  const counts = new Map<string, number>();
  let last: KernelEvent | null = null;
  let made = 0;
  const wanted = new Map<string, string>();
  if (schedule.kind === 'switches')
    for (const { task, after, nth, to } of schedule.switches)
      wanted.set(keyOf(task, after, nth), to);
  return {
    switches,
    made: () => made,
    onEvent: (event) => {
      last = event;
    },
    choose(runnable) {
      const task = unnumbered(runnable[0]?.name ?? '');
      const after = last === null ? '' : placeOf(last);
      const place = keyOf(task, after, -1);
      const nth = counts.get(place) ?? 0;
      counts.set(place, nth + 1);
      const choice =
        schedule.kind === 'choices'
          ? Math.min(schedule.choices[made] ?? 0, runnable.length - 1)
          : indexOf(runnable, wanted.get(keyOf(task, after, nth)));
      made += 1;
      const to = runnable[choice]?.name ?? '';
      if (choice > 0) switches.push({ task, after, nth, to: unnumbered(to) });
      return choice;
    },
  };
}

const keyOf = (task: string, after: string, nth: number): string =>
  JSON.stringify([task, after, nth]);

function indexOf(runnable: readonly TaskView[], to: string | undefined): number {
  if (to === undefined) return 0;
  return Math.max(
    0,
    runnable.findIndex(({ name }) => unnumbered(name) === to),
  );
}
