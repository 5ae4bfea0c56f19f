import { Args, Flags } from '@oclif/core';
import { ReprobeError } from '../error.ts';
import { type Merged, mergeParts, type Part } from '../fuzz/merge.ts';
import { campaignSummary } from '../report/campaign-lines.ts';
import { counted } from '../report/line.ts';
import { BaseCommand } from './base.ts';
import { openFolder, readGoal, readJournal, saveGoal, takeFolder } from './campaign-folder.ts';
import { campaignDocument, campaignExit, type Result, summaryOf } from './campaign-result.ts';
import { painted } from './print.ts';
import { painter } from './terminal.ts';

/** Joins the folders of a campaign's shards into one. */
export default class Merge extends BaseCommand {
  static override summary = "Join the folders of a campaign's shards into one.";
  static override description =
    'The result is the folder that one campaign of the same seed and number of runs would have made.';
  static override strict = false;
  static override args = {
    folder: Args.string({ required: true, description: 'a folder of a shard; more may follow' }),
  };
  static override flags = {
    out: Flags.string({ required: true, description: 'the folder to make', helpValue: 'DIR' }),
  };

  async run(): Promise<object> {
    const { argv, flags } = await this.parse(Merge);
    const begun = performance.now();
    const parts: Part[] = [];
    for (const given of argv) parts.push(await partOf(String(given)));
    const merged = mergeParts(parts);
    await write(flags.out, merged, await readGoal(String(argv[0])));
    const { plan, ledger, missing, absent } = merged;
    const seconds = (performance.now() - begun) / 1000;
    const result: Result = { ledger, plan, dir: flags.out, seconds };
    process.exitCode = campaignExit(result);
    if (missing.length > 0 && !this.jsonEnabled())
      this.logToStderr(`${counted(missing.length, 'segment')} missing: a shard is not done`);
    if (absent.length > 0 && !this.jsonEnabled())
      this.logToStderr(
        `of ${counted(absent.length, 'shard')} there is no folder: ${absent.join(', ')}`,
      );
    this.log(painted(campaignSummary(summaryOf(result, 0)), painter()));
    return { ...campaignDocument(result), missing, absent };
  }
}

async function partOf(dir: string): Promise<Part> {
  return { file: dir, records: (await readJournal(dir))?.records ?? [] };
}

async function write(dir: string, { records, ledger }: Merged, runs: number | null): Promise<void> {
  const lock = await takeFolder(dir);
  if ((await readJournal(dir)) !== null) {
    await lock.release();
    throw new ReprobeError('USAGE', 'The folder has a campaign.', {
      file: dir,
      hint: 'give another --out',
    });
  }
  const folder = await openFolder(dir, lock);
  try {
    await folder.append(...records);
    await saveGoal(dir, runs);
    for (const { first } of ledger.known) await folder.save(first.finding.name, first.finding.text);
  } finally {
    await folder.close();
  }
}
