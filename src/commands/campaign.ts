import { createIntake, type Look, type Ready } from '../fuzz/intake.ts';
import type { Known, Ledger } from '../fuzz/ledger.ts';
import { piecesOf, type Shard } from '../fuzz/plan.ts';
import type { Resumed } from '../fuzz/progress.ts';
import type { Folder } from './campaign-folder.ts';
import type { Pool } from './campaign-pool.ts';

export interface CampaignOptions {
  readonly shard: Shard;
  /** How many runs the campaign has, over all shards; null for any number. */
  readonly runs: number | null;
  readonly resumed: Resumed;
  readonly folder: Folder;
  readonly pool: Pool;
  /** A finding that equals no other one is saved. Called in the order in which they were found. */
  readonly onFinding: (known: Known) => void;
  /** Told when the number of troubles that are still to be looked into changes. */
  readonly onPending?: (troubles: number) => void;
}

/** Segments that are not taken in yet are kept in memory: so many for each worker. */
const AHEAD = 4;

/**
 * Makes a campaign's segments on all workers. Findings go before further segments, so that they are
 * saved soon and a bug that shows often does not pile up.
 *
 * Resolves when the budget is spent or the pool was stopped, with everything on the disk. A segment
 * that the stop cut short is kept as far as it came, and segments behind it are not.
 *
 * @throws ReprobeError UNWRITABLE, BAD_CAMPAIGN; what was on the disk before that stays good.
 */
export async function runCampaign(options: CampaignOptions): Promise<Ledger> {
  const { shard, runs, resumed, folder, pool, onFinding, onPending } = options;
  const intake = createIntake(resumed);
  const pieces = piecesOf(runs, shard, resumed.from);
  const running = new Set<Promise<void>>();
  const looks: Look[] = [];
  let looking = 0;
  const disk = writerOf(folder, onFinding);

  const run = (work: Promise<void>): void => {
    const task = work.finally(() => running.delete(task));
    running.add(task);
    // The first failure ends the campaign; those of tasks that end with it are of no interest.
    task.catch(() => {});
  };
  /** Gives a worker something to do; false where there is nothing. */
  const hire = (): boolean => {
    const look = looks.shift();
    if (look !== undefined) {
      const { trouble, run: origin } = look.sighting;
      if (trouble === undefined) throw new Error('what is looked into comes with its inputs');
      looking += 1;
      const looked = pool.trouble(trouble, origin).then((finding) => {
        looking -= 1;
        intake.looked(look, finding);
      });
      run(looked);
      return true;
    }
    const isFull = intake.pending() >= AHEAD * pool.workers;
    if (isFull || intake.isOver() || pool.isStopped()) return false;
    const { value: piece } = pieces.next();
    if (piece === undefined) return false;
    intake.expect(piece);
    const made = pool.segment(piece, intake.closed(piece.segment));
    run(made.then((result) => void looks.push(...intake.made(result))));
    return true;
  };

  for (;;) {
    while (running.size < pool.workers && hire());
    for (const ready of intake.take()) disk.write(ready);
    onPending?.(looks.length + looking);
    if (running.size === 0) break;
    await Promise.race([...running, disk.failure]);
  }
  await disk.done();
  return resumed.ledger;
}

/** Writes records in order, then saves what is new and tells of it. */
function writerOf(folder: Folder, onFinding: (known: Known) => void) {
  let last: Promise<void> = Promise.resolve();
  let fail: (error: unknown) => void = () => {};
  const failure = new Promise<never>((_, reject) => {
    fail = reject;
  });
  // It may come when nobody listens any more; `done` tells of it too.
  failure.catch(() => {});
  return {
    failure,
    done: () => last,
    write({ record, known }: Ready): void {
      const written = record === null ? null : folder.append(record);
      const before = last;
      last = (async () => {
        await Promise.all([before, written]);
        if (known === null) return;
        const { name, text } = known.first.finding;
        await folder.save(name, text);
        onFinding(known);
      })();
      last.catch(fail);
    },
  };
}
