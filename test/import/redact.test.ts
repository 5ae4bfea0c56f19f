// Secrets put into committed logs do not come out again, and the logs say the same without them.
import { readdirSync, readFileSync } from 'node:fs';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { canonicalJson } from '../../src/events/canonical.ts';
import { type Imported, importLog } from '../../src/import/import.ts';
import { redactLog } from '../../src/import/redact.ts';
import { expectUnchanged } from '../../src/import/redact-check.ts';
import { checkTrace } from '../../src/invariants/checker.ts';
import { PUBLIC } from '../corpora.ts';

const encode = (text: string) => new TextEncoder().encode(text);
const decode = (bytes: Uint8Array) => new TextDecoder().decode(bytes);
const read = (bytes: Uint8Array): Imported =>
  importLog(bytes, { name: 'log', version: null, config: {}, patches: {}, machine: null });
const redacted = (text: string) => decode(redactLog(encode(text)).bytes);
const EXAMPLES = readdirSync('examples').filter((file) => file.endsWith('.dmesg.txt'));

function expectSameRun(bytes: Uint8Array): { log: string; trace: string } {
  const shared = redactLog(bytes);
  const [plain, after] = [read(bytes), read(shared.bytes)];
  expectUnchanged(shared.redactor, plain, after);
  expect(after.log.format).toBe(plain.log.format);
  expect(after.log.lines).toBe(plain.log.lines);
  const verdict = ({ trace }: Imported) => checkTrace(trace.header, trace.events);
  expect(verdict(after)).toEqual(shared.redactor.value(verdict(plain)));
  return { log: decode(shared.bytes), trace: canonicalJson({ ...after.trace, asked: [] }) };
}

describe('redacting', () => {
  it.each([
    [
      'eth0: 52:54:00:12:34:56, eth1: 52:54:00:12:34:57',
      'eth0: 02:00:00:00:00:01, eth1: 02:00:00:00:00:02',
    ],
    [
      '52:54:00:AB:34:56 525400ab3456 52-54-00-ab-34-56 enx525400ab3456',
      '02:00:00:00:00:01 020000000001 02-00-00-00-00-01 enx020000000001',
    ],
    [
      'root=UUID=cff79b49-6661-4347-b366-eb48273fe0c1 ro',
      'root=UUID=00000000-0000-4000-8000-000000000001 ro',
    ],
    [
      'root=PARTUUID=4f9d008e-01 resume=/dev/disk/by-uuid/5D5F-0067',
      'root=PARTUUID=00000000-01 resume=/dev/disk/by-uuid/0000-0002',
    ],
    [
      'IP-Config: 192.168.1.20 mask 255.255.255.0 gw 192.168.1.1',
      'IP-Config: 100.100.0.11 mask 255.255.255.0 gw 100.100.0.2',
    ],
    ['inet6 fe80::5054:ff:fe12:3456', 'inet6 fd00::0000:00:0000:0001'],
    [
      'systemd[1]: Hostname set to <mybox>. mybox MYBOX mybox2',
      'systemd[1]: Hostname set to <host1>. host1 HOST1 mybox2',
    ],
    [
      'alice@mybox:~/vfio# ls /home/alice/job-x/linux/drivers/iommu/iommu.c',
      'user1@host1:~/vfio# ls /home/user1/pat-1/path2/drivers/iommu/iommu.c',
    ],
    ['usb 1-1: SerialNumber: 4C530001230', 'usb 1-1: SerialNumber: 00000000001'],
    ['androidboot.serialno=5d400375 S/N: AB-1234', 'androidboot.serialno=00000001 S/N: SE-RIA2'],
    [
      'root=LABEL=backup3 BTRFS: device label backup3 devid 1',
      'root=LABEL=label01 BTRFS: device label label01 devid 1',
    ],
    [
      'device dev-disk-by\\x2duuid-cff79b49\\x2d6661\\x2d4347\\x2db366\\x2deb48273fe0c1 cff79b49-6661-4347-b366-eb48273fe0c1',
      'device dev-disk-by\\x2duuid-00000000\\x2d0000\\x2d4000\\x2d8000\\x2d000000000001 00000000-0000-4000-8000-000000000001',
    ],
    ['Robin Miller <robin@example.com> wrote', 'user0 000001 <user2@host000.001> wrote'],
  ])('%s', (text, expected) => {
    expect(redacted(`[    0.000000] ${text}\n`)).toBe(`[    0.000000] ${expected}\n`);
  });

  it.each([
    'pci 0000:01:00.0: [8086:10d3] type 00 class 0x020000',
    'arm-smmu 5000000.iommu: probing hardware configuration...',
    'Linux version 6.1.192-lab (root@localhost) (gcc 12) #1 SMP',
    'usb usb1: SerialNumber: 0000:03:00.0',
    'usb usb1: SerialNumber: 11200000.usb',
    'usb usb1: SerialNumber: xhci-hcd.0.auto',
    'mmc_hostname:mmc0 is no host, nor is Last login: Wed Jun 17',
    'requested by user space, for user mode, by user: 17544617',
    'usb 1-1.2.3.4: New USB device strings: Mfr=1, Product=2, SerialNumber=3',
    'Serial: 8250/16550 driver, 32 ports, IRQ sharing enabled',
    '70006000.serial: ttyTHS0 at MMIO 0x70006000 (irq = 25, base_baud = 25500000) is a TEGRA_UART',
    'pps_core: version 5.3.6.1, FWVersion(16.17.01.00) root=LABEL=root inet 127.0.0.1 ff:ff:ff:ff:ff:ff',
    'Code: 48 8b 05 00 11 22 33 44 55 RIP: 0010:really_probe+0x1a/0x2b0',
    'platform regulator@101--7000d000.i2c: Linked as a consumer to 7000d000.i2c',
  ])('leaves %s', (text) => {
    expect(redacted(`[    0.000000] ${text}\n`)).toBe(`[    0.000000] ${text}\n`);
  });

  it('keeps a word that drivers and messages have, where it is no name', () => {
    const text = 'ahci@nvme:~# true\n[    0.000000] nvme 0000:02:00.0: Adding to iommu group 0\n';
    expect(redacted(text)).toBe(
      'use1@hos1:~# true\n[    0.000000] nvme 0000:02:00.0: Adding to iommu group 0\n',
    );
  });

  it('masks what user space wrote into a syslog, and names the host otherwise', () => {
    const head = 'May  6 08:38:08 mybox';
    expect(
      redacted(`${head} sshd[12]: key from 1.2.3.4\n${head} kernel: [    1.000000] on mybox\n`),
    ).toBe(
      'May  6 08:38:08 host1 sshd[12]: xxx xxxx x.x.x.x\nMay  6 08:38:08 host1 kernel: [    1.000000] on host1\n',
    );
  });

  it('reads JSON, with texts as bytes', () => {
    const bytes = JSON.stringify([...encode('on mybox')]);
    const line = `{"_HOSTNAME":"mybox","_TRANSPORT":"kernel","MESSAGE":"to\\nmybox","X":${bytes}}\n`;
    const { X, ...rest } = JSON.parse(redacted(line));
    expect(rest).toEqual({ _HOSTNAME: 'host1', _TRANSPORT: 'kernel', MESSAGE: 'to\nhost1' });
    expect(decode(Uint8Array.from(X))).toBe('on host1');
  });

  it('keeps the line ends of a terminal, and drops its control sequences', () => {
    expect(redacted('[    0.000000] 52:54:00:\x1b[1m12:34:56\r\n')).toBe(
      '[    0.000000] 02:00:00:00:00:01\r\n',
    );
  });
});

const hex = (length: number) => fc.stringMatching(new RegExp(`^[1-9a-e][0-9a-f]{${length - 1}}$`));
const aMac = hex(12).map((digits) => digits.match(/../g)?.join(':') ?? '');
const aUuid = hex(32).map((digits) => digits.replace(/^(.{8})(.{4})(.{4})(.{4})/, '$1-$2-$3-$4-'));
const aName = fc.stringMatching(/^[a-z]{2}q[a-z0-9]{3,8}(?:-[a-z]{2,6})?$/);
const anAddress = fc.ipV4().filter((ip) => !/^(?:0|127|255)\./.test(ip));

const SECRETS = fc.record({
  ...{ mac: aMac, uuid: aUuid, host: aName, user: aName, ip: anAddress },
  serial: fc.stringMatching(/^[A-Z]{3}Q[A-Z0-9]{4,10}[0-9]$/),
});
type Secrets = typeof SECRETS extends fc.Arbitrary<infer T> ? T : never;

/** Lines that betray a secret, and after them lines that only hold it. */
const LINES: readonly ((secrets: Secrets) => string)[] = [
  ({ mac }) => `e1000e 0000:01:00.0 eth0: (PCI Express:2.5GT/s:Width x1) ${mac}`,
  ({ uuid }) => `EXT4-fs (sda1): mounted filesystem ${uuid} with ordered data mode`,
  ({ uuid }) => `Kernel command line: root=UUID=${uuid.toUpperCase()} ro quiet`,
  ({ host }) => `systemd[1]: Hostname set to <${host}>.`,
  ({ user, host }) => `Linux version 6.1.20 (${user}@${host}) (gcc 12.2) #1 SMP`,
  ({ user }) => `WARNING: CPU: 0 PID: 1 at /home/${user}/linux/drivers/base/dd.c:630 really_probe`,
  ({ serial }) => `usb 1-1: SerialNumber: ${serial}`,
  ({ ip, host }) => `IP-Config: Complete: device=eth0, addr=${ip}, host=${host}`,
];
const ECHOES: readonly ((secrets: Secrets) => string)[] = [
  ({ mac }) => `renamed to enx${mac.replace(/:/g, '')}, ${mac.toUpperCase()}`,
  ({ uuid }) => `machine ${uuid.replace(/-/g, '')} is ${uuid.toUpperCase()}`,
  ({ host, user }) => `${host.toUpperCase()}: ${user}_files of ${user}, not ${host}.local`,
  ({ serial }) => `disk ${serial.toLowerCase()} (${serial})`,
  ({ ip }) => `nfs: server ${ip} OK`,
];

/** The log with the lines put in, each after a line of its own. */
function injected(log: string, lines: readonly string[], places: readonly number[]): string {
  const all = log.trimEnd().split('\n');
  const betrayals = lines.map((text, i) => ({ at: (places[i] ?? 0) % all.length, text }));
  for (const { at, text } of betrayals.sort((a, b) => b.at - a.at)) {
    const stamp = /^\[ *\d+\.\d+\] /.exec(all[at] ?? '')?.[0] ?? '[    0.000000] ';
    all.splice(at + 1, 0, stamp + text);
  }
  return `${all.join('\n')}\n`;
}

type Wrap = (line: string, secrets: Secrets) => string;
const WRAPS: readonly Wrap[] = [
  (line) => line,
  (line, { host }) => `May  6 08:38:08 ${host} kernel: ${line}`,
  (line) => `<6>${line}`,
  (line) => `${line.replace(/ /, ' \x1b[0m')}\r`,
  (line, { host }) => {
    const [, seconds, micros, text] = /^\[ *(\d+)\.(\d+)\] (.*)$/.exec(line) ?? [];
    const time = String(Number(`${seconds}${micros}`));
    const kernel = { _TRANSPORT: 'kernel', _SOURCE_MONOTONIC_TIMESTAMP: time };
    return JSON.stringify({ ...kernel, _HOSTNAME: host, MESSAGE: `\t${text}` });
  },
];

describe('properties', () => {
  it('no secret put into a log remains, and the run is the same', { timeout: 60_000 }, () => {
    const places = fc.array(fc.nat(), { minLength: 13, maxLength: 13 });
    const example = fc.constantFrom(
      ...EXAMPLES.map((file) => readFileSync(`examples/${file}`, 'utf8')),
    );
    fc.assert(
      fc.property(example, SECRETS, places, fc.constantFrom(...WRAPS), (log, secrets, at, wrap) => {
        const known = log.toLowerCase();
        const values = Object.values(secrets).flatMap((secret) => {
          const lower = secret.toLowerCase();
          return secret === secrets.ip ? [lower] : [lower, lower.replace(/[:-]/g, '')];
        });
        fc.pre(values.every((value) => !known.includes(value)));
        const lines = [...LINES, ...ECHOES].map((line) => line(secrets));
        const text = injected(log, lines, at);
        const wrapped = text
          .trimEnd()
          .split('\n')
          .map((line) => `${wrap(line, secrets)}\n`);
        const { log: out, trace } = expectSameRun(encode(wrapped.join('')));
        for (const value of values) {
          expect(out.toLowerCase()).not.toContain(value);
          expect(trace.toLowerCase()).not.toContain(value);
        }
      }),
      { numRuns: 25 },
    );
  });

  // Each would take minutes if a rule looked at the rest of the line from every place in it.
  it.each(['a', 'aa:', '1.', '@a.', 'serial ', '/home/x', 'ip=', 'LABEL=', 'a@b.', 'x@y:', '["'])(
    'a line of %j over and over is done in time',
    { timeout: 20_000 },
    (unit) => {
      const line = `[    0.000000] ${unit.repeat(300_000 / unit.length)}\n`;
      expect(read(redactLog(encode(line)).bytes).log.lines).toBe(1);
    },
  );

  it('any bytes give a log with as many lines', () => {
    fc.assert(
      fc.property(fc.oneof(fc.uint8Array({ maxLength: 400 }), fc.string().map(encode)), (bytes) => {
        const shared = redactLog(bytes);
        expect(read(shared.bytes).log.lines).toBe(read(bytes).log.lines);
      }),
    );
  });

  it('the same secret has the same pseudonym, another has another', () => {
    fc.assert(
      fc.property(fc.uniqueArray(aMac, { minLength: 1, maxLength: 20 }), (macs) => {
        const lines = [...macs, ...macs].map((mac) => `[    0.000000] eth0: ${mac}\n`);
        const out = redacted(lines.join('')).trimEnd().split('\n');
        expect(out.slice(macs.length)).toEqual(out.slice(0, macs.length));
        expect(new Set(out).size).toBe(macs.length);
      }),
    );
  });
});

const committed = [
  ...EXAMPLES.map((file) => `examples/${file}`),
  ...readdirSync('scenarios/golden')
    .filter((file) => file.endsWith('.dmesg.txt'))
    .map((file) => `scenarios/golden/${file}`),
];

it.each(committed)('%s says the same', (file) => {
  expectSameRun(readFileSync(file));
});

const published = (() => {
  try {
    return readdirSync(PUBLIC).filter((file) => file !== 'SOURCES.md');
  } catch {
    return [];
  }
})();

describe.skipIf(published.length === 0)(`logs of ${PUBLIC} (skipped where absent)`, () => {
  it.each(published)('%s says the same', (file) => {
    expectSameRun(readFileSync(`${PUBLIC}/${file}`));
  });
});
