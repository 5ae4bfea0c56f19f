/** The DMA that a log says was refused, done where in the log it stands. */
import type { Run } from '../engine/run.ts';
import type { EventOf } from '../events/event.ts';
import type { DmaStimulus } from '../events/stimulus.ts';
import type { Divergence, Guide } from './guide.ts';
import { shownLine } from './record.ts';
import { dmaStimuli, type RefusedDma } from './refused-dma.ts';

/** DMA that the log says was refused. */
export interface LoggedFault {
  readonly dma: RefusedDma;
  /** Who did it; null where no device speaks to an IOMMU like that. */
  readonly dev: string | null;
  /** It is in the run. */
  readonly isReplayed: boolean;
}

export interface FaultReplay {
  readonly faults: readonly LoggedFault[];
  /** The next DMA that the log has before the line which is about to be printed; null for none. */
  beforeLine(line: EventOf<'printk'>): DmaStimulus | null;
  /** All DMA before line `before` of the log, now. */
  catchUp(before: number): void;
}

/** What a replay hands to its faults. */
interface Parts {
  readonly run: Run;
  readonly guide: Guide;
  /** Devices that the log put into another group than the model: of these nothing can be said. */
  readonly moved: ReadonlySet<string>;
  readonly divergences: Divergence[];
}

/**
 * DMA in the order of the log. It is done when the model is about to print a line that the log has behind
 * it, or has come to rest: a DMA that its IOMMU then lets pass contradicts the log.
 */
export function createFaultReplay(
  refused: readonly RefusedDma[],
  { run, guide, moved, divergences }: Parts,
): FaultReplay {
  const left = [...refused].sort((a, b) => lineOf(a) - lineOf(b)).reverse();
  const faults: LoggedFault[] = [];
  const stimulusOf = dmaStimuli(run.kernel);
  let done: { readonly dma: RefusedDma; readonly stimulus: DmaStimulus } | null = null;

  const judge = (): void => {
    if (done === null) return;
    const { dma, stimulus } = done;
    done = null;
    const last = run.state.last_dma[stimulus.dev];
    if (last === undefined || last.result === 'faulted') return;
    const { record } = dma.observation;
    const expected = `DMA of ${stimulus.dev} at 0x${dma.addr.toString(16)} ${last.result}`;
    const event = run.scheduler.events.length;
    divergences.push({ line: shownLine(record), expected, observed: record.text, event });
  };
  const takeBefore = (before: number): DmaStimulus | null => {
    judge();
    for (let dma = left.at(-1); dma !== undefined && lineOf(dma) < before; dma = left.at(-1)) {
      left.pop();
      const stimulus = stimulusOf(dma);
      const isReplayed = stimulus !== null && !moved.has(stimulus.dev);
      faults.push({ dma, dev: stimulus?.dev ?? dma.dev, isReplayed });
      if (!isReplayed) continue;
      guide.moveTo(dma.observation);
      done = { dma, stimulus };
      return stimulus;
    }
    return null;
  };
  return {
    faults,
    beforeLine(line) {
      if (left.length === 0 && done === null) return null;
      const observation = guide.expected(line);
      return observation === null ? null : takeBefore(observation.record.line);
    },
    catchUp(before) {
      for (let dma = takeBefore(before); dma !== null; dma = takeBefore(before)) run.give(dma);
    },
  };
}

const lineOf = ({ observation }: RefusedDma): number => observation.record.line;
