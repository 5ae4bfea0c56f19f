// Each way in which logs are written down, by one constructed example: what the kernel said must come
// out of it, when, and where it stands in the file.
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { parseLog } from '../../src/import/format.ts';
import { importLog } from '../../src/import/import.ts';
import { monthOf } from '../../src/import/month-table.ts';
import { shownLine } from '../../src/import/record.ts';

const bytes = (text: string) => new TextEncoder().encode(text);
const parse = (...lines: readonly string[]) => parseLog(bytes(`${lines.join('\n')}\n`));
const texts = (...lines: readonly string[]) => parse(...lines).records.map(({ text }) => text);
const fresh = (...lines: readonly string[]) =>
  parse(...lines)
    .records.filter(({ replay }) => !replay)
    .map(({ text }) => text);

const JOIN = 'e1000e 0000:01:00.0: Adding to iommu group 1';
const HELLO = 'Linux version 6.1.0 (x@y) (gcc) #1 SMP';

describe('dmesg -T in the language of its user', () => {
  it.each([
    ['[Tue Jan 20 10:17:44 2026]', '[Fri Mar 20 10:17:44 2026]'],
    ['[Di Jan 20 10:17:44 2026]', '[Fr Mär 20 10:17:44 2026]'],
    ['[mar. janv. 20 10:17:44 2026]', '[ven. mars 20 10:17:44 2026]'],
    ['[火  1月 20 10:17:44 2026]', '[金  3月 20 10:17:44 2026]'],
    ['[Вт янв 20 10:17:44 2026]', '[Пт мар 20 10:17:44 2026]'],
    ['[wto sty 20 10:17:44 2026]', '[pią mar 20 10:17:44 2026]'],
  ])('%s', (january, march) => {
    const { format, records } = parse(`${january} ${HELLO}`, `${march} ${JOIN}`);
    expect(format).toBe('dmesg-T');
    expect(records.map(({ text, timeUs }) => [text, timeUs])).toEqual([
      [HELLO, 0],
      [JOIN, 59 * 86_400 * 1_000_000],
    ]);
  });

  it('of journalctl too', () => {
    const { format, records } = parse(`Jän 20 10:17:44 box kernel: ${HELLO}`);
    expect([format, records[0]?.text]).toEqual(['journal', HELLO]);
  });

  it('knows each month by one name only, and no other words', () => {
    const english = 'jan feb mar apr may jun jul aug sep oct nov dec'.split(' ');
    expect(english.map(monthOf)).toEqual([0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11]);
    const french = 'janv. févr. mars avr. mai juin juil. août sept. oct. nov. déc.'.split(' ');
    expect(french.map(monthOf)).toEqual([0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11]);
    const polish = 'sty lut mar kwi maj cze lip sie wrz paź lis gru'.split(' ');
    expect(polish.map(monthOf)).toEqual([0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11]);
    expect(['kernel', 'usb', ''].map(monthOf)).toEqual([-1, -1, -1]);
  });
});

describe('who printed', () => {
  it.each([
    ['[    1.000000][   T71] ', 'T71'],
    ['[    1.000000] [ C0] ', 'C0'],
    ['[    1.000000] (CPU0) ', 'CPU0'],
    ['[    1.000000] (CPU:3-pid:71:insmod) ', 'CPU:3-pid:71:insmod'],
    ['[    1.000000] [4:    kworker/4:1:   71] ', '4:    kworker/4:1:   71'],
    ['[    1.000000][pid:916,cpu7,bash]', 'pid:916,cpu7,bash'],
    ['[    1.000000] (0)[1:swapper/0]', '1:swapper/0'],
  ])('%s', (head, caller) => {
    const [record] = parse(`${head}${JOIN}`).records;
    expect(record).toMatchObject({ caller, text: JOIN, timeUs: 1_000_000 });
  });

  it('is no word in brackets that the kernel prints itself', () => {
    expect(texts('[    1.000000] [drm] ready', '[    1.100000] (CPUs 4) up')).toEqual([
      '[drm] ready',
      '(CPUs 4) up',
    ]);
  });
});

describe('pieces that outlived a crash', () => {
  const PIECES = [
    'Panic#2 Part1',
    `<6>[   12.000000] nvme 0000:02:00.0: Adding to iommu group 0`,
    '<0>[   13.000000] Kernel panic - not syncing: x',
    'Panic#2 Part2',
    `<6>[    0.000000] ${HELLO}`,
    `<6>[   11.000000] ${JOIN}`,
  ];

  it('are put in order, newest last, and stand where the file has them', () => {
    const { records, format } = parse(...PIECES);
    expect(format).toBe('dmesg-r');
    expect(records.map((one) => [shownLine(one), one.timeUs, one.boot])).toEqual([
      [5, 0, 0],
      [6, 11_000_000, 0],
      [2, 12_000_000, 0],
      [3, 13_000_000, 0],
    ]);
    const { trace, divergences } = importLog(bytes(PIECES.join('\n')), {
      ...{ name: 'x', version: null, config: {}, patches: {}, machine: null },
    });
    expect(divergences.map(({ line }) => line)).toEqual(expect.arrayContaining([]));
    const joined = trace.events.filter(({ event }) => event.type === 'group.joined');
    expect(joined.map(({ line }) => line)).toEqual(expect.arrayContaining([6, 2]));
  });

  it('stay as they are where the oldest comes first', () => {
    const [newest, oldest] = [PIECES.slice(0, 3), PIECES.slice(3)];
    const { records } = parse(...oldest, ...newest);
    expect(records.map(shownLine)).toEqual([2, 3, 5, 6]);
    expect(records.every(({ fileLine }) => fileLine === undefined)).toBe(true);
  });

  it('lose no line and no order of stamps, however they are mixed', () => {
    const parts = fc.uniqueArray(fc.integer({ min: 1, max: 9 }), { minLength: 1 });
    fc.assert(
      fc.property(parts, (order) => {
        const lines = order.flatMap((part) => [
          `Oops#1 Part${part}`,
          `<6>[  ${20 - part}.000000] part ${part}`,
        ]);
        const { records } = parse(...lines);
        const oldestFirst = order.toSorted((a, b) => b - a);
        expect(records.map(({ text }) => text)).toEqual(oldestFirst.map((part) => `part ${part}`));
        for (const record of records) expect(lines[shownLine(record) - 1]).toContain(record.text);
      }),
    );
  });

  it('have bytes that decayed: the stamp is lost, and the text read as far as it goes', () => {
    const raw = Buffer.from(
      `[   11.00\xff000] ${JOIN}\n[   12.000000] nvme 0000:02:00.0: Add\xfeng\n`,
      'latin1',
    );
    const { records } = parseLog(raw);
    expect(records.map(({ text, timeUs }) => [text, timeUs])).toEqual([
      [JOIN, null],
      ['nvme 0000:02:00.0: Add\ufffdng', 12_000_000],
    ]);
  });
});

describe('Android', () => {
  it('has stamps of logcat, of the kernel behind them, and of vendors', () => {
    expect(
      texts(
        `01-01 00:00:01.520     0     0 I [    0.000000] ${HELLO}`,
        `01-01 00:00:01.620     0     0 I ${JOIN}`,
        `<6>[    1.567824 / 01-01 00:00:01.520] ${JOIN}`,
        `[    1.567825@0] ${JOIN}`,
      ),
    ).toEqual([HELLO, JOIN, JOIN, JOIN]);
  });
});

describe('a LAVA log', () => {
  it('wraps what the target printed, in YAML or behind its own stamp', () => {
    expect(
      texts(
        `- {dt: '2024-01-01T10:00:00.1', lvl: info, msg: 'nvme 0000:09:00.0: Adding to iommu group 9'}`,
        `- {dt: '2024-01-01T10:00:00.2', lvl: target, msg: '[    0.000000] ${HELLO}'}`,
        `- {"dt": "2024-01-01T10:00:00.3", "lvl": "target", "msg": "[    1.000000] ${JOIN}"}`,
        `- {dt: '2024-01-01T10:00:00.4', lvl: target, msg: '[    1.100000] it''s "quoted"'}`,
        `2024-01-01T10:00:00.5 [    2.000000] ${JOIN}`,
      ),
    ).toEqual([HELLO, JOIN, `it's "quoted"`, JOIN]);
  });
});

describe('/dev/kmsg', () => {
  it('has pieces of one line, escapes, fields and NULs', () => {
    const { records } = parse(
      '6,1,1000,-;one\\x20two\\xe2\\x82\\xac',
      ' SUBSYSTEM=pci',
      ' DEVICE=+pci:0000:01:00.0',
      '4,2,2000,c;part one, ',
      '4,3,2000,+;part two',
      '6,4,3000,-,caller=T71;text\0',
    );
    expect(records.map(({ text, device, caller }) => [text, device, caller])).toEqual([
      ['one two€', '0000:01:00.0', null],
      ['part one, part two', null, null],
      ['text', null, 'T71'],
    ]);
  });
});

describe('journalctl -o export', () => {
  const ENTRY = [
    '__CURSOR=s=abc;i=1',
    '__MONOTONIC_TIMESTAMP=1300000',
    '_BOOT_ID=0123456789abcdef0123456789abcdef',
    'PRIORITY=6',
    '_TRANSPORT=kernel',
    'SYSLOG_IDENTIFIER=kernel',
    '_SOURCE_MONOTONIC_TIMESTAMP=1200000',
    '_KERNEL_SUBSYSTEM=pci',
    '_KERNEL_DEVICE=+pci:0000:01:00.0',
    `MESSAGE=${JOIN}`,
    '',
  ];

  it('gives what the kernel said, with its clock, level and device; programs are skipped', () => {
    const { format, records, skipped } = parse(
      ...ENTRY,
      '__CURSOR=s=abc;i=2',
      '_TRANSPORT=syslog',
      'SYSLOG_IDENTIFIER=sshd',
      'MESSAGE=hello',
      '',
    );
    expect({ format, skipped }).toEqual({ format: 'journal', skipped: 1 });
    expect(records).toMatchObject([
      {
        ...{ line: 1, text: JOIN, timeUs: 1_200_000, level: 'info' },
        ...{ subsystem: 'pci', device: '0000:01:00.0' },
      },
    ]);
  });

  it('tells boots apart by their id', () => {
    const second = ENTRY.map((line) => line.replace('_BOOT_ID=0', '_BOOT_ID=1'));
    expect(parse(...ENTRY, ...second).records.map(({ boot }) => boot)).toEqual([0, 1]);
  });

  it.each([10, 11, 61, 200, 300])('has values of several lines: %i bytes', (length) => {
    const value = `one\n${'x'.repeat(length - 4)}`;
    const size = Buffer.alloc(8);
    size.writeBigUInt64LE(BigInt(length));
    const head = Buffer.from('__CURSOR=a\n_TRANSPORT=kernel\nMESSAGE\n');
    const { records } = parseLog(Buffer.concat([head, size, Buffer.from(`${value}\n\n`)]));
    expect(records.map(({ text }) => text).join('\n')).toBe(value);
    expect(records.map(({ level }) => level)).toEqual([null, null]);
  });
});

describe('a console', () => {
  const BOOT = [
    `[    0.000000] ${HELLO}`,
    '[    0.100000] Kernel command line: quiet',
    `[    1.000000] ${JOIN}`,
    '[    2.000000] Run /init as init process',
  ];
  const said = BOOT.map((line) => line.slice(15));

  it('that came late repeats the first lines', () => {
    const early = [
      ...BOOT.slice(0, 2),
      ...[2, 3, 4].map((n) => `[    0.${n}00000] early ${n}`),
      '[    0.600000] printk: console [ttyS0] enabled',
    ];
    expect(fresh(...early, ...early, ...BOOT.slice(2))).toEqual([
      ...early.map((line) => line.slice(15)),
      ...said.slice(2),
    ]);
  });

  it('beside another one says everything twice', () => {
    const twice = BOOT.slice(1).flatMap((line) => [line, line]);
    expect(fresh(...twice)).toEqual(said.slice(1));
  });

  it('in which somebody greps says some things again', () => {
    const removed = '[   30.000000] pci 0000:01:00.0: Removing from iommu group 1';
    const lines = [...BOOT, 'box:~# dmesg | grep iommu', `[    1.000000] ${JOIN}`, removed];
    expect(fresh(...lines, 'box:~# dmesg | grep iommu', `[    1.000000] ${JOIN}`, removed)).toEqual(
      [...said, removed.slice(15)],
    );
  });

  it('has a boot loader’s words first, and a program’s on the same line', () => {
    const log = [
      ...['U-Boot 2020.04 (Apr 01 2020)', '[DEBUG]  BS: run times', 'Starting kernel ...'],
      ...BOOT.slice(0, 2),
      `Starting udevd... [    1.000000] ${JOIN}`,
      `login: [    1.100000] nvme nvme0: hi[    1.200000] ${JOIN}`,
    ];
    expect(texts(...log.map((line) => `${line}\r`))).toEqual([
      ...said.slice(0, 2),
      ...[JOIN, 'nvme nvme0: hi', JOIN],
    ]);
  });

  it('is reset, and the next boot’s stamps begin anew', () => {
    const next = BOOT.map((line) => line.replace(/\.(\d)00000/, '.$100777'));
    const { records } = parse(...BOOT, '[  100.000000] sysrq: Resetting', 'U-Boot 2020', ...next);
    expect(records.map(({ boot }) => boot)).toEqual([0, 0, 0, 0, 0, 1, 1, 1, 1]);
  });
});
