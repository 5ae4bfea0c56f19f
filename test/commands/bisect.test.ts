import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync, writeFileSync } from 'node:fs';
import { describe, expect, it, vi } from 'vitest';
import { EXIT } from '../../src/commands/exit.ts';
import { NIC, NIC_GROUP } from '../model/small-machine.ts';
import { asJson, document, file, leaky, log, pathOf, reprobe, sane, trace } from './program.ts';

vi.setConfig({ testTimeout: 60_000, maxConcurrency: 4 });

const OVER_ONE = `groups["${NIC_GROUP}"].owner_cnt > 1`;
const exits = (code: number) => ['--', process.execPath, '-e', `process.exit(${code})`];
/** Exits 1 where the card has a driver, after a while, and notes that it was asked. */
const slow = (asked: string) => [
  '--',
  ...[process.execPath, '-e'],
  `let s="";require("fs").appendFileSync(${JSON.stringify(asked)},"x");` +
    'process.stdin.on("data",d=>s+=d).on("end",()=>setTimeout(()=>' +
    `process.exit(JSON.parse(s).devices["${NIC}"]?.driver?1:0),120))`,
];

describe.concurrent('exit codes, with and without --json', () => {
  it.each<[number, readonly string[]]>([
    [EXIT.violated, ['bisect', trace, '--when', OVER_ONE]],
    [EXIT.holds, ['bisect', sane, '--when', OVER_ONE]],
    [EXIT.violated, ['bisect', leaky, '--ask', `vfio-open ${NIC_GROUP}`]],
    [EXIT.holds, ['bisect', sane, '--ask', `vfio-open ${NIC}`]],
    [EXIT.inconclusive, ['bisect', sane, '--ask', 'vfio-open 99']],
    [EXIT.violated, ['bisect', leaky, '--stimuli']],
    [EXIT.holds, ['bisect', sane, '--stimuli', '--ask', `vfio-open ${NIC}`]],
    [
      EXIT.violated,
      ['bisect', leaky, '--kernels', '--find', 'fix', '--from', '6.4', '--to', '6.7'],
    ],
    [EXIT.holds, ['bisect', sane, '--kernels', '--from', '6.4', '--to', '6.7']],
    [EXIT.inconclusive, ['bisect', leaky, '--kernels', '--from', '6.7', '--to', '6.4']],
    [EXIT.violated, ['bisect', leaky, '--good', sane]],
    [EXIT.inconclusive, ['bisect', sane, '--good', sane]],
    [EXIT.violated, ['bisect', trace, '--interesting', ...exits(0)]],
    [EXIT.holds, ['bisect', trace, '--interesting', ...exits(1)]],
  ])('%i for %j', async (status, args) => {
    expect(await reprobe(...args)).toMatchObject({ status, stderr: '' });
    expect((await document(...args)).status).toBe(status);
  });

  it.each<[number, string, readonly string[]]>([
    [EXIT.usage, 'BAD_EXPRESSION', ['bisect', trace, '--when', 'groups[']],
    [EXIT.usage, 'BAD_EXPRESSION', ['bisect', trace, '--when', 'groups["1"].ownr_cnt > 1']],
    [EXIT.usage, 'BAD_EXPRESSION', ['bisect', trace, '--ask', 'vfio-close 1']],
    [EXIT.fatal, 'BAD_EXPRESSION', ['bisect', trace, '--when', `@${file('bad.cel', '\n1 +')}`]],
    [EXIT.fatal, 'UNREADABLE', ['bisect', trace, '--when', '@no-such-file']],
    [EXIT.usage, 'USAGE', ['bisect', trace, '--when', OVER_ONE, '--ask', 'vfio-open 1']],
    [EXIT.usage, 'USAGE', ['bisect', trace, '--when', OVER_ONE, ...exits(0)]],
    [EXIT.usage, 'USAGE', ['bisect', trace, '--interesting']],
    [EXIT.usage, 'USAGE', ['bisect', trace, '--stimuli', '--kernels']],
    [EXIT.usage, 'USAGE', ['bisect', trace, '--find', 'fix']],
    [EXIT.usage, 'USAGE', ['bisect', trace, '--log', pathOf('x.log')]],
    [EXIT.usage, 'USAGE', ['bisect', trace, '--kernels', '--resume', 'a', '--log', 'b']],
    [EXIT.usage, 'UNKNOWN_NAME', ['bisect', trace, '--kernels', '--from', 'linux']],
    [EXIT.fatal, 'UNREADABLE', ['bisect', trace, '--kernels', '--replay', 'no-such-file']],
    [EXIT.fatal, 'BAD_LOG', ['bisect', trace, '--kernels', '--replay', file('b.log', 'good 1\n')]],
    [EXIT.fatal, 'UNWRITABLE', ['bisect', trace, '--kernels', '--log', 'no/such/folder/l']],
  ])('%i, %s for %j', async (status, code, args) => {
    const text = await reprobe(...args);
    expect(text).toMatchObject({ status, stdout: '' });
    const json = await reprobe(...asJson(args));
    expect(json).toMatchObject({ status, stderr: '' });
    expect(JSON.parse(json.stdout)).toMatchObject({ error: { code } });
  });
});

describe.concurrent('bisect --json', () => {
  it('has the events that a violation goes back to', async ({ expect }) => {
    const { json } = await document('bisect', leaky);
    expect(json).toMatchObject({
      causes: expect.arrayContaining([
        expect.objectContaining({ type: 'group.allocated', made: [`groups.${NIC_GROUP}`] }),
        expect.objectContaining({ type: 'owner.used', stimulus: 'boot' }),
      ]),
    });
  });

  it('has the answers around the first bad event', async ({ expect }) => {
    const { json } = await document('bisect', leaky, '--ask', `bind ${NIC} e1000e`);
    expect(json).toMatchObject({ answers: { after: { errno: expect.stringMatching(/^-E/) } } });
  });

  it('has releases, turns and the patches that make them', async ({ expect }) => {
    const args = ['--kernels', '--find', 'fix', '--from', '6.4'];
    expect((await document('bisect', leaky, ...args)).json).toMatchObject({
      outcome: 'found',
      first: { kind: 'fix', from: '6.5.0', to: '6.6.0' },
      turns: [{ responsible: { culprits: [{ name: 'test_remove_dma_cleanup', on: true }] } }],
      given: { responsible: { culprits: [{ name: 'test_remove_dma_cleanup' }] } },
    });
  });

  it('has the smallest differences to a good source, and the stimuli that it takes', async ({
    expect,
  }) => {
    const { json } = await document('bisect', leaky, '--good', sane);
    expect(json).toMatchObject({
      outcome: 'found',
      without: 'good',
      smallest: [
        { kind: 'patch', name: 'test_remove_dma_cleanup' },
        { kind: 'config', name: 'DEBUG_TEST_DRIVER_REMOVE' },
      ],
    });
    expect((await document('bisect', leaky, '--stimuli')).json).toMatchObject({
      outcome: 'found',
      firstBad: { index: 0, stimulus: 'boot' },
      each: [{ needed: true }],
    });
  });
});

describe('a session', () => {
  const verdicts = (log: string) =>
    readFileSync(log, 'utf8')
      .split('\n')
      .filter((line) => /^(?:good|bad|skip) /.test(line));

  it('is kept when it is interrupted, and goes on where it was', async () => {
    const [asked, log] = [file('asked', ''), pathOf('session.log')];
    const command = ['bisect', trace, '--resume', log, ...slow(asked)];
    const child = spawn(process.execPath, ['bin/run.js', ...command], { stdio: 'ignore' });
    await vi.waitFor(() => expect(verdicts(log).length).toBeGreaterThanOrEqual(3), {
      timeout: 30_000,
    });
    child.kill('SIGINT');
    const [status] = await once(child, 'close');
    expect(status).toBe(EXIT.interrupted);
    const before = verdicts(log).length;
    writeFileSync(asked, '');

    const { json } = await document('bisect', trace, '--resume', log, ...slow(asked));
    expect(json).toMatchObject({ outcome: 'found', firstBad: { type: 'probe.started' } });
    const all = verdicts(log);
    expect(all.length).toBe((json as { evaluations: number }).evaluations);
    // The check that was under way may have noted that it was asked only now.
    expect(readFileSync(asked, 'utf8').length - (all.length - before)).toBeLessThanOrEqual(1);
    expect(before).toBeGreaterThanOrEqual(3);

    // What is given is not asked, and may be edited: the answer then is another one.
    writeFileSync(asked, '');
    const again = await document('bisect', trace, '--replay', log, ...slow(asked));
    expect(again.json).toEqual(json);
    expect(readFileSync(asked, 'utf8')).toBe('');
    const last = /^bad (#\d+)/.exec(all.at(-1) ?? '') ?? /^bad (#\d+)/.exec(all.at(-2) ?? '');
    const edited = readFileSync(log, 'utf8').replace(`bad ${last?.[1]}`, `good ${last?.[1]}`);
    writeFileSync(log, edited);
    const other = await document('bisect', trace, '--replay', log, ...slow(asked));
    expect(other.json).not.toEqual(json);
  });

  it('of releases can be replayed, for this source only', async () => {
    const log = pathOf('kernels.log');
    const args = ['bisect', leaky, '--kernels', '--from', '6.4', '--to', '6.7'];
    const first = await document(...args, '--log', log);
    expect(verdicts(log).some((line) => / # 6\.5\.0$/.test(line))).toBe(true);
    expect((await document(...args, '--replay', log)).json).toEqual(first.json);
    const other = await reprobe('bisect', sane, ...args.slice(2), '--replay', log);
    expect(other).toMatchObject({ status: EXIT.fatal });
    expect(other.stderr).toContain('another bisection');
  });
});

it('of a log that is in doubt decides nothing, whatever is searched, and from its trace too', async () => {
  const panic = '[   99.000000] Kernel panic - not syncing: Asynchronous SError Interrupt\n';
  const path = file('panic.txt', readFileSync(log, 'utf8') + panic);
  const saved = pathOf('panic.jsonl');
  await reprobe('import', path, '-o', saved);
  for (const args of [
    [path],
    [path, '--stimuli'],
    [path, '--kernels'],
    [saved],
    [saved, '--stimuli'],
  ]) {
    const { status, stdout } = await reprobe('bisect', ...args);
    expect([args, status]).toEqual([args, EXIT.inconclusive]);
    expect(stdout).toMatch(/^inconclusive: no invariant is broken, but the kernel is in trouble/m);
    const { json } = await document('bisect', ...args);
    expect(json).toMatchObject({ outcome: 'inconclusive' });
  }
}, 60_000);
