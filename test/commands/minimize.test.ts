import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, readFileSync } from 'node:fs';
import { describe, expect, it, vi } from 'vitest';
import { EXIT } from '../../src/commands/exit.ts';
import { asJson, document, leaky, log, nothing, pathOf, reprobe, sane, trace } from './program.ts';

vi.setConfig({ testTimeout: 120_000, maxConcurrency: 4 });

const shell = (code: string) => ['--', 'sh', '-c', code];
const exits = (code: number) => shell(`exit ${code}`);

describe.concurrent('minimize', () => {
  it('prints a scenario that breaks what it expects to, and what it left out', async ({
    expect,
  }) => {
    const { status, stdout, stderr } = await reprobe('minimize', leaky);
    expect(status).toBe(EXIT.violated);
    expect(stdout).toMatch(/^schema: 1\nname: dma_cleanup-balances-dma_configure\n/);
    expect(stderr).toContain('without pcieport, vfio-pci');
    expect(stderr).toMatch(/^signature: [0-9a-f]{16} \(device\)$/m);
    expect(stderr).toMatch(/^\d+ runs$/m);
  });

  it('writes the same file from a trace and on several threads; it runs', async ({ expect }) => {
    const [a, b] = [pathOf('min-a.yaml'), pathOf('min-b.yaml')];
    const one = await reprobe('minimize', leaky, '-o', a);
    const two = await reprobe('minimize', trace, '-o', b, '--workers', '3');
    expect([one.status, two.status]).toEqual([EXIT.violated, EXIT.violated]);
    expect(readFileSync(b, 'utf8')).toBe(readFileSync(a, 'utf8'));
    expect(two.stdout.replaceAll(b, a)).toBe(one.stdout);
    expect((await reprobe('run', a)).status).toBe(EXIT.holds);
    const again = /^again: reprobe (.*)$/m.exec(one.stdout)?.[1] ?? '';
    const shown = await reprobe(...again.split(' '));
    expect(shown.stdout).toContain('! dma_cleanup-balances-dma_configure');
  });

  it('keeps the invariant and the subject that it is given', async ({ expect }) => {
    const { json } = await document('minimize', leaky, '--invariant', 'INV-IDLE');
    expect(json).toMatchObject({
      outcome: 'minimized',
      violation: { invariant: 'idle-group-has-no-owner' },
      signature: { subjectKind: 'group', text: expect.stringContaining('idle-group') },
      removed: { drivers: ['pcieport', 'vfio-pci'] },
    });
    const group = await document('minimize', leaky, '--subject', 'group 1');
    expect(group.json).toMatchObject({ signature: { subjectKind: 'group' } });
  });

  it('asks a command, in both senses, and gives it a file where it wants one', async ({
    expect,
  }) => {
    const bad = '&& exit 1 || exit 0';
    const loads = await document('minimize', sane, ...shell(`grep -q modprobe ${bad}`));
    expect(loads).toMatchObject({
      status: EXIT.violated,
      json: { violation: null, after: { stimuli: 1, drivers: 0 } },
    });
    const same = await document(
      ...['minimize', sane, '--interesting', '--workers', '2'],
      ...shell('grep -q modprobe'),
    );
    expect(same.json).toEqual(loads.json);
    const byFile = ['--', 'grep', '-q', 'modprobe', '{}'];
    const read = await document('minimize', sane, '--interesting', ...byFile);
    expect(read.json).toEqual(loads.json);
  });

  it.each<[number, readonly string[]]>([
    [EXIT.holds, ['minimize', sane]],
    [EXIT.violated, ['minimize', trace]],
  ])('exits with %i for %j', async (status, args) => {
    expect((await reprobe(...args)).status).toBe(status);
    expect((await document(...args)).status).toBe(status);
  });

  it.each<[number, string, readonly string[]]>([
    [EXIT.inconclusive, 'NO_EVIDENCE', ['minimize', nothing]],
    [EXIT.inconclusive, 'NO_EVIDENCE', ['minimize', sane, ...exits(0)]],
    [EXIT.inconclusive, 'NO_EVIDENCE', ['minimize', sane, ...exits(125)]],
    [EXIT.fatal, 'CHECK_ABORTED', ['minimize', sane, ...exits(128)]],
    [EXIT.fatal, 'UNWRITABLE', ['minimize', leaky, '-o', 'no/such/folder/m.yaml']],
    [EXIT.fatal, 'UNREADABLE', ['minimize', 'no-such-file']],
    [EXIT.usage, 'USAGE', ['minimize', leaky, '--subject', 'group 9']],
    [EXIT.usage, 'USAGE', ['minimize', leaky, '--interesting']],
    [EXIT.usage, 'USAGE', ['minimize', leaky, '--invariant', 'INV-OWN', ...exits(1)]],
    [EXIT.usage, 'USAGE', ['minimize', leaky, '--']],
    [EXIT.usage, 'UNKNOWN_NAME', ['minimize', leaky, '--invariant', 'INV-OWNS']],
  ])('%i, %s for %j', async (status, code, args) => {
    expect(await reprobe(...args)).toMatchObject({ status, stdout: '' });
    const json = await reprobe(...asJson(args));
    expect(json).toMatchObject({ status, stderr: '' });
    expect(JSON.parse(json.stdout)).toMatchObject({ error: { code } });
  });

  it('says of a log what its run alone does', async ({ expect }) => {
    const { status } = await reprobe('minimize', log);
    expect([EXIT.holds, EXIT.violated, EXIT.inconclusive]).toContain(status);
  });

  it('saves the best so far when it is interrupted', async ({ expect }) => {
    const [out, calls] = [pathOf('min-interrupted.yaml'), pathOf('calls.txt')];
    const slow = shell(`echo >> ${calls}; sleep 0.1; exit 1`);
    const args = ['bin/run.js', 'minimize', sane, '-o', out, ...slow];
    const child = spawn(process.execPath, args, { stdio: 'ignore' });
    while (!existsSync(calls) || readFileSync(calls).length < 4)
      await new Promise((resolve) => setTimeout(resolve, 50));
    child.kill('SIGINT');
    const [code] = await once(child, 'close');
    expect(code).toBe(EXIT.interrupted);
    expect(readFileSync(out, 'utf8')).toMatch(/^schema: 1\n/);
  });
});
