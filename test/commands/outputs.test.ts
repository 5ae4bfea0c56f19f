// Goal: an output that cannot be written is told before the work that would be lost, whatever is wrong with it.
import { existsSync, mkdirSync, readdirSync, readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { EXIT } from '../../src/commands/exit.ts';
import { file, leaky, log, pathOf, reprobe, sane } from './program.ts';

const folder = pathOf('a-folder');
mkdirSync(folder);
const plain = file('plain.txt', 'kept\n');
/** A check that tells that it was asked. */
const asked = ['--', 'sh', '-c', `echo >> ${pathOf('asked')}; exit 1`];

describe('an output that cannot be written', { timeout: 30_000 }, () => {
  it.each<[number, RegExp, readonly string[]]>([
    [EXIT.fatal, /EISDIR/, ['minimize', sane, '-o', folder, ...asked]],
    [EXIT.fatal, /ENOENT/, ['minimize', sane, '-o', '/proc/x', ...asked]],
    [EXIT.fatal, /ENOTDIR/, ['minimize', sane, '-o', `${plain}/x.yaml`, ...asked]],
    [EXIT.usage, /--output is the source itself/, ['minimize', leaky, '-o', leaky]],
    [EXIT.usage, /'-' is none/, ['minimize', leaky, '-o', '-']],
    [EXIT.fatal, /EISDIR/, ['explore', leaky, '-o', folder]],
    [EXIT.usage, /--output is the source itself/, ['explore', leaky, '-o', leaky]],
    [EXIT.fatal, /EISDIR/, ['import', log, '-o', folder]],
    [EXIT.usage, /Two outputs/, ['import', log, '-o', plain, '--machine-out', plain]],
    [EXIT.fatal, /EISDIR/, ['export', leaky, '--shell', pathOf('x.sh'), '--md', folder]],
    [EXIT.usage, /Two outputs/, ['export', leaky, '--yaml', plain, '--md', plain]],
    [EXIT.usage, /--yaml is the source itself/, ['export', leaky, '--yaml', leaky]],
    [EXIT.fatal, /ENOENT/, ['fuzz', '--runs', '1', '--out', '/proc/x']],
    [EXIT.fatal, /EEXIST/, ['fuzz', '--runs', '1', '--out', plain]],
  ])('ends with %i and %s: %j', async (status, message, args) => {
    const before = readFileSync(leaky, 'utf8');
    const ran = await reprobe(...args);
    expect(ran).toMatchObject({ status, stdout: '' });
    expect(ran.stderr).toMatch(message);
    expect(ran.stderr.split('\n').length).toBeLessThan(4);
    expect(existsSync(pathOf('asked'))).toBe(false);
    expect(existsSync(pathOf('x.sh'))).toBe(false);
    expect(readFileSync(plain, 'utf8')).toBe('kept\n');
    expect(readFileSync(leaky, 'utf8')).toBe(before);
    expect(readdirSync(folder)).toEqual([]);
  });

  it('is not made where there is nothing to write', async () => {
    const out = pathOf('never.yaml');
    expect((await reprobe('minimize', sane, '-o', out)).status).toBe(EXIT.holds);
    expect(existsSync(out)).toBe(false);
  });
});
