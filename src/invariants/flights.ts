/** What is under way on devices and groups, as the events tell. */
import type { EventOf, KernelEvent, Recorded } from '../events/event.ts';
import { EPROBE_DEFER } from '../model/errno.ts';

type Noted = Pick<Recorded, 'event' | 'task' | 'stack'>;

export interface Flights {
  note(recorded: Noted): void;
  /** Is no probe and no unbind of the device under way? */
  isQuiet(dev: string): boolean;
  /** Is nobody in the middle of changing the group's owner or domain, under its mutex? */
  isSettled(group: number): boolean;
  /**
   * Is no task about to queue the device whose probe it saw deferred, and to have it tried again where a
   * trigger came meanwhile?
   */
  hasQueuedDeferrals(): boolean;
  /** Is no probe and no unbind under way at all? */
  isIdle(): boolean;
}

/** Sees what decides over the answers, for what depends on the order of steps. */
export interface FlightsWatch {
  changed(what: string, before: number, after: number): void;
  looked(what: string): void;
}

/** What changes the owner or the domain of a group in more than one step. */
const CHANGES = /^iommu_(?:(?:group|device)_(?:claim|release)_dma_owner|group_store_type)$/;
const changesGroup = (stack: readonly string[]): boolean =>
  stack.some((name) => CHANGES.test(name));
/** Their first steps. */
const BEGINNINGS = ['group.attached', 'group.default_domain', 'owner.released'] as const;

type Beginning = EventOf<(typeof BEGINNINGS)[number]>;
const begins = (event: KernelEvent): event is Beginning =>
  BEGINNINGS.some((type) => type === event.type);

const flightsOf = (dev: string): string => `flights of ${dev}`;
const DEFERRALS = 'deferrals that are being queued';
const changesOf = (group: number): string => `changes of group ${group}`;

export function createFlights(watch: FlightsWatch | null = null): Flights {
  const flights = new Map<string, number>();
  /** The groups that tasks are changing, by task. */
  const changing = new Map<string, number>();
  const add = (dev: string, by: number): void => {
    if (by === 0) return;
    const before = flights.get(dev) ?? 0;
    flights.set(dev, before + by);
    watch?.changed(flightsOf(dev), before, before + by);
  };
  /** Tasks between the end of a probe that deferred and the end of what is done about it. */
  const deferring = new Set<string>();
  const noteDeferral = ({ event, task }: Noted): void => {
    const before = deferring.size;
    const { type } = event;
    if (type === 'probe.finished' && Math.abs(event.ret) === EPROBE_DEFER) deferring.add(task);
    else if (type !== 'deferred.added' && type !== 'printk') deferring.delete(task);
    if (deferring.size !== before) watch?.changed(DEFERRALS, before, deferring.size);
  };
  const noteChange = ({ event, task, stack }: Noted): void => {
    const group = changing.get(task);
    if (group === undefined) {
      if (!begins(event) || !changesGroup(stack)) return;
      changing.set(task, event.group);
      watch?.changed(changesOf(event.group), 0, 1);
    } else if (!changesGroup(stack)) {
      // The task has come out of that function, and given the mutex back.
      changing.delete(task);
      watch?.changed(changesOf(group), 1, 0);
    }
  };
  return {
    note(recorded) {
      const { event } = recorded;
      noteChange(recorded);
      noteDeferral(recorded);
      switch (event.type) {
        case 'probe.matched':
        case 'driver.unbinding':
          add(event.dev, 1);
          break;
        case 'probe.finished':
        case 'driver.unbound':
          add(event.dev, -1);
          break;
        case 'device.added':
          add(event.dev, -(flights.get(event.dev) ?? 0));
      }
    },
    isQuiet(dev) {
      watch?.looked(flightsOf(dev));
      return (flights.get(dev) ?? 0) <= 0;
    },
    isSettled(group) {
      watch?.looked(changesOf(group));
      return ![...changing.values()].includes(group);
    },
    hasQueuedDeferrals() {
      watch?.looked(DEFERRALS);
      return deferring.size === 0;
    },
    isIdle: () => ![...flights.values()].some((count) => count > 0),
  };
}
