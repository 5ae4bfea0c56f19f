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
  /** Which of the other tasks that are called so, from 0. */
  readonly which: number;
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
  const wanted = new Map<string, Switch>();
  if (schedule.kind === 'switches')
    for (const one of schedule.switches) wanted.set(keyOf(one.task, one.after, one.nth), one);
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
      if (choice > 0) {
        const to = unnumbered(runnable[choice]?.name ?? '');
        const which = placesOf(runnable, to).indexOf(choice);
        switches.push({ task, after, nth, to, which });
      }
      return choice;
    },
  };
}

const keyOf = (task: string, after: string, nth: number): string =>
  JSON.stringify([task, after, nth]);

/** Where the wanted task stands, or another one that is called so; the present one where none is. */
function indexOf(runnable: readonly TaskView[], wanted: Switch | undefined): number {
  if (wanted === undefined) return 0;
  const places = placesOf(runnable, wanted.to);
  return places[Math.min(wanted.which, places.length - 1)] ?? 0;
}

/** Where tasks of that name stand, but for the present one. */
function placesOf(runnable: readonly TaskView[], to: string): readonly number[] {
  return runnable.flatMap(({ name }, at) => (at > 0 && unnumbered(name) === to ? [at] : []));
}
