/**
 * The vocabulary: every fact the emulated system can produce, by type.
 *
 * A name is `subsystem.fact`, in the past tense; a field that the kernel has keeps the kernel's
 * spelling, and `ret` is what the kernel function returned (0 or a negative errno). To add an event:
 * its payload in the `*-events.ts` of its subsystem, its line in `describe-table.ts`, its shape in
 * `event-shape.ts`, its reducer in `model/state`. The compiler names what is missing.
 */
import type { DmaEvents } from './dma-events.ts';
import type { DriverCoreEvents } from './driver-core-events.ts';
import type { IommuEvents } from './iommu-events.ts';
import type { PciEvents } from './pci-events.ts';
import type { Stimulus } from './stimulus.ts';
import type { PrintkLevel } from './terms.ts';
import type { VfioEvents } from './vfio-events.ts';

export interface EventMap extends DriverCoreEvents, PciEvents, IommuEvents, DmaEvents, VfioEvents {
  // Tasks: one a stimulus, worker or initcall.
  'task.started': { readonly stimulus: Stimulus };
  'task.finished': { readonly ret: number };
  'task.blocked': { readonly on: string };
  'syscall.returned': { readonly call: string; readonly ret: number; readonly value: string };

  // What the kernel said, and where it broke.
  printk: { readonly level: PrintkLevel; readonly text: string; readonly dev: string | null };
  'kernel.warned': { readonly at: string; readonly what: string };
  'kernel.oopsed': { readonly at: string; readonly what: string };

  // What a log said that the model did not expect; the state then follows the log.
  'log.diverged': { readonly expected: string; readonly observed: string };
}

export type EventType = keyof EventMap;
/** The event of a type; without an argument, the union of all. */
export type EventOf<T extends EventType = EventType> = {
  [K in T]: { readonly type: K } & EventMap[K];
}[T];
export type KernelEvent = EventOf;

/** How an event came to be known. */
export type Origin =
  /** The log has a line for it. */
  | 'observed'
  /** Follows from what was observed and how the kernel works. */
  | 'implied'
  /** Nothing speaks for it but the wish to explain later lines. */
  | 'assumed';

/** An event in its place in a run. Its number is its position, from 0. */
export interface Recorded {
  readonly event: KernelEvent;
  /** The task that did it: `init`, `modprobe vfio-pci`, `deferred_probe_work`. */
  readonly task: string;
  /** Kernel functions from the task's entry to the one that did it, outermost first. */
  readonly stack: readonly string[];
  readonly origin: Origin;
  /** Line of the log, from 1: its own, or for what was not observed the last one before it. */
  readonly line: number | null;
  /** The log's time stamp of that line in microseconds, a label only. */
  readonly timeUs: number | null;
}
