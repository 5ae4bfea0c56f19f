import { existsSync } from 'node:fs';
import { describe, expect, it, vi } from 'vitest';
import { EXIT } from '../../src/commands/exit.ts';
import { INVARIANTS } from '../../src/invariants/all.ts';
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
  torn,
  trace,
} from './program.ts';

vi.setConfig({ testTimeout: 60_000, maxConcurrency: 8 });

const GOOD = ['--', process.execPath, '-e', ''];
/** Bad while the card is bound. */
const COUNT_CHECK =
  'let s="";process.stdin.on("data",d=>s+=d).on("end",()=>' +
  'process.exit(JSON.parse(s).devices["0000:01:00.0"]?.bound?1:0))';
const CHECK = ['--', process.execPath, '-e', COUNT_CHECK];
const exits = (code: number) => ['--', process.execPath, '-e', `process.exit(${code})`];

describe.concurrent('exit codes, with and without --json', () => {
  it.each<[number, readonly string[]]>([
    [EXIT.holds, ['replay', sane]],
    [EXIT.holds, ['replay', leaky, '--patch', '+test_remove_dma_cleanup']],
    [EXIT.holds, ['replay', leaky, '--to', '0']],
    [EXIT.holds, ['replay', leaky, '--kernel', '6.12']],
    [EXIT.violated, ['replay', leaky]],
    [EXIT.violated, ['replay', trace]],
    [EXIT.violated, ['replay', sane, '--patch', '-bus_dma_cleanup']],
    [EXIT.holds, ['show', trace, '--at', '3']],
    [EXIT.holds, ['diff', trace, '--from', '3', '--to', '90']],
    [EXIT.holds, ['diff', trace, leaky]],
    [EXIT.violated, ['diff', trace, sane]],
    [EXIT.holds, ['bisect', sane]],
    [EXIT.violated, ['bisect', leaky]],
    [EXIT.violated, ['bisect', trace, '--invariant', 'INV-IDLE']],
    [EXIT.holds, ['bisect', trace, '--invariant', 'INV-GRP']],
    [EXIT.holds, ['bisect', trace, ...GOOD]],
    [EXIT.violated, ['bisect', trace, ...CHECK]],
    [EXIT.violated, ['bisect', trace, ...exits(1)]],
    [EXIT.inconclusive, ['bisect', trace, ...exits(125)]],
    [EXIT.holds, ['whatif', leaky, '--kernel', '6.12']],
    [EXIT.violated, ['whatif', leaky, '--patch', 'test_remove_dma_cleanup']],
    [EXIT.holds, ['list', 'patches']],
    [EXIT.holds, ['import', trace]],
    [EXIT.holds, ['import', nothing]],
    [EXIT.holds, ['import', log]],
    [EXIT.holds, ['run', sane]],
    [EXIT.holds, ['run', leaky]],
    [EXIT.violated, ['run', leaky, '--patch', 'test_remove_dma_cleanup']],
    [EXIT.violated, ['run', sane, leaky, '--patch', '-bus_dma_cleanup']],
  ])('%i for %j', async (status, args) => {
    expect(await reprobe(...args)).toMatchObject({ status, stderr: '' });
    expect((await document(...args)).status).toBe(status);
  });

  it.each<[number, string, readonly string[]]>([
    [EXIT.inconclusive, 'NO_EVIDENCE', ['replay', nothing]],
    [EXIT.inconclusive, 'NO_EVIDENCE', ['bisect', nothing]],
    [EXIT.fatal, 'TORN_TRACE', ['replay', torn]],
    [EXIT.fatal, 'TORN_TRACE', ['bisect', torn]],
    [EXIT.fatal, 'TORN_TRACE', ['show', torn, '--at', '1']],
    [EXIT.fatal, 'TORN_TRACE', ['import', torn]],
    [EXIT.fatal, 'UNREADABLE', ['replay', 'no-such-file']],
    [EXIT.fatal, 'UNREADABLE', ['whatif', 'no-such-file', '--all']],
    [EXIT.fatal, 'UNREADABLE', ['run', 'no-such-file']],
    [EXIT.fatal, 'UNREADABLE', ['diff', trace, 'no-such-file']],
    [EXIT.fatal, 'BAD_SCENARIO', ['run', file('bad.yaml', 'name: a\nmachine: {}\nstepz: []\n')]],
    [EXIT.fatal, 'UNWRITABLE', ['import', trace, '-o', 'no/such/folder/t.jsonl']],
    [EXIT.fatal, 'UNWRITABLE', ['import', trace, '--machine-out', 'no/such/folder/m.yaml']],
    [EXIT.fatal, 'CHECK_ABORTED', ['bisect', trace, ...exits(128)]],
    [EXIT.fatal, 'CHECK_ABORTED', ['bisect', trace, '--', 'no-such-program']],
    [EXIT.usage, 'USAGE', ['replay', trace, '--no-such-flag']],
    [EXIT.usage, 'USAGE', ['replay', trace, '--to', '99999']],
    [EXIT.usage, 'USAGE', ['replay', trace, '--to', 'soon']],
    [EXIT.usage, 'USAGE', ['replay', trace, '--to', '12.5']],
    [EXIT.usage, 'USAGE', ['show', trace]],
    [EXIT.usage, 'USAGE', ['show', trace, '--at']],
    [EXIT.usage, 'USAGE', ['diff', trace]],
    [EXIT.usage, 'USAGE', ['diff', trace, leaky, '--from', '1']],
    [EXIT.usage, 'USAGE', ['bisect', trace, '--']],
    [EXIT.usage, 'USAGE', ['whatif', leaky]],
    [EXIT.usage, 'USAGE', ['whatif', leaky, '--all', '--kernel', '6.1']],
    [EXIT.usage, 'USAGE', ['whatif', leaky, '--without-step', '9']],
    [EXIT.usage, 'USAGE', ['whatif', leaky, '--without-step', '0']],
    [EXIT.usage, 'USAGE', ['whatif', leaky, '--move-step', '1']],
    [EXIT.fatal, 'BAD_SCENARIO', ['whatif', leaky, '--add-step', '1:no such thing']],
    [EXIT.fatal, 'UNREADABLE', ['whatif', leaky, '--machine', 'no-such-file']],
    [EXIT.fatal, 'BAD_TOKEN', ['run', '--token', 'no-token']],
    [EXIT.usage, 'USAGE', ['run', leaky, '--token', 'no-token']],
    [EXIT.usage, 'USAGE', ['import', trace, leaky, '-o', 'x.jsonl']],
    [EXIT.usage, 'USAGE', ['import', trace, leaky, '--machine-out', 'x.yaml']],
    [EXIT.usage, 'USAGE', ['run']],
    [EXIT.usage, 'UNKNOWN_NAME', ['list', 'nothing']],
    [EXIT.usage, 'UNKNOWN_NAME', ['replay', trace, '--follow', '0000:01:00.9']],
    [EXIT.usage, 'UNKNOWN_NAME', ['replay', trace, '--kernel', 'linux']],
    [EXIT.usage, 'UNKNOWN_NAME', ['show', trace, '--at', '9', '--path', 'devices.__proto__']],
    [EXIT.usage, 'UNKNOWN_NAME', ['bisect', trace, '--invariant', 'INV-OWNS']],
    [EXIT.usage, 'UNKNOWN_NAME', ['whatif', leaky, '--patch', '-no_such_patch']],
    [EXIT.usage, 'UNKNOWN_NAME', ['run', leaky, '--patch', 'test_remov_dma_cleanup']],
  ])('%i, %s for %j', async (status, code, args) => {
    const text = await reprobe(...args);
    expect(text).toMatchObject({ status, stdout: '' });
    expect(text.stderr).not.toMatch(/^\s+at /m);
    const json = await reprobe(...asJson(args));
    expect(json).toMatchObject({ status, stderr: '' });
    expect(JSON.parse(json.stdout)).toMatchObject({ error: { code } });
  });
});

describe.concurrent('replay', () => {
  it('ends with a line that shows it again', async ({ expect }) => {
    const { stdout } = await reprobe('replay', leaky);
    const again = /^again: reprobe (replay .* --to \d+)$/m.exec(stdout)?.[1] ?? '';
    const shown = await reprobe(...again.split(' '));
    expect(shown.status).toBe(EXIT.violated);
    expect(shown.stdout).toContain('! dma_cleanup-balances-dma_configure');
    const before = again.replace(/\d+$/, (event) => String(Number(event) - 1));
    expect((await reprobe(...before.split(' '))).status).toBe(EXIT.holds);
  });

  it('numbers the state from 0, and counts what is broken', async ({ expect }) => {
    const { stdout } = await reprobe('replay', trace);
    expect(stdout).toMatch(/^state after event #\d+, the last$/m);
    expect(stdout).toMatch(/^violated: 3 invariants, 4 times$/m);
    const early = await reprobe('replay', trace, '--to', '3');
    expect(early.stdout).toMatch(/^state after event #3, the last is #\d+$/m);
  });

  it('follows a device named without its domain, and counts what others break', async ({
    expect,
  }) => {
    const { stdout, status } = await reprobe('replay', trace, '--follow', '00:01.0');
    expect(status).toBe(EXIT.violated);
    expect(stdout).toContain('4 violations of others left out');
    expect(stdout).not.toContain('    ! ');
  });

  it('repeats the flags in that line', async ({ expect }) => {
    const { stdout } = await reprobe('replay', sane, '--patch', '-bus_dma_cleanup');
    expect(stdout).toMatch(/^again: .* --patch=-bus_dma_cleanup --to \d+$/m);
  });

  it('prints the contract', async ({ expect }) => {
    const { json } = await document('replay', leaky);
    expect(json).toMatchObject({
      events: expect.any(Number),
      violations: [
        { invariant: 'dma_cleanup-balances-dma_configure', subject: NIC, line: null },
        { invariant: 'owner_cnt-matches-users', values: { owner_cnt: 1, users: 0 } },
        { invariant: 'owner_cnt-matches-users', values: { owner_cnt: 1, users: 0 } },
        { invariant: 'idle-group-has-no-owner' },
      ],
      divergences: [],
      expectations: [{ ok: true }],
      final: { groups: { 1: { owner_cnt: 1 } } },
    });
  });

  it('reads a log, and tells its lines', async ({ expect }) => {
    const { json } = await document('replay', log);
    expect(json).toMatchObject({ final: { groups: { 1: { devices: [NIC] } } } });
  });
});

describe.concurrent('show', () => {
  it('sums up, and shows the whole when asked', async ({ expect }) => {
    const summary = await reprobe('show', trace, '--at', '90');
    expect(summary.stdout).toMatch(/^group +owner_cnt/m);
    expect(summary.stdout).toMatch(/^device +bus +driver/m);
    expect(summary.stdout).not.toContain('the last event');
    const whole = await reprobe('show', trace, '--at', '90', '--all');
    const state = whole.stdout.slice(whole.stdout.indexOf('\n{'));
    expect(JSON.parse(state)).toMatchObject({ devices: { [NIC]: { bus: 'pci' } } });
    const { json } = await document('show', trace, '--at', '90');
    expect(json).toMatchObject({
      value: { devices: { [NIC]: { spec: { pci: { vendor: 0x8086 } } } } },
    });
  });

  it('says that a time beyond the end means the last event', async ({ expect }) => {
    const { stdout } = await reprobe('show', log, '--at', '99999s');
    expect(stdout).toMatch(/^after #\d+ .*, the last event$/m);
  });

  it('lists the numbers that there are, and takes a device without its domain', async ({
    expect,
  }) => {
    const { stderr } = await reprobe('show', trace, '--at', '90', '--path', 'groups.9');
    expect(stderr).toBe("There is no '9' in groups.\nhint: there is: 0, 1\n");
    const short = await reprobe('show', trace, '--at', '90', '--path', 'devices.01:00.0.name');
    expect(short.stdout).toBe(`"${NIC}"\n`);
  });
});

describe.concurrent('bisect', () => {
  it('prints the contract', async ({ expect }) => {
    expect((await document('bisect', leaky)).json).toMatchObject({
      outcome: 'found',
      firstBad: {
        type: 'device.unbind_cleanup',
        line: null,
        time: null,
        stack: expect.arrayContaining(['really_probe', 'test_remove']),
        stimulus: 'boot',
      },
      violation: { invariant: 'dma_cleanup-balances-dma_configure', subject: NIC },
      verification: { verified: true },
      changes: { reproduced: true },
    });
    expect((await document('bisect', sane)).json).toMatchObject({
      outcome: 'holds',
      firstBad: null,
      violation: null,
    });
  });

  it('tells the story', async ({ expect }) => {
    const { stdout } = await reprobe('bisect', leaky);
    for (const part of [
      'first bad',
      'last good',
      'really_probe > test_remove',
      'fix     test_remove_dma_cleanup: f429378a9bf8',
      'CONFIG_DEBUG_TEST_DRIVER_REMOVE=n instead of y',
      'verified: both ends were checked, and without the driver e1000e it does not happen',
      'again: reprobe replay',
    ])
      expect(stdout).toContain(part);
  });

  it('asks a command as often as it says, and no more', async ({ expect }) => {
    const { json } = await document('bisect', trace, ...CHECK);
    expect(json).toMatchObject({ outcome: 'found', firstBad: { type: 'driver.bound' } });
    const { evaluations, events } = json as { evaluations: number; events: number };
    expect(evaluations).toBeLessThanOrEqual(Math.ceil(Math.log2(events)) + 2);
  });
});

describe.concurrent('whatif', () => {
  it('tells of --all what makes a difference, and names the rest', async ({ expect }) => {
    const { stdout } = await reprobe('whatif', leaky, '--all');
    const [table = '', rest = ''] = stdout.split('no difference is made by ');
    expect(table).toMatch(/^6\.1 +as it is +violates/m);
    expect(table).toMatch(/^6\.1 +\+test_remove_dma_cleanup +holds/m);
    expect(table).toMatch(/^7\.2 +as shipped/m);
    const [, count] = /^(\d+) others: /.exec(rest) ?? [];
    expect(rest).toMatch(/-vfio_no_viable_scan/);
    expect(table).not.toMatch(/vfio_no_viable_scan/);
    const { runs } = JSON.parse((await reprobe('whatif', leaky, '--all', '--json')).stdout);
    expect(table.trim().split('\n').length - 1 + Number(count)).toBe(runs.length);
  });

  it('has a row for each combination', async ({ expect }) => {
    const args = ['--patch', '-test_remove_dma_cleanup', '--config', 'DEBUG_TEST_DRIVER_REMOVE=y'];
    const { json } = await document('whatif', leaky, ...args);
    expect(json).toMatchObject({
      runs: [
        { verdict: 'holds', violation: null },
        { verdict: 'violates', violation: { subject: NIC } },
        { patches: { test_remove_dma_cleanup: true }, verdict: 'holds' },
        { config: { DEBUG_TEST_DRIVER_REMOVE: 'y' }, verdict: 'holds' },
      ],
    });
  });

  it('leaves steps out, puts them elsewhere and adds some, and says which expectations fail', async ({
    expect,
  }) => {
    const args = ['--without-step', 'all', '--move-step', '3:5', '--add-step', '2:rescan'];
    const { json, status } = await document('whatif', leaky, ...args);
    expect(status).toBe(EXIT.violated);
    const { runs } = json as { runs: { step: string | null; verdict: string }[] };
    expect(runs).toHaveLength(1 + ASSIGN_NIC.length + 2);
    expect(runs[0]).toMatchObject({
      step: null,
      verdict: 'violates',
      expectations: [{ ok: true }],
    });
    expect(runs[1]).toMatchObject({ step: 'without step 1, boot', verdict: 'holds' });
    expect(runs[1]).toMatchObject({ expectations: [{ ok: false }] });
    expect(runs.at(-1)?.step).toBe('new step 2, echo 1 > /sys/bus/pci/rescan');
    const { stdout } = await reprobe('whatif', leaky, '--without-step', '1', '--diff');
    expect(stdout).toMatch(/^6\.1 +without step 1, boot +holds +1 of 1 fail/m);
    expect(stdout).toMatch(/^- step 1, boot: \d+ events$/m);
  });

  it('takes a shell command for a step, and another machine', async ({ expect }) => {
    const other = ['--machine', sane, '--add-step', '7:echo 1 > /sys/bus/pci/rescan'];
    const { json } = await document('whatif', leaky, ...other);
    expect(json).toMatchObject({
      runs: [
        { machine: null, step: null },
        { machine: sane, verdict: 'violates' },
        { step: 'new step 7, echo 1 > /sys/bus/pci/rescan' },
      ],
    });
  });

  it('ends with a token where no file has the run', async ({ expect }) => {
    const { stdout } = await reprobe('whatif', sane, '--patch', 'bus_dma_cleanup');
    expect(stdout).toMatch(/^again: reprobe replay .* --patch=-bus_dma_cleanup --to \d+$/m);
    const without = ['--kernel', '6.1', '--config', 'DEBUG_TEST_DRIVER_REMOVE=y'];
    const edited = await reprobe(
      ...['whatif', sane, ...without, '--patch', 'test_remove_dma_cleanup', '--machine', leaky],
    );
    const again = /^again: reprobe (.*)$/m.exec(edited.stdout)?.[1] ?? '';
    expect((await reprobe(...again.split(' '))).status).toBe(EXIT.violated);
  });

  it('reads a configuration file', async ({ expect }) => {
    const config = file('kernel.config', '# a comment\nCONFIG_DEBUG_TEST_DRIVER_REMOVE=y\n');
    expect(
      (await reprobe('replay', sane, '--config', config, '--patch=-test_remove_dma_cleanup'))
        .status,
    ).toBe(EXIT.violated);
    const unset = file('other.config', '# CONFIG_DEBUG_TEST_DRIVER_REMOVE is not set\n');
    expect((await reprobe('replay', leaky, '--config', unset)).status).toBe(EXIT.holds);
    expect(
      (await reprobe('replay', leaky, '--config', 'CONFIG_DEBUG_TEST_DRIVER_REMOVE=n')).status,
    ).toBe(EXIT.holds);
  });
});

describe.concurrent('list', () => {
  it.each([
    ['invariants', INVARIANTS.length],
    ['kernels', 2],
    ['patches', 20],
    ['events', 70],
    ['messages', 100],
  ])('%s has %i rows at least', async (what, least) => {
    const { json } = await document('list', what);
    const items = (json as Record<string, unknown[]>)[what];
    expect(items?.length).toBeGreaterThanOrEqual(least);
    const { stdout } = await reprobe('list', what);
    expect(stdout.trimEnd().split('\n')).toHaveLength((items?.length ?? 0) + 1);
  });
});

describe.concurrent('import', () => {
  it('writes a trace that replays to the same state', async ({ expect }) => {
    const path = pathOf('written.jsonl.gz');
    await reprobe('import', log, '-o', path);
    expect(existsSync(path)).toBe(true);
    expect((await document('replay', path)).json).toMatchObject({
      final: ((await document('replay', log)).json as { final: object }).final,
    });
  });

  it('prints the contract', async ({ expect }) => {
    expect((await document('import', log)).json).toMatchObject({
      source: { format: 'dmesg', lines: expect.any(Number), unrecognised: 0 },
      observations: { kinds: { 'iommu.group.added': 2 } },
      groups: { 1: [NIC] },
      everInGroups: { 1: [NIC] },
      probeFailures: [],
      deferrals: [],
      events: { total: expect.any(Number) },
    });
  });

  it('takes several sources', async ({ expect }) => {
    expect((await document('import', log, nothing)).json).toMatchObject({ sources: [{}, {}] });
  });
});

describe.concurrent('run', () => {
  it('says what was expected and what was found', async ({ expect }) => {
    expect((await reprobe('run', leaky)).stdout).toContain(
      'ok      INV-OWN is violated for group 1',
    );
    expect((await reprobe('run', leaky, '--patch', 'test_remove_dma_cleanup')).stdout).toContain(
      'FAILED  INV-OWN is violated for group 1: it holds',
    );
    expect((await document('run', leaky)).json).toMatchObject({
      expectations: [{ expect: 'INV-OWN is violated for group 1', ok: true }],
      violations: expect.any(Array),
      final: {},
    });
  });

  it('prints what the kernel prints, with no times', async ({ expect }) => {
    const { stdout } = await reprobe('run', sane, '--dmesg');
    expect(stdout).toContain(`\npci ${NIC}: [8086:10d3] type 00 class 0x020000`);
    expect(stdout).not.toContain('[    ');
  });

  it('counts scenarios', async ({ expect }) => {
    expect((await reprobe('run', sane, leaky)).stdout).toContain('2 scenarios, 0 failed');
    expect((await document('run', sane, leaky)).json).toMatchObject({
      scenarios: [{ ok: true }, {}],
    });
  });

  it('prints the same fields of one scenario and of many', async ({ expect }) => {
    const [one, many] = [await document('run', leaky), await document('run', leaky, sane)];
    const whole = { ok: true, events: expect.any(Number), divergences: [] };
    const met = { expect: 'INV-OWN is violated for group 1', ok: true };
    const { scenarios, ...own } = one.json as { readonly scenarios: readonly object[] };
    expect(scenarios).toEqual([own]);
    expect(own).toMatchObject({ ...whole, expectations: [met], final: { groups: {} } });
    expect(many.json).toMatchObject({ ...whole, final: null });
    const { violations, expectations, ...sum } = many.json as { readonly [key: string]: unknown };
    const [{ violations: broken = [] } = {}] = scenarios as readonly { violations?: object[] }[];
    expect(violations).toEqual(broken.map((each) => ({ ...each, file: leaky })));
    expect(expectations).toMatchObject([
      { ...met, file: leaky },
      { ok: true, file: sane },
    ]);
    expect(sum['scenarios']).toMatchObject([own, { file: sane }]);
  });
});
