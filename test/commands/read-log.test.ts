import { afterEach, expect, it, vi } from 'vitest';
import { readLog } from '../../src/commands/read-log.ts';

afterEach(() => vi.restoreAllMocks());

async function* pieces(count: number): AsyncGenerator<Uint8Array> {
  const lines = '[    1.000000] worker: done\n'.repeat(40_000);
  for (let i = 0; i < count; i++) yield new TextEncoder().encode(lines);
}

async function told(isTTY: boolean): Promise<readonly string[]> {
  const before = process.stderr.isTTY;
  const texts: string[] = [];
  vi.spyOn(process.stderr, 'write').mockImplementation((text) => {
    texts.push(String(text));
    return true;
  });
  process.stderr.isTTY = isTTY;
  const log = await readLog(pieces(40));
  process.stderr.isTTY = before;
  expect(log).toMatchObject({ lines: 1_600_000, records: 1_600_000, format: 'dmesg' });
  return texts;
}

it('tells a terminal how far it is, and nobody else', async () => {
  expect(await told(true)).toEqual(['\rMiB read: 16', '\rMiB read: 32', '\r\x1b[K']);
  expect(await told(false)).toEqual([]);
}, 30_000);
