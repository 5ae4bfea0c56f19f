import { randomInt } from 'node:crypto';
import { Args } from '@oclif/core';
import { ReprobeError } from '../error.ts';
import { piecesOf, SEGMENT_RUNS, type Shard, strategyOf } from '../fuzz/plan.ts';
import { SEED_MAX } from '../fuzz/seeds.ts';
import { sampleOf } from '../fuzz/source.ts';
import { statsOf } from '../fuzz/stats.ts';
import { campaignSummary, findingStory, statsLines } from '../report/campaign-lines.ts';
import { BaseCommand } from './base.ts';
import { runCampaign } from './campaign.ts';
import { scenarioPath } from './campaign-folder.ts';
import { type Asked, baseOf } from './campaign-plan.ts';
import { createPool } from './campaign-pool.ts';
import { campaignDocument, campaignExit, type Result, summaryOf } from './campaign-result.ts';
import { type StartOptions, startCampaign } from './campaign-start.ts';
import { startStatus } from './campaign-status.ts';
import {
  fuzzFlags,
  integerOf,
  RUNS_MAX,
  secondsOf,
  seedOf,
  shardOf,
  workersOf,
} from './fuzz-flags.ts';
import { joinSignedValues, readChange } from './kernel-flags.ts';
import { modelVersion } from './model-version.ts';
import { painted } from './print.ts';
import { painter } from './terminal.ts';

const SECONDS = 60;

/** Looks for what breaks invariants, in many runs by chance. */
export default class Fuzz extends BaseCommand {
  static override summary = 'Make many runs by chance, and save what breaks an invariant.';
  static override description =
    'Orders of a source are perturbed; without one, machines are invented. Each finding is reduced, ' +
    'bisected, tried under other patches and saved as a scenario. The same seed and number of runs ' +
    'give the same findings, however many workers, shards or interruptions there are.';
  static override args = {
    source: Args.string({
      description: 'a log, a trace, a scenario, a devicetree blob or IORT, or - for standard input',
    }),
  };
  static override flags = fuzzFlags;

  private stop: () => void = () => {};
  private wasStopped = false;

  async run(): Promise<object> {
    const { args, flags } = await this.parse(Fuzz, joinSignedValues(this.argv));
    const given = flags.runs === undefined ? null : integerOf('runs', flags.runs, 0, RUNS_MAX);
    const time = flags.time === undefined ? null : secondsOf(flags.time);
    const workers = workersOf(flags.workers);
    const begun = performance.now();
    const clock = () => (performance.now() - begun) / 1000;
    const options = await startOptions(args.source, flags);
    const started = await startCampaign({ ...options, runs: given });
    const { resumed, folder, plan, shard, runs } = started;
    const limit = time ?? (runs === null ? SECONDS : null);
    if (hasNoRun(runs, shard)) this.logToStderr(NO_RUN);
    const { ledger } = resumed;
    const before = ledger.runs;
    const status = startStatus({ ledger, clock, limit, json: flags.progress === 'json' });
    const pool = await createPool(plan, workers);
    this.stop = () => pool.stop();
    if (this.wasStopped) pool.stop();
    const timer = limit === null ? null : setTimeout(this.stop, limit * 1000);
    try {
      await runCampaign({
        ...{ ...started, pool },
        onPending: status.pending,
        onFinding: (known) => {
          const path = scenarioPath(folder.dir, known.first.finding.name);
          status.finding(known, path);
          this.log(painted(findingStory(known, path, plan.seed), painter()));
        },
      });
    } finally {
      if (timer !== null) clearTimeout(timer);
      status.done();
      await pool.close();
      await folder.close();
    }
    const result: Result = { ledger, plan, dir: folder.dir, seconds: clock() };
    process.exitCode = campaignExit(result);
    const stats = flags.stats ? statsOf(sampleOf(plan, ledger.runs)) : null;
    const summary = campaignSummary(summaryOf(result, ledger.runs - before));
    this.log(painted([...(stats === null ? [] : statsLines(stats)), ...summary], painter()));
    return { ...campaignDocument(result), ...(stats === null ? {} : { stats }) };
  }

  /** Ends the campaign where it is; what was found until then is still reduced and saved. */
  protected override async interrupted(): Promise<void> {
    this.wasStopped = true;
    this.stop();
    if (!this.jsonEnabled())
      this.logToStderr('saving what was found; interrupt again to leave now');
    await this.told;
  }
}

const NO_RUN = `no run is this shard's: they are dealt out ${SEGMENT_RUNS} at a time`;

function hasNoRun(runs: number | null, shard: Shard): boolean {
  return runs !== null && runs > 0 && piecesOf(runs, shard).next().done === true;
}

type FuzzFlags = Parameters<typeof baseOf>[1] & {
  readonly seed?: string | undefined;
  readonly strategy?: string | undefined;
  readonly shard?: string | undefined;
  readonly out?: string | undefined;
  readonly resume: boolean;
};

async function startOptions(
  source: string | undefined,
  flags: FuzzFlags,
): Promise<Omit<StartOptions, 'runs'>> {
  if (flags.strategy !== undefined) strategyOf(flags.strategy);
  if (flags.resume && flags.out === undefined && flags.seed === undefined)
    throw new ReprobeError('USAGE', '--resume needs the folder: give --out or --seed.');
  const seed = flags.seed === undefined ? randomInt(SEED_MAX) : seedOf(flags.seed);
  const base = await baseOf(source, flags);
  const change = await readChange(flags, base === null ? 'builds' : null);
  const isChanged = base === null && Object.keys(change).length > 0;
  const asked: Asked = {
    seed: flags.seed === undefined ? undefined : seed,
    strategy: flags.strategy,
    shard: flags.shard === undefined ? undefined : shardOf(flags.shard),
    base: base ?? undefined,
    kernel: isChanged ? change : undefined,
  };
  const dir = flags.out ?? `campaign-${seed}`;
  return { dir, asked, seed, model: await modelVersion(), resume: flags.resume };
}
