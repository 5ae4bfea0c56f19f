// Goal: a campaign as a user has it: the same folder for any number of workers, shards and kills, and
// exit codes that say what came of it. Runs the built program.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import {
  appendFileSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { campaignExit } from '../../src/commands/campaign-result.ts';
import { EXIT } from '../../src/commands/exit.ts';
import { integerOf, secondsOf, shardOf } from '../../src/commands/fuzz-flags.ts';
import { modelVersion } from '../../src/commands/model-version.ts';
import { encodeRecords, JOURNAL_SCHEMA, JOURNAL_START } from '../../src/fuzz/journal.ts';
import { createLedger } from '../../src/fuzz/ledger.ts';
import { WHOLE } from '../../src/fuzz/plan.ts';
import { SOMETIMES } from '../../src/fuzz/sometimes-table.ts';
import { document, pathOf, reprobe } from './program.ts';

/** Three segments, the last one short. */
const RUNS = '520';
const source = 'scenarios/deferral-clears-dma_ops.yaml';
/** For what hangs: several campaigns take their time on a busy machine. */
const LONG_MS = 240_000;
const campaign = (out: string, ...more: readonly string[]) => [
  ...['fuzz', source, '--seed', '3', '--runs', RUNS, '--out', pathOf(out), ...more],
];

/** The files of a campaign's folder by name. */
function contents(out: string): Readonly<Record<string, string>> {
  const dir = pathOf(out);
  const files = readdirSync(dir, { recursive: true, encoding: 'utf8' })
    .filter((name) => /\.(?:jsonl|yaml)$/.test(name))
    .sort();
  return Object.fromEntries(files.map((name) => [name, readFileSync(join(dir, name), 'utf8')]));
}

const whole = reprobe(...campaign('whole', '--workers', '1'));

/** Starts the program and sends it a signal once `when` is seen on standard error. */
async function signalled(args: readonly string[], signal: NodeJS.Signals, when: RegExp) {
  const child = spawn(process.execPath, ['bin/run.js', ...args], { stdio: 'pipe' });
  let stdout = '';
  let stderr = '';
  child.stdout.on('data', (piece) => {
    stdout += piece;
  });
  let isSent = false;
  child.stderr.on('data', (piece) => {
    stderr += piece;
    if (isSent || !when.test(stderr)) return;
    isSent = true;
    child.kill(signal);
  });
  const [status, by] = await once(child, 'close');
  return { status, by, stdout, stderr };
}

describe('a campaign', { timeout: LONG_MS }, () => {
  it('tells each finding as a short story, and what came of all', async () => {
    const { status, stdout, stderr } = await whole;
    expect([status, stderr]).toEqual([EXIT.violated, '']);
    expect(stdout).toMatch(/dma_ops-fit-the-mapping \(INV-OPS\) is violated in run \d+\n/);
    expect(stdout).toMatch(/ {2}fix +devres_before_dma_teardown/);
    expect(stdout).toMatch(/\n\d+ findings\n/);
    expect(stdout).toMatch(/\n520 runs of seed 3, \d+ events, \d+ runs\/s\n/);
    expect(stdout).toMatch(/\nreached: \d+ of \d+ calls/);
  });

  it('saves scenarios that run as they say', async () => {
    await whole;
    const files = Object.keys(contents('whole')).filter((name) => name.endsWith('.yaml'));
    expect(files.length).toBeGreaterThan(1);
    const paths = files.map((name) => join(pathOf('whole'), name));
    expect(await reprobe('run', ...paths)).toMatchObject({ status: EXIT.holds });
  });

  it('is the same with more workers, and has no lock left', async () => {
    await whole;
    await reprobe(...campaign('three', '--workers', '3'));
    expect(contents('three')).toEqual(contents('whole'));
    expect(readdirSync(pathOf('three')).sort()).toEqual(['findings', 'goal.json', 'journal.jsonl']);
  });

  it('is the same from four shards, merged', async () => {
    await whole;
    const parts = [1, 2, 3, 4].map((i) => `shard-${i}`);
    await Promise.all(
      parts.map((part, i) => reprobe(...campaign(part, '--shard', `${i + 1}/4`, '--workers', '1'))),
    );
    const merged = await reprobe('merge', ...parts.map(pathOf), '--out', pathOf('merged'));
    expect(merged).toMatchObject({ status: EXIT.violated, stderr: '' });
    expect(contents('merged')).toEqual(contents('whole'));
  });

  it('is the same when it was killed and gone on with, and has all that it told of', async () => {
    await whole;
    const told: string[] = [];
    const args = campaign('killed', '--progress', 'json', '--resume', '--workers', '2');
    for (let kills = 0; kills < 3; kills += 1) {
      const { by, stderr } = await signalled(args, 'SIGKILL', /"type":"finding"/);
      for (const line of stderr.split('\n').filter((text) => text.endsWith('}'))) {
        const { type, scenario } = JSON.parse(line);
        if (type === 'finding') told.push(scenario);
      }
      if (by !== 'SIGKILL') break;
    }
    expect(told).not.toEqual([]);
    for (const path of told) expect(readFileSync(path, 'utf8')).toMatch(/^schema: 1\n/);
    expect(await reprobe(...args)).toMatchObject({ status: EXIT.violated });
    expect(contents('killed')).toEqual(contents('whole'));
  });

  it('saves what it has when it is interrupted, and goes on from there', async () => {
    await whole;
    const args = campaign('stopped', '--progress', 'json', '--json', '--workers', '1');
    const { status, stdout } = await signalled(args, 'SIGINT', /"type":"finding"/);
    expect(status).toBe(EXIT.interrupted);
    const { findings, runs } = JSON.parse(stdout);
    expect(runs).toBeLessThan(Number(RUNS));
    for (const { scenario } of findings) expect(readFileSync(scenario, 'utf8')).not.toBe('');
    await reprobe(...campaign('stopped', '--resume'));
    expect(contents('stopped')).toEqual(contents('whole'));
  });

  it('goes on behind what a crash tore off, and puts back a scenario that is not there', async () => {
    await whole;
    await reprobe(...campaign('torn'));
    const journal = join(pathOf('torn'), 'journal.jsonl');
    const text = readFileSync(journal, 'utf8');
    writeFileSync(journal, text.slice(0, text.length - 100));
    appendFileSync(journal, '\0\0\0\n{"sum":"00');
    const [first = ''] = Object.keys(contents('torn')).filter((name) => name.endsWith('.yaml'));
    rmSync(join(pathOf('torn'), first));
    writeFileSync(join(pathOf('torn'), 'findings', 'half.yaml.tmp'), 'na');
    await reprobe(...campaign('torn', '--resume'));
    expect(contents('torn')).toEqual(contents('whole'));
    expect(readdirSync(join(pathOf('torn'), 'findings'))).not.toContain('half.yaml.tmp');
  });

  it('gives the document of --json', async () => {
    await whole;
    const { status, json } = await document(...campaign('whole', '--resume', '--stats'));
    expect(status).toBe(EXIT.violated);
    expect(json).toMatchObject({
      ...{ seed: 3, runs: Number(RUNS), events: expect.any(Number), seconds: expect.any(Number) },
      findings: expect.arrayContaining([
        expect.objectContaining({
          ...{ invariant: 'dma_ops-fit-the-mapping', signature: expect.any(String), seed: 3 },
          ...{ scenario: expect.stringMatching(/\.yaml$/), stimuli: expect.any(Number) },
          ...{ firstBad: expect.any(Number), seen: expect.any(Number), run: expect.any(Number) },
        }),
      ]),
      coverage: { edges: expect.any(Number), of: expect.any(Number) },
      stats: { inputs: Number(RUNS) },
    });
  });
});

describe('a folder', { timeout: LONG_MS }, () => {
  it.each([
    ['that has a campaign', ['--seed', '3'], 'The folder has a campaign.'],
    [
      'of another seed',
      ['--seed', '4', '--resume'],
      'The folder has a campaign of another --seed.',
    ],
    ['of another strategy', ['--strategy', 'random', '--resume'], 'another --strategy.'],
    ['of another shard', ['--shard', '1/2', '--resume'], 'another --shard.'],
    ['of another source', ['--kernel', '6.12', '--resume'], 'another SOURCE, --machine or kernel.'],
  ])('%s is refused', async (_, flags, message) => {
    await whole;
    const before = contents('whole');
    const args = ['fuzz', source, '--runs', '9', '--out', pathOf('whole'), ...flags];
    const { status, stderr } = await reprobe(...args);
    expect([status, stderr]).toEqual([EXIT.usage, expect.stringContaining(message)]);
    expect(contents('whole')).toEqual(before);
  });

  it('is one campaign’s at a time, and free again when that is killed', async () => {
    const args = campaign('locked', '--progress', 'json', '--resume', '--workers', '1');
    const first = spawn(process.execPath, ['bin/run.js', ...args], { stdio: 'pipe' });
    await once(first.stderr, 'data');
    const { status, stderr } = await reprobe(...args);
    expect(stderr).toContain(`Process ${first.pid} on `);
    expect(status).toBe(EXIT.fatal);
    first.kill('SIGKILL');
    await once(first, 'close');
    const again = ['fuzz', '--resume', '--runs', '1', '--out', pathOf('locked')];
    expect((await reprobe(...again)).stderr).toBe('');
  });

  it('of another version of reprobe is refused', async () => {
    const model = await modelVersion();
    expect(model).toMatch(/^[0-9a-f]{16}$/);
    expect(await modelVersion()).toBe(model);
    const plan = { seed: 3, base: null, kernel: {}, strategy: 'mixed' };
    const header = { schema: JOURNAL_SCHEMA, model: 'another', plan, shard: WHOLE };
    const { lines } = encodeRecords([{ kind: 'campaign', ...header }], JOURNAL_START);
    mkdirSync(pathOf('old'));
    writeFileSync(join(pathOf('old'), 'journal.jsonl'), lines);
    const { status, stderr } = await reprobe('fuzz', '--resume', '--out', pathOf('old'));
    expect([status, stderr]).toEqual([EXIT.fatal, expect.stringContaining('another version')]);
    expect(readFileSync(join(pathOf('old'), 'journal.jsonl'))).toEqual(Buffer.from(lines));
  });

  it('that was merged from some of the shards is not gone on with', async () => {
    await reprobe(...campaign('part', '--shard', '2/2', '--workers', '1'));
    const merged = await reprobe('merge', pathOf('part'), '--out', pathOf('half'));
    expect(merged.stderr).toBe(
      '1 segment missing: a shard is not done\nof 1 shard there is no folder: 1\n',
    );
    const { status, stderr } = await reprobe(...campaign('half', '--resume'));
    expect([status, stderr]).toEqual([EXIT.fatal, expect.stringContaining('part of the shards')]);
    const twice = await reprobe('merge', pathOf('part'), '--out', pathOf('half'));
    expect(twice.status).toBe(EXIT.usage);
    const none = await reprobe('merge', pathOf('nowhere'), '--out', pathOf('none'));
    expect(none.status).toBe(EXIT.fatal);
  });
});

describe('the exit code', () => {
  const plan = { seed: 1, base: null, kernel: {}, strategy: 'mixed' };
  const all = new Set(SOMETIMES.map(({ id }) => `sometimes ${id}`));

  it('is 0 only of a campaign that met what it was to meet', () => {
    const ledger = { ...createLedger(), runs: 5 };
    expect(campaignExit({ ledger: { ...ledger, points: all }, plan })).toBe(EXIT.holds);
    expect(campaignExit({ ledger, plan })).toBe(EXIT.inconclusive);
    expect(campaignExit({ ledger: { ...createLedger(), points: all }, plan })).toBe(
      EXIT.inconclusive,
    );
  });

  it('is 125 where the budget is too small to run at all, and says what was never met', async () => {
    const { status, stdout } = await reprobe('fuzz', '--runs', '0', '--out', pathOf('no-runs'));
    expect(status).toBe(EXIT.inconclusive);
    expect(stdout).toContain('nothing found');
    expect(stdout).toContain('  never: a claim was refused');
  });

  it.each([
    ['--runs', 'many'],
    ['--time', 'soon'],
    ['--seed', '-1'],
    ['--seed', '4294967296'],
    ['--workers', '0'],
    ['--shard', '5/4'],
    ['--shard', '1'],
    ['--strategy', 'dfs'],
    ['--progress', 'xml'],
  ])('is 129 for %s %s, and nothing is made', async (...flag) => {
    const { status } = await reprobe('fuzz', ...flag, '--out', pathOf('wrong'));
    expect(status).toBe(EXIT.usage);
    expect(readdirSync(pathOf('.'))).not.toContain('wrong');
  });
});

describe('flags', () => {
  it.each([
    ['1/4', {}, { index: 1, of: 4 }],
    ['0/4', {}, { index: 0, of: 4 }],
    ['4/4', {}, { index: 0, of: 4 }],
    ['auto/3', { JOB_COMPLETION_INDEX: '2' }, { index: 2, of: 3 }],
    ['auto', { JOB_COMPLETION_INDEX: '2', REPROBE_SHARDS: '8' }, { index: 2, of: 8 }],
    [
      'auto',
      { SLURM_ARRAY_TASK_ID: '11', SLURM_ARRAY_TASK_MIN: '10', SLURM_ARRAY_TASK_COUNT: '4' },
      { index: 1, of: 4 },
    ],
  ])('--shard %s under %j', (given, env, shard) => {
    expect(shardOf(given, env)).toEqual(shard);
  });

  it.each(['auto', 'auto/4', '1/0', '2/1', 'a/b', '1/4/4'])(
    '--shard %s alone is refused',
    (given) => {
      expect(() => shardOf(given, {})).toThrow(expect.objectContaining({ code: 'USAGE' }));
    },
  );

  it.each([
    ['90', 90],
    ['90s', 90],
    ['1.5m', 90],
    ['8h', 28_800],
    ['2d', 172_800],
  ])('--time %s is %i seconds', (given, seconds) => {
    expect(secondsOf(given)).toBe(seconds);
  });

  it('take integers within their bounds', () => {
    expect(integerOf('runs', '12', 0, 12)).toBe(12);
    for (const given of ['13', '1e3', '', '1.0', ' 1'])
      expect(() => integerOf('runs', given, 0, 12)).toThrow(/--runs takes an integer/);
  });
});
