import { fileURLToPath } from 'node:url';
import type { Finding } from '../fuzz/finding.ts';
import type { Piece, Plan } from '../fuzz/plan.ts';
import type { SegmentResult } from '../fuzz/segment.ts';
import type { Trouble } from '../fuzz/trouble.ts';
import type { Task, WorkerData } from './campaign-worker.ts';

/** Workers of one campaign, each a thread. */
export interface Pool {
  readonly workers: number;
  segment(piece: Piece, closed: readonly string[]): Promise<SegmentResult>;
  trouble(trouble: Trouble, run: number): Promise<Finding>;
  /** Segments end after the run that they are at. */
  stop(): void;
  isStopped(): boolean;
  close(): Promise<void>;
}

/** Starts the workers. Only built code can be their program: this file's own neighbour. */
export async function createPool(plan: Plan, workers: number): Promise<Pool> {
  // Most commands have no use for it.
  const { Piscina } = await import('piscina');
  const stop = new SharedArrayBuffer(Int32Array.BYTES_PER_ELEMENT);
  const word = new Int32Array(stop);
  const data: WorkerData = { plan, stop };
  const threads = new Piscina({
    filename: fileURLToPath(new URL('./campaign-worker.js', import.meta.url)),
    minThreads: workers,
    maxThreads: workers,
    workerData: data,
  });
  const run = <T>(task: Task): Promise<T> => threads.run(task);
  return {
    workers,
    segment: (piece, closed) => run({ kind: 'segment', piece, closed }),
    trouble: (trouble, origin) => run({ kind: 'trouble', trouble, run: origin }),
    stop: () => void Atomics.store(word, 0, 1),
    isStopped: () => Atomics.load(word, 0) !== 0,
    close: () => threads.destroy(),
  };
}
