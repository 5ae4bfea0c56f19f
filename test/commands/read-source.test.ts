import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { readSource } from '../../src/commands/read-source.ts';

let folder = '';
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'reprobe-'));
});
afterAll(() => rmSync(folder, { recursive: true }));

function fileOf(name: string, bytes: Uint8Array | string): string {
  const path = join(folder, name);
  writeFileSync(path, bytes);
  return path;
}

it('reads bytes as they are', async () => {
  const file = fileOf('plain', Buffer.from([0xff, 0x00, 0x0a]));
  const source = await readSource(file);
  expect(source).toMatchObject({ file, compressed: false });
  expect([...source.bytes]).toEqual([0xff, 0x00, 0x0a]);
});

it('decompresses by content, not by name, and joins gzip members', async () => {
  const file = fileOf('log.txt', Buffer.concat([gzipSync('one '), gzipSync('two')]));
  const { bytes, compressed } = await readSource(file);
  expect(compressed).toBe(true);
  expect(Buffer.from(bytes).toString()).toBe('one two');
});

it('reads an empty file', async () => {
  expect((await readSource(fileOf('empty', ''))).bytes).toHaveLength(0);
});

it('names the compressor it does not know, and what unpacks it', async () => {
  const file = fileOf('dmesg.xz', Buffer.from('\xfd7zXZ\0', 'latin1'));
  await expect(readSource(file)).rejects.toMatchObject({
    message: 'The file is compressed with xz; decompress it first.',
    hint: expect.stringContaining('xz -dc'),
  });
});

it.each([
  ['a missing file', 'UNREADABLE', () => join(folder, 'none'), undefined],
  ['a directory', 'UNREADABLE', () => folder, undefined],
  ['a file as a directory', 'UNREADABLE', () => join(fileOf('f', ''), 'x'), undefined],
  ['a NUL in the path', 'UNREADABLE', () => 'a\0b', undefined],
  ['torn gzip', 'UNREADABLE', () => fileOf('t', gzipSync('some text').subarray(0, 14)), undefined],
  ['xz', 'UNREADABLE', () => fileOf('x', Buffer.from('\xfd7zXZ\0\0\x04', 'latin1')), undefined],
  ['zstd', 'UNREADABLE', () => fileOf('s', Buffer.from('28b52ffd04', 'hex')), undefined],
  ['a file too large', 'TOO_LARGE', () => fileOf('l', 'x'.repeat(101)), 100],
  ['gzip that grows too large', 'TOO_LARGE', () => fileOf('z', gzipSync('x'.repeat(10_000))), 100],
])('refuses %s', async (_, code, path, bytesMax) => {
  const file = path();
  await expect(readSource(file, bytesMax)).rejects.toMatchObject({
    name: 'ReprobeError',
    code,
    file,
    hint: expect.any(String),
  });
});
