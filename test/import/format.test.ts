import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { parseLog } from '../../src/import/format.ts';
import type { LogRecord, ParsedLog } from '../../src/import/record.ts';

const parse = (text: string): ParsedLog => parseLog(new TextEncoder().encode(text));
const first = (text: string): LogRecord | undefined => parse(text).records[0];
const GROUP = 'pci 0000:01:00.0: Adding to iommu group 7';

describe('a line of', () => {
  it.each([
    ['dmesg', `[    1.234567] ${GROUP}`, 1_234_567, null, null],
    ['dmesg', `[    1.234567][    T1] ${GROUP}`, 1_234_567, null, 'T1'],
    ['dmesg', `[ 2331.755688][    C0] ${GROUP}`, 2_331_755_688, null, 'C0'],
    ['dmesg', `[    1.234567 <    0.000012>] ${GROUP}`, 1_234_567, null, null],
    ['dmesg', `[   86.068242] [pid:916,cpu7,bash]${GROUP}`, 86_068_242, null, 'pid:916,cpu7,bash'],
    ['dmesg', `[    1.234567@0] ${GROUP}`, 1_234_567, null, null],
    ['dmesg', `[    1.234567] (0)[1:swapper/0]${GROUP}`, 1_234_567, null, '1:swapper/0'],
    ['dmesg-T', `[Nov21 10:13] ${GROUP}`, 0, null, null],
    ['journal', `Mon 2021-06-28 09:22:12 MST host kernel: ${GROUP}`, 0, null, null],
    ['journal', `1759863083.123456 host kernel: ${GROUP}`, 0, null, null],
    ['dmesg-x', `kern  :info  : [    1.234567] [T29] ${GROUP}`, 1_234_567, 'info', 'T29'],
    ['dmesg-x', `kern  :warn  : ${GROUP}`, null, 'warn', null],
    ['dmesg-r', `<6>[    1.234567] ${GROUP}`, 1_234_567, 'info', null],
    ['dmesg-r', `<12>[    1.234567] ${GROUP}`, 1_234_567, 'warn', null],
    ['dmesg-T', `[Tue Jan 20 10:17:44 2026] ${GROUP}`, 0, null, null],
    ['dmesg-T', `2025-10-07T11:51:22,602465-07:00 ${GROUP}`, 0, null, null],
    ['kmsg', `6,98,218056,-;${GROUP}`, 218_056, 'info', null],
    ['kmsg', `12,98,218056,-,caller=T30;${GROUP}`, 218_056, 'warn', 'T30'],
    ['syslog', `May  6 08:38:08 host kernel: [  161.412400] ${GROUP}`, 161_412_400, null, null],
    [
      'syslog',
      `2025-10-07T11:51:23.610469-07:00 host kernel: [T24615] ${GROUP}`,
      0,
      null,
      'T24615',
    ],
    ['journal', `Jun 23 14:21:50 host kernel: ${GROUP}`, 0, null, null],
    ['journal', `2025-10-07T11:51:23-0700 host kernel: ${GROUP}`, 0, null, null],
    ['journal', `[    1.234567] host kernel: ${GROUP}`, 1_234_567, null, null],
    ['logcat', `01-01 04:27:48.105     0     0 I ${GROUP}`, 0, 'info', null],
    [
      'logcat',
      `01-01 04:27:48.091     0     0 E         : [    1.567824 / 01-01 00:00:01.520][4] ${GROUP}`,
      1_567_824,
      'err',
      '4',
    ],
    ['quoted', `> [    1.234567] ${GROUP}`, 1_234_567, null, null],
    ['quoted', `>> > [    1.234567] ${GROUP}`, 1_234_567, null, null],
    ['serial', `\x1b[0m[    1.234567] ${GROUP}\r`, 1_234_567, null, null],
    ['plain', GROUP, null, null, null],
  ])('%s: %s', (format, line, timeUs, level, caller) => {
    const log = parse(`${line}\n`);
    expect(log.format).toBe(format);
    expect(log.records).toMatchObject([{ line: 1, timeUs, level, caller, text: GROUP, boot: 0 }]);
    expect(log.skipped).toBe(0);
  });
});

describe('times of a wall clock', () => {
  const times = (lines: readonly string[]) => parse(lines.join('\n')).records.map((r) => r.timeUs);

  it('count from the first record', () => {
    expect(
      times([
        '2025-10-07T23:59:59.900000-07:00 host kernel: a',
        '2025-10-08T09:00:00.100000+02:00 host kernel: b',
      ]),
    ).toEqual([0, 200_000]);
  });

  it('go on over New Year where stamps have no year', () => {
    expect(times(['Dec 31 23:59:59 h kernel: a', 'Jan  1 00:00:01 h kernel: b'])).toEqual([
      0, 2_000_000,
    ]);
  });

  it('add up differences', () => {
    expect(times(['[Nov21 10:13] a', '[  +0.000012] b', '[  +1.000000] c'])).toEqual([
      0, 12, 1_000_012,
    ]);
  });
});

describe('/dev/kmsg', () => {
  it('takes subsystem and device from the lines after a record', () => {
    const log = parse(`6,98,218056,-;${GROUP}\n SUBSYSTEM=pci\n DEVICE=+pci:0000:01:00.0\n`);
    expect(log.records).toMatchObject([{ subsystem: 'pci', device: '0000:01:00.0' }]);
    expect(log).toMatchObject({ lines: 3, skipped: 0 });
  });

  it('undoes escapes', () => {
    expect(first('6,1,0,-;a\\x5cb \\xc3\\xa4')?.text).toBe('a\\b ä');
  });

  it('splits a message of two lines', () => {
    expect(parse('6,1,5,-;one\\x0atwo').records.map((record) => record.text)).toEqual([
      'one',
      'two',
    ]);
  });
});

describe('JSON', () => {
  it('of journalctl: the kernel’s own clock, level, device; programs are skipped', () => {
    const kernel = {
      _TRANSPORT: 'kernel',
      SYSLOG_IDENTIFIER: 'kernel',
      _SOURCE_MONOTONIC_TIMESTAMP: '1234567',
      PRIORITY: '4',
      _KERNEL_SUBSYSTEM: 'pci',
      _KERNEL_DEVICE: '+pci:0000:01:00.0',
      MESSAGE: GROUP,
    };
    const other = { _TRANSPORT: 'stdout', SYSLOG_IDENTIFIER: 'boltd', MESSAGE: 'hello' };
    const log = parse(`${JSON.stringify(kernel)}\n${JSON.stringify(other)}\n`);
    expect(log).toMatchObject({ format: 'journal-json', lines: 2, skipped: 1 });
    expect(log.records).toMatchObject([
      { timeUs: 1_234_567, level: 'warn', text: GROUP, subsystem: 'pci', device: '0000:01:00.0' },
    ]);
  });

  it('of journalctl, pretty', () => {
    const text = `{\n\t"_TRANSPORT" : "kernel",\n\t"MESSAGE" : ${JSON.stringify(GROUP)}\n}\n`;
    expect(parse(text)).toMatchObject({ records: [{ line: 2, text: GROUP }], skipped: 0 });
  });

  it('of dmesg, cut off in the middle', () => {
    const text = '{\n   "dmesg": [\n      {\n         "pri": 6,\n         "time":     9.398562,\n';
    const log = parse(
      `${text}         "caller": "T1",\n         "msg": "a \\\\ b"\n      },{\n  "pri"`,
    );
    expect(log.format).toBe('journal-json');
    expect(log.records).toMatchObject([
      { line: 4, timeUs: 9_398_562, level: 'info', caller: 'T1', text: 'a \\ b' },
    ]);
  });
});

describe('a capture of a console', () => {
  it('finds kernel text after other text and splits lines that were torn', () => {
    const log = parse(
      'login: [    1.000000] one\r\nU-Boot\r\n[    2.000000] tw[    3.000000] three\r\n',
    );
    expect(log.format).toBe('serial');
    expect(log.skipped).toBe(1);
    expect(log.records.map(({ line, text }) => [line, text])).toEqual([
      [1, 'one'],
      [3, 'tw'],
      [3, 'three'],
    ]);
  });

  it('keeps what the user typed', () => {
    const typed = 'root@(none)$ echo 1 > /sys/bus/pci/rescan';
    const log = parse(`[    1.000000] one\n${typed}\nroot@(none)$ ls\n`);
    expect(log.records).toMatchObject([{ text: 'one' }, { text: typed, timeUs: null, line: 2 }]);
    expect(log.skipped).toBe(1);
  });
});

describe('a mail', () => {
  it('loses its wraps', () => {
    const log = parse(
      [
        'On Fri, Oct 4, 2019 at 9:36 AM someone wrote:',
        '> [    0.000001] quoted, and not this boot',
        '[    3.758618] pci-host-generic 848000000000.pci: ECAM at [mem',
        '0x848000000000-0x848001ffffff] for [bus 00-1f]',
        '[    3.768473] pci-host-generic 848000000000.pci: PCI host bridge to bus 0000:00',
        '',
        'Regards',
      ].join('\n'),
    );
    expect(log.format).toBe('dmesg');
    expect(log.records.map((record) => record.text)).toEqual([
      'pci-host-generic 848000000000.pci: ECAM at [mem 0x848000000000-0x848001ffffff] for [bus 00-1f]',
      'pci-host-generic 848000000000.pci: PCI host bridge to bus 0000:00',
    ]);
    expect(log.skipped).toBe(3);
  });
});

describe('boots', () => {
  const boot = (us: string) => [
    '[    0.000000] Linux version 6.1.0 (x)',
    `[    0.5${us}] one`,
    `[    1.5${us}] two`,
    `[    2.5${us}] three`,
  ];
  const boots = (lines: readonly string[]) => parse(lines.join('\n')).records.map((r) => r.boot);

  it('begin where the kernel introduces itself again', () => {
    expect(boots([...boot('00001'), ...boot('00002')])).toEqual([0, 0, 0, 0, 1, 1, 1, 1]);
  });

  it('do not begin where a console prints the log again', () => {
    const log = parse([...boot('00001'), ...boot('00001'), '[    4.000000] four'].join('\n'));
    expect(log.records.every((record) => record.boot === 0)).toBe(true);
    expect(log.records.map((record) => record.replay)).toEqual([
      ...[false, false, false, false],
      ...[true, true, true, true],
      false,
    ]);
  });

  it('do not begin at one wrong stamp, nor at a small step back', () => {
    expect(boots(['[   68.1] x', ...boot('00001')])).toEqual([0, 0, 0, 0]);
    expect(
      boots([
        '[   68.000001] a',
        '[   68.000002] a',
        '[    0.195241] b',
        '[   68.203620] c',
        '[   10.881111] d',
        '[   11.710000] e',
      ]),
    ).toEqual([0, 0, 0, 0, 0, 0]);
  });

  it('follow the journal', () => {
    const line = 'Jun 23 14:21:50 host kernel: one';
    expect(boots([line, `-- Boot ${'0'.repeat(32)} --`, line])).toEqual([0, 1]);
  });
});

describe('parseLog', () => {
  it('reads UTF-16 with a mark', () => {
    const bytes = Buffer.from(`\ufeff[    1.000000] one\r\n`, 'utf16le');
    expect(parseLog(bytes).records).toMatchObject([{ timeUs: 1_000_000, text: 'one' }]);
  });

  it('reads an empty file', () => {
    expect(parse('')).toEqual({ format: 'plain', lines: 0, records: [], skipped: 0 });
  });

  it('takes any bytes', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 2000 }), (bytes) => {
        expect(parseLog(bytes).records).toBeDefined();
      }),
    );
  });

  it('accounts for every line of any mixture', () => {
    const pieces = [
      '[',
      ']',
      ' ',
      '\n',
      '\r',
      '\0',
      '{',
      '}',
      '"',
      '<6>',
      '6,1,2,-;',
      '> ',
      'a: b',
    ];
    const piece = fc.constantFrom(...pieces, '[    1.000000] ', 'kern  :info  : ', '"msg": "x"');
    fc.assert(
      fc.property(fc.array(piece, { maxLength: 60 }), (parts) => {
        const log = parse(parts.join(''));
        expect(log.skipped + new Set(log.records.map((r) => r.line)).size).toBeLessThanOrEqual(
          log.lines,
        );
        for (const { line } of log.records) expect(line >= 1 && line <= log.lines).toBe(true);
      }),
    );
  });

  it('reads back the records that dmesg prints', () => {
    const text = fc
      .stringMatching(/^[a-zA-Z][a-zA-Z0-9 :.,'()_-]{0,60}$/)
      .filter((t) => t.trim() === t && !/^\w[\w.-]* kernel: /.test(t) && !/^Linux v|^Boot/.test(t));
    const record = fc.record({ timeUs: fc.nat({ max: 9_999_999_999 }), text });
    fc.assert(
      fc.property(fc.array(record, { minLength: 1 }), (records) => {
        const sorted = records.toSorted((a, b) => a.timeUs - b.timeUs);
        const log = parse(sorted.map(print).join(''));
        expect(log.format).toBe('dmesg');
        expect(log.records.map(({ timeUs, text: t }) => ({ timeUs, text: t }))).toEqual(sorted);
      }),
    );
  });
});

function print({ timeUs, text }: { timeUs: number; text: string }): string {
  const seconds = String(Math.floor(timeUs / 1_000_000)).padStart(5);
  return `[${seconds}.${String(timeUs % 1_000_000).padStart(6, '0')}] ${text}\n`;
}
