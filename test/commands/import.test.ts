import { readFileSync } from 'node:fs';
import { describe, it, vi } from 'vitest';
import { EXIT } from '../../src/commands/exit.ts';
import { document, file, pathOf, reprobe, sane, trace } from './program.ts';

vi.setConfig({ testTimeout: 60_000, maxConcurrency: 8 });

const LOG = 'examples/groups-by-probe-order.dmesg.txt';

describe.concurrent('import --machine-out', () => {
  it('writes what --machine takes back, with the same verdict', async ({ expect }) => {
    const path = pathOf('inferred.yaml');
    const { status } = await reprobe('import', LOG, '--machine-out', path, '--kernel', '6.1');
    expect(status).toBe(EXIT.holds);
    const again = /^# {3}reprobe (bisect .*)$/m.exec(readFileSync(path, 'utf8'))?.[1] ?? '';
    expect(again).toBe(`bisect ${LOG} --kernel 6.1 --machine ${path}`);
    const { json } = await document(...again.split(' '));
    const inferred = await document('bisect', LOG, '--kernel', '6.1');
    expect(inferred.status).toBe(EXIT.violated);
    expect(json).toEqual({ ...Object(inferred.json), again: Object(json).again });
  });

  it('warns where that is another machine, of which a log proves nothing', async ({ expect }) => {
    const { status, stdout, stderr } = await reprobe('replay', LOG, '--machine', sane);
    expect(stderr).toMatch(
      /^warning: --machine: the machine lacks \d+ of \d+ devices that the log/,
    );
    expect([status, stdout.includes('inconclusive')]).toEqual([EXIT.inconclusive, true]);
  });
});

const SECRET = `[    0.000000] Linux version 6.1.20 (alice@buildbox) (gcc) #1 SMP
[    0.000000] Kernel command line: root=UUID=cff79b49-6661-4347-b366-eb48273fe0c1 iommu.passthrough=1
[    1.000000] e1000e 0000:01:00.0 eth0: (PCI Express:2.5GT/s:Width x1) 52:54:00:ab:cd:ef
[    1.000000] e1000e 0000:01:00.0: Adding to iommu group 1
[    2.000000] vfio-pci 0000:01:00.0: DMA of alice
`;
const SECRETS = /alice|buildbox|cff79b49|ab:?cd:?ef/i;

describe.concurrent('import --redact', () => {
  it('lets no secret out, on any way', async ({ expect }) => {
    const source = file('secret.txt', SECRET);
    const [log, out, machine] = ['shared.txt', 'shared.jsonl', 'shared.yaml'].map(pathOf);
    const files = ['--redacted-log', log, '-o', out, '--machine-out', machine].map(String);
    const { status, stdout, stderr } = await reprobe('import', source, '--json', ...files);
    expect({ status, stderr }).toEqual({ status: EXIT.holds, stderr: '' });
    expect(stdout).not.toMatch(SECRETS);
    for (const path of [log, out, machine].map(String))
      expect(readFileSync(path, 'utf8')).not.toMatch(SECRETS);
    expect(JSON.parse(stdout)).toMatchObject({
      kernel: { release: '6.1.20' },
      groups: { 1: ['0000:01:00.0'] },
      redacted: { user: 1, host: 1, uuid: 1, mac: 1 },
    });
    const plain = await document('import', source);
    const shared = await document('import', String(log));
    const events = (json: unknown) => Object(json).events;
    expect(events(shared.json)).toEqual(events(plain.json));
  });

  it('says in words what it replaced', async ({ expect }) => {
    const { stdout } = await reprobe('import', file('secret2.txt', SECRET), '--redact');
    expect(stdout).toMatch(/^redacted +1 user, 1 host, 1 uuid, 1 mac$/m);
    expect(stdout).not.toMatch(SECRETS);
  });

  it('is for logs', async ({ expect }) => {
    const { status, stderr } = await reprobe('import', trace, '--redact');
    expect(status).toBe(EXIT.usage);
    expect(stderr).toContain('--redact is for logs');
  });
});
