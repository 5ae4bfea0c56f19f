// A log is read piece by piece: where the pieces end never shows, and neither does that the first
// lines suggested another manner of reading.
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { createLogReader, parseLog } from '../../src/import/format.ts';
import type { LogRecord, ParsedLog } from '../../src/import/record.ts';
import { PUBLIC } from '../corpora.ts';

const bytesOf = (text: string): Uint8Array => new TextEncoder().encode(text);

/** Reads the log in pieces that end at these places. */
function inPieces(bytes: Uint8Array, ends: readonly number[]): ParsedLog {
  const reader = createLogReader<LogRecord[]>(
    () => [],
    (into, record) => into.push(record),
  );
  let start = 0;
  for (const end of [...ends, bytes.length].toSorted((a, b) => a - b)) {
    reader.push(bytes.subarray(start, end));
    start = end;
  }
  const { format, lines, skipped, result: records } = reader.end();
  return { format, lines, records, skipped };
}

const GROUP = 'pci 0000:01:00.0: Adding to iommu group 7';
const stamped = (seconds: number, text = GROUP): string =>
  `[${String(seconds).padStart(5)}.000000] ${text}`;

const SAMPLES: readonly (readonly [string, Uint8Array])[] = [
  ...['owner_cnt-leak', 'groups-by-probe-order'].map(
    (name) => [name, readFileSync(`examples/${name}.dmesg.txt`)] as const,
  ),
  ['UTF-16', Buffer.from(`\ufeff${stamped(1)}\r\n${stamped(2, 'grün €')}\r\n`, 'utf16le')],
  ['a terminal', bytesOf(`\x1b[32m${stamped(1)}\x1b[0m\r\n${stamped(2)} ^[[1mx\r\n\0\r\n`)],
  ['characters of many bytes', bytesOf(`\ufeff${stamped(1, '€😀ü\ufeff')}\n\n> ü\n😀`)],
  ['kmsg', bytesOf(`6,98,218056,-;${GROUP}\n SUBSYSTEM=pci\n DEVICE=+pci:0000:01:00.0\n x\n \n`)],
  ['JSON', bytesOf('\n{\n  "MESSAGE" : "one\\ntwo",\n  "_BOOT_ID" : "a"\n}\n{"MESSAGE":"b"}\n')],
  ['what looks like JSON', bytesOf(`{\n${stamped(1)}\n}\n${stamped(2)}\n`)],
  [
    'a mail',
    bytesOf(`On a day x wrote:\n> ${stamped(1)} and so on until\n> the line is full\nbye\n`),
  ],
  ['two boots', bytesOf([1, 2, 90, 95, 0, 1, 3, 4, 5, 6].map((s) => stamped(s)).join('\n'))],
  ['no log', bytesOf('\n\n[\n\r\n \t\n')],
];

describe('pieces of any size', () => {
  it.each(SAMPLES)('do not show in %s', (_, bytes) => {
    const place = fc.nat({ max: bytes.length });
    const cut = fc.record({ from: place, to: place, ends: fc.array(place, { maxLength: 12 }) });
    fc.assert(
      fc.property(cut, ({ from, to, ends }) => {
        const part = bytes.subarray(Math.min(from, to), Math.max(from, to));
        const within = ends.map((end) => Math.min(end, part.length));
        expect(inPieces(part, within)).toEqual(parseLog(part));
        expect(inPieces(bytes, ends)).toEqual(parseLog(bytes));
      }),
      { numRuns: bytes.length > 1000 ? 40 : 200 },
    );
  });

  it('do not show where each is one byte', () => {
    for (const [, bytes] of SAMPLES) {
      const part = bytes.subarray(0, 3000);
      expect(inPieces(part, [...part.keys()])).toEqual(parseLog(part));
    }
  });

  const logs = existsSync(PUBLIC)
    ? readdirSync(PUBLIC).filter((file) => file !== 'SOURCES.md')
    : [];
  it.skipIf(logs.length === 0).each(logs)('do not show in %s (skipped where absent)', (file) => {
    const bytes = readFileSync(`${PUBLIC}/${file}`);
    const ends = Array.from({ length: 40 }, (_, i) => (i * 7919 * 131) % bytes.length);
    expect(inPieces(bytes, ends)).toEqual(parseLog(bytes));
  });
});

describe('the first lines mislead', () => {
  const many = (count: number, line: (i: number) => string) =>
    Array.from({ length: count }, (_, i) => line(i)).join('\n');
  const half = `${'word '.repeat(8)}abcdefghijklmnopqrstu`;

  it('about wrapping', () => {
    const short = `${stamped(0, half)}\nwrappedword ends it\n${many(600, (i) => stamped(i))}\n`;
    expect(parseLog(bytesOf(short)).records[0]?.text).toBe(`${half} wrappedword ends it`);
    const long = short + many(100, (i) => stamped(600 + i, `${half} ${half}`));
    expect(parseLog(bytesOf(long)).records[0]?.text).toBe(half);
    expect(parseLog(bytesOf(long)).records).toHaveLength(701);
  });

  it('about quotes', () => {
    const log = `${many(600, (i) => stamped(i))}\n${many(700, (i) => `> ${stamped(700 + i)}`)}`;
    expect(parseLog(bytesOf(log))).toMatchObject({ format: 'quoted', skipped: 0, lines: 1300 });
    expect(parseLog(bytesOf(log)).records).toHaveLength(1300);
  });

  it('about stamps', () => {
    const log = `${many(600, () => 'no stamp here')}\n${many(20, (i) => stamped(i))}`;
    const { format, records, skipped } = parseLog(bytesOf(log));
    expect({ format, skipped, records: records.length }).toEqual({
      format: 'serial',
      skipped: 600,
      records: 20,
    });
  });

  it('about JSON', () => {
    const log = `[\n${many(600, (i) => stamped(i))}`;
    expect(parseLog(bytesOf(log))).toMatchObject({ format: 'dmesg', skipped: 1, lines: 601 });
  });
});
