import { readFileSync } from 'node:fs';
import { describe, expect, it, vi } from 'vitest';
import { EXIT } from '../../src/commands/exit.ts';
import { ASSIGN_NIC, NIC } from '../model/small-machine.ts';
import {
  asJson,
  document,
  file,
  leaky,
  log,
  nothing,
  pathOf,
  reprobe,
  sane,
  trace,
} from './program.ts';

vi.setConfig({ testTimeout: 60_000, maxConcurrency: 8 });

describe.concurrent('export', () => {
  it.each<[number, string | null, readonly string[]]>([
    [EXIT.holds, null, ['export', leaky, '--shell', '-']],
    [EXIT.holds, null, ['export', sane, '--shell', '-']],
    [EXIT.holds, null, ['export', sane, '--yaml', '-']],
    [EXIT.holds, null, ['export', trace, '--md', '-']],
    [EXIT.holds, null, ['export', log, '--shell', '-']],
    [EXIT.holds, null, ['export', leaky, '--invariant', 'INV-IDLE', '--minimize', '--yaml', '-']],
    [EXIT.usage, 'USAGE', ['export', leaky]],
    [EXIT.usage, 'USAGE', ['export', leaky, '--shell', '-', '--md', '-']],
    [EXIT.usage, 'USAGE', ['export', leaky, '--yaml', leaky]],
    [EXIT.usage, 'UNKNOWN_NAME', ['export', leaky, '--invariant', 'INV-OWNS', '--yaml', '-']],
    [EXIT.inconclusive, 'NO_EVIDENCE', ['export', sane, '--md', '-']],
    [EXIT.inconclusive, 'NO_EVIDENCE', ['export', leaky, '--invariant', 'INV-GRP', '--yaml', '-']],
    [EXIT.inconclusive, 'NO_EVIDENCE', ['export', nothing, '--shell', '-']],
    [EXIT.fatal, 'UNREADABLE', ['export', 'no-such-file', '--shell', '-']],
    [EXIT.fatal, 'UNWRITABLE', ['export', leaky, '--shell', 'no/such/folder/x.sh']],
  ])('%i, %s for %j, with and without --json', async (status, code, args) => {
    const text = await reprobe(...args);
    expect(text.status).toBe(status);
    // Why the run of a log is no answer is no error.
    const errors = text.stderr.replace(/^note: .*\n/, '');
    expect([text.stdout === '', errors === '']).toEqual([code !== null, code === null]);
    const json = await reprobe(...asJson(args));
    expect(json).toMatchObject({ status, stderr: '' });
    const parsed = JSON.parse(json.stdout);
    if (code === null) expect(parsed).toHaveProperty('steps');
    else expect(parsed).toMatchObject({ error: { code } });
  });

  it('prints the contract', async ({ expect }) => {
    const { json } = await document('export', leaky, '--shell', '-', '--md', pathOf('leak.md'));
    expect(json).toMatchObject({
      name: 'assign-a-card',
      violation: { invariant: 'dma_cleanup-balances-dma_configure', subject: NIC },
      shell: expect.stringMatching(/^#!\/bin\/sh\n/),
      md: readFileSync(pathOf('leak.md'), 'utf8'),
    });
    const { steps } = json as { steps: object[] };
    expect(steps).toHaveLength(ASSIGN_NIC.length);
    expect(steps[1]).toEqual({ step: 2, command: 'modprobe vfio-pci', ret: 0 });
  });

  it('says of a log why a run that breaks nothing is no answer, and keeps its name', async () => {
    const panic = '[   99.000000] Kernel panic - not syncing: Asynchronous SError Interrupt\n';
    const path = file('tx2-5.1-crash.log.txt', readFileSync(log, 'utf8') + panic);
    const { status, stdout, stderr } = await reprobe('export', path, '--shell', '-');
    expect(status).toBe(EXIT.holds);
    expect(stdout).toMatch(/^#!\/bin\/sh\n# tx2-5\.1-crash\n/);
    expect(stderr).toMatch(
      /^note: no invariant is broken, but the kernel is in trouble at line \d+/,
    );
  });

  it('writes a scenario that runs, under the kernel that was asked for', async ({ expect }) => {
    const path = pathOf('exported.yaml');
    const args = ['--config', 'DEBUG_TEST_DRIVER_REMOVE=y', '--patch=-test_remove_dma_cleanup'];
    expect((await reprobe('export', sane, ...args, '--yaml', path)).status).toBe(EXIT.holds);
    const { status, stdout } = await reprobe('run', path);
    expect([status, stdout]).toEqual([EXIT.holds, expect.stringContaining('is violated for')]);
    expect(stdout).not.toContain('note');
  });

  it('leaves out what the violation does not need, and keeps names', async ({ expect }) => {
    const { json } = await document('export', leaky, '--minimize', '--yaml', pathOf('small.yaml'));
    const { steps, violation, yaml } = json as {
      steps: object[];
      violation: { subject: string };
      yaml: string;
    };
    expect(steps.length).toBeLessThan(ASSIGN_NIC.length);
    expect(violation.subject).toBe(NIC);
    expect(yaml).toContain(`name: '${NIC}'`);
    expect((await reprobe('run', pathOf('small.yaml'))).status).toBe(EXIT.holds);
  });
});
