import { gzipSync } from 'node:zlib';
import { expect as check, describe, it, vi } from 'vitest';
import { EXIT } from '../../src/commands/exit.ts';
import { document, file, reprobe, trace } from './program.ts';

vi.setConfig({ testTimeout: 60_000, maxConcurrency: 8 });

const LOG = 'examples/groups-by-probe-order.dmesg.txt';
const WAITING = 'lcd\tpanel: cannot get clock\n';
const TRACE =
  '  sh-9  [000] .....  1.000000: add_device_to_group: IOMMU: groupID=9 device=0000:07:00.0\n';
const CONFIG = 'CONFIG_DEBUG_TEST_DRIVER_REMOVE=y\n# CONFIG_MODULES is not set\n';

const evidence = (...files: readonly string[]) => files.flatMap((one) => ['--evidence', one]);

describe.concurrent('--evidence', () => {
  const waiting = file('deferred', WAITING);
  const traced = file('trace.txt', TRACE);
  const config = file('config.gz', gzipSync(CONFIG));

  it('has a line a file in what import says, and an entry in its document', async ({ expect }) => {
    const files = evidence(waiting, traced, config);
    const { status, stdout } = await reprobe('import', LOG, ...files);
    expect(status).toBe(EXIT.holds);
    const lines = stdout.split('\n').filter((line) => line.startsWith('evidence'));
    expect(lines).toEqual([
      `evidence      ${waiting} (deferred): 1 deferred; 1 agree, 0 do not; added 1 deferral`,
      `evidence      ${traced} (ftrace): 1 event, 1 observation; 0 agree, 0 do not; added 1 observation`,
      `evidence      ${config} (config): 2 options, 2 read`,
    ]);
    const { json } = await document('import', LOG, ...files);
    expect(json).toMatchObject({
      evidence: [
        { file: waiting, kind: 'deferred', said: { deferred: 1 }, agreed: 1, differs: 0 },
        { file: traced, kind: 'ftrace', changed: { observations: 1 }, others: {} },
        { file: config, kind: 'config', agreed: null },
      ],
      waiting: expect.arrayContaining([
        { dev: 'lcd', waitsFor: null, reason: 'panel: cannot get clock' },
      ]),
    });
  });

  it('is taken by every command that takes a log, and named in what can be pasted', async ({
    expect,
  }) => {
    for (const command of ['replay', 'bisect', 'explain', 'import'])
      expect((await reprobe(command, LOG, ...evidence(waiting))).status).toBeLessThan(EXIT.fatal);
    const { stdout } = await reprobe('bisect', LOG, ...evidence(config, waiting));
    expect(stdout).toContain(` --evidence ${config} --evidence ${waiting} `);
    const shown = ['--at', '400', '--path', 'devices.lcd.bus'];
    expect((await reprobe('show', LOG, ...shown, ...evidence(waiting))).stdout).toContain(
      'platform',
    );
  });

  it('gives way to what --config says', async ({ expect }) => {
    const both = [...evidence(config), '--config', 'DEBUG_TEST_DRIVER_REMOVE=n'];
    const given = async (...flags: readonly string[]) =>
      Object(await document('import', LOG, ...flags)).json;
    const [plain, overruled, switched] = [
      await given('--config', 'MODULES=n'),
      await given(...both),
      await given(...evidence(config)),
    ];
    expect(overruled.events).toEqual(plain.events);
    expect(switched.events).not.toEqual(plain.events);
  });

  it('is refused with its place where it is none, and for what is no log', async ({ expect }) => {
    const broken = file('broken', `${WAITING}no tab here\n`);
    const { status, stderr } = await reprobe('import', LOG, ...evidence(broken));
    expect(status).toBe(EXIT.fatal);
    expect(stderr).toContain(`${broken}:2:3: This is not a line of devices_deferred.`);
    const other = await reprobe('replay', trace, ...evidence(waiting));
    expect(other.status).toBe(EXIT.usage);
    expect(other.stderr).toContain('--evidence is for logs');
  });

  it('lets no secret out of a redacted import', async ({ expect }) => {
    const secret = file('secret.txt', '[    0.000000] Linux version 6.1.20 (alice@box) (gcc) #1\n');
    const tell = file('alice-deferred', 'lcd\tpanel: asked alice@box for a clock\n');
    const { stdout } = await reprobe('import', secret, '--redact', ...evidence(tell));
    expect(stdout).toContain('lcd');
    expect(stdout).not.toMatch(/asked alice/);
  });
});

describe.concurrent('--boot', () => {
  const boots = ['6.1.1', '6.1.2', '6.1.3'].map(
    (release, i) =>
      `[    0.000000] Linux version ${release} (x@y) (gcc) #1 SMP\n` +
      [1, 2, 3, 4].map((n) => `[    1.00${n}${i}00] usb a: says ${n}\n`).join('') +
      (i === 1 ? '[    9.000000] platform a: deferred probe pending\n' : ''),
  );
  const log = file('boots.txt', boots.join(''));

  it.each([
    [[], '6.1.2', 1],
    [['--boot', 'first'], '6.1.1', 0],
    [['--boot', 'last'], '6.1.3', 2],
    [['--boot', '1'], '6.1.1', 0],
    [['--boot', '3'], '6.1.3', 2],
  ])('%j takes %s', async (flags, release, boot) => {
    const { json } = await document('import', log, ...flags);
    check(json).toMatchObject({ kernel: { release }, source: { boot, boots: 3 } });
  });

  it('says which was taken, and what there is not', async ({ expect }) => {
    expect((await reprobe('import', log)).stdout).toContain(', boot 2 of 3; --boot takes another');
    const absent = await reprobe('import', log, '--boot', '4');
    expect(absent.status).toBe(EXIT.usage);
    expect(absent.stderr).toContain('There is no boot 4 in this log: it has 3 boots.');
    for (const wrong of ['0', 'x', '-1'])
      expect((await reprobe('import', log, `--boot=${wrong}`)).status).toBe(EXIT.usage);
    expect((await reprobe('replay', trace, '--boot', '1')).status).toBe(EXIT.usage);
  });
});
