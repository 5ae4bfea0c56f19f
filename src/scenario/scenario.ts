/** A scenario: what a run is given, and what is expected of it. */

import type { DmaResult, FaultReason } from '../events/dma-events.ts';
import type { KernelSpec, Machine } from '../events/machine.ts';
import type { Stimulus } from '../events/stimulus.ts';
import type { DomainType } from '../events/terms.ts';

export interface Scenario {
  /** Named by what happens: `test-remove-leaves-owner_cnt`. */
  readonly name: string;
  /** One sentence; may be empty. */
  readonly title: string;
  /** The background, in prose; may be empty. */
  readonly story: string;
  readonly kernel: KernelSpec;
  readonly machine: Machine;
  readonly steps: readonly Stimulus[];
  /** The scheduler's choices, as in a trace header. */
  readonly choices: readonly number[];
  readonly expect: readonly Expectation[];
}

/** A scenario with the lines of its file, from 1, at which steps and expectations stand. */
export interface ParsedScenario extends Scenario {
  readonly stepLines: readonly number[];
  readonly expectLines: readonly number[];
}

/**
 * What should be so. `after` is the number of the step, from 1, after which it is looked at, or null
 * for the end of the run.
 */
export type Expectation =
  /** An invariant is violated; `subject` null for any subject. */
  | { readonly kind: 'violation'; readonly invariant: string; readonly subject: string | null }
  /** An invariant holds all the time; null for all of them. */
  | { readonly kind: 'holds'; readonly invariant: string | null }
  /** The device is bound to the driver `is`, or to none. */
  | {
      readonly kind: 'driver';
      readonly dev: string;
      readonly is: string | null;
      readonly after: number | null;
    }
  /** The device is in the IOMMU group `is`, or in none. */
  | {
      readonly kind: 'group';
      readonly dev: string;
      readonly is: number | null;
      readonly after: number | null;
    }
  | {
      readonly kind: 'owner_cnt';
      readonly group: number;
      readonly is: number;
      readonly after: number | null;
    }
  /** The group's default domain is of the type `is`, or there is none. */
  | {
      readonly kind: 'domain';
      readonly group: number;
      readonly is: DomainType | null;
      readonly after: number | null;
    }
  /** The device is on the list of deferred probes, or is not. */
  | {
      readonly kind: 'deferred';
      readonly dev: string;
      readonly is: boolean;
      readonly after: number | null;
    }
  /** The last transaction of the device: what became of it, why, and whether it snooped; where said. */
  | {
      readonly kind: 'dma';
      readonly dev: string;
      readonly is: DmaResult;
      readonly why?: FaultReason;
      readonly snooped?: boolean;
      readonly after: number | null;
    }
  /** The first system call of the step that is not 0, or 0, is `ret`. */
  | { readonly kind: 'returns'; readonly step: number; readonly ret: number }
  /** The last system call of the step that gave a value back gave this one. */
  | { readonly kind: 'answers'; readonly step: number; readonly is: string }
  /** A line of the run's dmesg contains the text, or none does. */
  | { readonly kind: 'prints'; readonly text: string }
  | { readonly kind: 'silent'; readonly text: string };
