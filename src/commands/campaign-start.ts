import { access } from 'node:fs/promises';
import { ReprobeError } from '../error.ts';
import { type CampaignHeader, JOURNAL_SCHEMA } from '../fuzz/journal.ts';
import { MIXED, type Plan, type Shard, WHOLE } from '../fuzz/plan.ts';
import { type Resumed, resume } from '../fuzz/progress.ts';
import {
  type Folder,
  openFolder,
  readGoal,
  readJournal,
  saveGoal,
  scenarioPath,
  takeFolder,
} from './campaign-folder.ts';
import { type Asked, sameCampaign } from './campaign-plan.ts';

/** A campaign whose folder is this process's, ready to go on. */
export interface Started {
  readonly folder: Folder;
  readonly resumed: Resumed;
  readonly plan: Plan;
  readonly shard: Shard;
  /** How many runs there are to be, over all shards; null for any number. */
  readonly runs: number | null;
}

export interface StartOptions {
  readonly dir: string;
  readonly asked: Asked;
  /** For a new campaign that was not told its own. */
  readonly seed: number;
  readonly model: string;
  /** Go on where the folder has a campaign; otherwise it must have none. */
  readonly resume: boolean;
  /** Null for as many as the folder's campaign was begun with. */
  readonly runs: number | null;
}

/**
 * Begins a campaign, or goes on with the one in the folder.
 *
 * @throws ReprobeError USAGE, BAD_CAMPAIGN, UNWRITABLE.
 */
export async function startCampaign(options: StartOptions): Promise<Started> {
  const { dir } = options;
  const lock = await takeFolder(dir);
  try {
    const journal = await readJournal(dir);
    const [first] = journal?.records ?? [];
    const header = first?.kind === 'campaign' ? first : null;
    refuseOther(options, header, journal?.lost ?? 0);
    if (header === null) {
      const fresh = newCampaign(options);
      const folder = await openFolder(dir, lock);
      await folder.append({ kind: 'campaign', ...fresh });
      const { plan, shard } = fresh;
      const { runs } = options;
      await saveGoal(dir, runs);
      return { folder, resumed: resume([], [], runs), plan, shard, runs };
    }
    const runs = options.runs ?? (await readGoal(dir));
    const { plan, shard } = sameCampaign(header, options.model, options.asked, dir);
    const resumed = resume(journal?.records ?? [], journal?.ends ?? [], runs);
    const folder = await openFolder(dir, lock, resumed.end);
    await saveGoal(dir, runs);
    await saveMissing(folder, resumed);
    return { folder, resumed, plan, shard, runs };
  } catch (error) {
    await lock.release();
    throw error;
  }
}

/** What stands in the folder is not written over. */
function refuseOther(
  { dir, resume: isResumed, asked }: StartOptions,
  header: CampaignHeader | null,
  lost: number,
): void {
  if (isResumed && header === null && asked.seed === undefined) {
    throw new ReprobeError('USAGE', 'There is no campaign in this folder to go on with.', {
      file: dir,
      hint: 'with --seed it is begun where there is none yet',
    });
  }
  if (isResumed || (header === null && lost === 0)) return;
  throw new ReprobeError(
    'USAGE',
    header === null ? 'The folder has a journal of something else.' : 'The folder has a campaign.',
    { file: dir, hint: 'give another --out, or --resume to go on with what is there' },
  );
}

function newCampaign({ asked, seed, model }: StartOptions): CampaignHeader {
  const { base = null, kernel = {}, strategy = MIXED, shard = WHOLE } = asked;
  const plan: Plan = { seed: asked.seed ?? seed, base, kernel, strategy };
  return { schema: JOURNAL_SCHEMA, model, plan, shard };
}

/** A crash may have come between a record and its file. */
async function saveMissing(folder: Folder, { ledger }: Resumed): Promise<void> {
  for (const { first } of ledger.known) {
    const { name, text } = first.finding;
    if (!(await isThere(scenarioPath(folder.dir, name)))) await folder.save(name, text);
  }
}

async function isThere(path: string): Promise<boolean> {
  try {
    await access(path);
    return true;
  } catch {
    return false;
  }
}
