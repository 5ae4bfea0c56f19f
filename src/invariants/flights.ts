/** What is under way on devices and groups, as the events tell. */
import type { Recorded } from '../events/event.ts';
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
  const setDeferring = (task: string, isOn: boolean): void => {
    const before = deferring.size;
    if (isOn) deferring.add(task);
    else deferring.delete(task);
    if (deferring.size !== before) watch?.changed(DEFERRALS, before, deferring.size);
  };
  const beginChange = (group: number, { task, stack }: Noted): void => {
    if (changing.has(task) || !changesGroup(stack)) return;
    changing.set(task, group);
    watch?.changed(changesOf(group), 0, 1);
  };
  /** Ends what the task has come out of: a change of a group, what is done about a deferral. */
  const endOthers = ({ event: { type }, task, stack }: Noted): void => {
    const group = changing.get(task);
    if (group !== undefined && !changesGroup(stack)) {
      changing.delete(task);
      watch?.changed(changesOf(group), 1, 0);
    }
    if (deferring.size > 0 && type !== 'deferred.added' && type !== 'printk')
      setDeferring(task, false);
  };
  return {
    note(recorded) {
      const { event, task } = recorded;
      if (changing.size > 0 || deferring.size > 0) endOthers(recorded);
      switch (event.type) {
        case 'probe.matched':
        case 'driver.unbinding':
          add(event.dev, 1);
          break;
        case 'probe.finished':
          add(event.dev, -1);
          if (Math.abs(event.ret) === EPROBE_DEFER) setDeferring(task, true);
          break;
        case 'driver.unbound':
          add(event.dev, -1);
          break;
        case 'device.added':
          add(event.dev, -(flights.get(event.dev) ?? 0));
          break;
        case 'group.attached':
        case 'group.default_domain':
        case 'owner.released':
          beginChange(event.group, recorded);
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
