import { workerData } from 'node:worker_threads';
import { examine, type Finding } from '../fuzz/finding.ts';
import type { Piece, Plan } from '../fuzz/plan.ts';
import { runSegment, type SegmentResult } from '../fuzz/segment.ts';
import type { Trouble } from '../fuzz/trouble.ts';

/** What every worker of a campaign has. */
export interface WorkerData {
  readonly plan: Plan;
  /** One 32-bit word: not 0 once the campaign is to stop. */
  readonly stop: SharedArrayBuffer;
}

/** One message a task and one an answer: a whole segment or a whole finding. */
export type Task =
  | { readonly kind: 'segment'; readonly piece: Piece; readonly closed: readonly string[] }
  | { readonly kind: 'trouble'; readonly trouble: Trouble; readonly run: number };

const { plan, stop } = workerData as WorkerData;
const isStopped = new Int32Array(stop);

export default function work(task: Task): SegmentResult | Finding {
  if (task.kind === 'trouble') return examine(task.trouble, { seed: plan.seed, run: task.run });
  return runSegment(plan, task.piece, {
    closed: new Set(task.closed),
    stop: () => Atomics.load(isStopped, 0) !== 0,
  });
}
