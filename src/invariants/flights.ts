/** Probes and unbinds under way, as the events tell. */
import type { KernelEvent } from '../events/event.ts';

export interface Flights {
  note(event: KernelEvent): void;
  /** Is nothing under way on the device? */
  quiet(dev: string): boolean;
  count(dev: string): number;
  /** Is nothing under way at all? */
  idle(): boolean;
}

export function createFlights(): Flights {
  const flights = new Map<string, number>();
  const add = (dev: string, by: number): void => {
    const count = (flights.get(dev) ?? 0) + by;
    if (count === 0) flights.delete(dev);
    else flights.set(dev, count);
  };
  return {
    note(event) {
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
          flights.delete(event.dev);
      }
    },
    quiet: (dev) => (flights.get(dev) ?? 0) <= 0,
    count: (dev) => flights.get(dev) ?? 0,
    idle: () => ![...flights.values()].some((count) => count > 0),
  };
}
