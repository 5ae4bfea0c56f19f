import { availableParallelism } from 'node:os';
import { Flags } from '@oclif/core';
import { ReprobeError } from '../error.ts';
import type { Shard } from '../fuzz/plan.ts';
import { SEED_MAX } from '../fuzz/seeds.ts';
import { sourceFlags } from './source.ts';

/** Flags of `reprobe fuzz`. */
export const fuzzFlags = {
  machine: Flags.string({
    description:
      'perturb the boot of this machine: as in a scenario, or its devicetree blob or IORT',
    helpValue: 'FILE',
  }),
  kernel: sourceFlags.kernel,
  config: sourceFlags.config,
  patch: sourceFlags.patch,
  runs: Flags.string({ description: 'how many runs to make', helpValue: 'N' }),
  time: Flags.string({
    description:
      'how long to make runs, such as 90s, 15m, 8h, before what they showed is looked into; 60s ' +
      'where no --runs is given',
    helpValue: '60s',
  }),
  seed: Flags.string({ description: 'all runs are drawn from this number', helpValue: 'S' }),
  workers: Flags.string({
    description: 'how many threads work; one for each core otherwise',
    helpValue: 'W',
  }),
  strategy: Flags.string({
    description: 'how schedules are chosen: mixed, random, or pct:d=3',
    helpValue: 'mixed',
  }),
  out: Flags.string({
    description: 'the folder of the campaign; campaign-SEED otherwise',
    helpValue: 'DIR',
  }),
  resume: Flags.boolean({ default: false, description: 'go on with the campaign in the folder' }),
  shard: Flags.string({
    description:
      'make one part of N: I/N, auto/N or auto, which asks a Kubernetes job or a Slurm array',
    helpValue: 'I/N',
  }),
  stats: Flags.boolean({ default: false, description: 'print what the runs were like' }),
  progress: Flags.string({
    description: 'json: a line of JSON on standard error each second and for each finding',
    helpValue: 'json',
    options: ['json'],
  }),
};

const UNITS: Readonly<Record<string, number>> = { '': 1, s: 1, m: 60, h: 3600, d: 86_400 };

/** Seconds of `90s`, `15m`, `1.5h`, `60`. */
export function secondsOf(given: string): number {
  const [, number, unit = ''] = /^(\d+(?:\.\d+)?)([smhd]?)$/.exec(given) ?? [];
  const scale = UNITS[unit];
  if (number !== undefined && scale !== undefined) return Number(number) * scale;
  throw new ReprobeError('USAGE', `'${given}' is not a time.`, {
    hint: 'write a number and s, m, h or d, such as 90s',
  });
}

/** An integer from `least` to `most`, in digits. */
export function integerOf(flag: string, given: string, least: number, most: number): number {
  const value = /^\d{1,16}$/.test(given) ? Number(given) : Number.NaN;
  if (value >= least && value <= most) return value;
  throw new ReprobeError('USAGE', `--${flag} takes an integer, not '${given}'.`, {
    hint: `from ${least} to ${most}`,
  });
}

export const RUNS_MAX = Number.MAX_SAFE_INTEGER;
const WORKERS_MAX = 1024;
const SHARDS_MAX = 1_000_000;

export function seedOf(given: string): number {
  return integerOf('seed', given, 0, SEED_MAX - 1);
}

export function workersOf(given: string | undefined): number {
  return given === undefined ? availableParallelism() : integerOf('workers', given, 1, WORKERS_MAX);
}

type Environment = Readonly<Record<string, string | undefined>>;

/**
 * The part of `I/N`, with I from 0 or from 1: the last one of N is N/N or 0/N. `auto` is the index
 * that Kubernetes (JOB_COMPLETION_INDEX) or Slurm (SLURM_ARRAY_TASK_ID) gives, and Slurm's count.
 */
export function shardOf(given: string, env: Environment = process.env): Shard {
  const [, index, count] = /^(\d+|auto)(?:\/(\d+))?$/.exec(given) ?? [];
  if (index === undefined || (index !== 'auto' && count === undefined)) throw badShard(given);
  const told = index === 'auto' ? autoShard(env) : { index: Number(index), of: null };
  const of = count === undefined ? told.of : Number(count);
  if (of === null) {
    throw new ReprobeError('USAGE', 'Nothing in the environment says how many shards there are.', {
      hint: 'write --shard auto/N',
    });
  }
  if (of < 1 || of > SHARDS_MAX || told.index > of) throw badShard(given);
  return { index: told.index % of, of };
}

function autoShard(env: Environment): { readonly index: number; readonly of: number | null } {
  const numberIn = (name: string): number | null => {
    const text = env[name] ?? '';
    return /^\d{1,9}$/.test(text) ? Number(text) : null;
  };
  const job = numberIn('JOB_COMPLETION_INDEX');
  if (job !== null) return { index: job, of: numberIn('REPROBE_SHARDS') };
  const task = numberIn('SLURM_ARRAY_TASK_ID');
  const first = numberIn('SLURM_ARRAY_TASK_MIN') ?? 0;
  if (task !== null) return { index: task - first, of: numberIn('SLURM_ARRAY_TASK_COUNT') };
  throw new ReprobeError('USAGE', 'Nothing in the environment says which shard this is.', {
    hint: 'auto needs JOB_COMPLETION_INDEX or SLURM_ARRAY_TASK_ID; otherwise write --shard I/N',
  });
}

function badShard(given: string): ReprobeError {
  return new ReprobeError('USAGE', `'${given}' is not a shard.`, {
    hint: 'write I/N: the I-th part of N, counted from 0 or from 1',
  });
}
