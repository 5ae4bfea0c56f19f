import { spawn } from 'node:child_process';
import { createReadStream } from 'node:fs';
import { text } from 'node:stream/consumers';
import { deflateRawSync } from 'node:zlib';
import fc from 'fast-check';
import { describe, expect, it, vi } from 'vitest';
import { EXIT } from '../../src/commands/exit.ts';
import { expectRun, readToken, tokenOf } from '../../src/commands/token.ts';
import { runAll } from '../../src/engine/run.ts';
import { ReprobeError } from '../../src/error.ts';
import { aRun, leakyTrace, NIC, traceOf } from '../model/small-machine.ts';
import { document, leaky, reprobe } from './program.ts';

vi.setConfig({ testTimeout: 60_000, maxConcurrency: 8 });

const leak = leakyTrace();
const token = tokenOf(leak.header, leak.events) ?? '';
const [format = '', model = '', run = '', packed = ''] = token.split('.');

describe('tokenOf', () => {
  it('is a word that no shell touches, and short', () => {
    expect(token).toMatch(/^[\w.-]+$/);
    expect(token.length).toBeLessThan(1500);
  });

  it('carries all that a run is made from', () => {
    const property = fc.property(aRun, (one) => {
      const { header, events } = traceOf(one);
      const read = readToken(tokenOf(header, events) ?? '');
      const { kernel, machine, stimuli, choices } = header;
      expect(read.inputs).toMatchObject({ kernel, machine, stimuli, choices });
      const again = runAll(read.inputs, read.inputs.stimuli, { choices: read.inputs.choices });
      expect(again.trace().events).toEqual(events);
      expect(() => expectRun(read, again.trace().events)).not.toThrow();
      expect(() => expectRun(read, events.slice(1))).toThrow('make another run here');
    });
    fc.assert(property, { numRuns: 30 });
  });

  it('is none where it would be no line to paste', () => {
    const devices = leak.header.machine.devices.flatMap((device, i) =>
      Array.from({ length: 400 }, (_, j) => ({ ...device, name: `${Math.sin(i * 400 + j)}` })),
    );
    const machine = { ...leak.header.machine, devices };
    expect(tokenOf({ ...leak.header, machine }, leak.events)).toBeNull();
  });
});

describe('readToken', () => {
  const pack = (value: unknown) => deflateRawSync(JSON.stringify(value)).toString('base64url');
  it.each([
    ['', 'This is no token'],
    [token.slice(0, -40), 'This is no token'],
    [token.replaceAll('.', ''), 'This is no token'],
    [['7', model, run, packed].join('.'), 'The token has format 7; this reprobe reads 1'],
    [[format, '01234567', run, packed].join('.'), 'of a reprobe with another model (01234567,'],
    [[format, model, run, pack([2, 1, 2, 3, 4])].join('.'), 'The token has schema 2'],
    [[format, model, run, pack([1, 1, 2, 3, 4])].join('.'), 'kernel'],
    [[format, model, run, pack({})].join('.'), 'This is no token'],
  ])('refuses %j', (given, message) => {
    expect(() => readToken(given)).toThrow(message);
  });

  it('refuses anything else as what a user gave, and never takes it for a bug', () => {
    const aBase64 = fc.string({ unit: fc.constantFrom(...'abcXYZ019-_') });
    const property = fc.property(fc.oneof(fc.string(), aBase64), (given) => {
      const bad = [given, [format, model, run, given].join('.')];
      for (const one of bad) {
        try {
          readToken(one);
          expect.unreachable();
        } catch (error) {
          expect(error).toBeInstanceOf(ReprobeError);
        }
      }
    });
    fc.assert(property);
  });
});

describe.concurrent('run --token', () => {
  it('shows the violation again', async ({ expect }) => {
    const { json, status } = await document('run', '--token', token);
    expect(status).toBe(EXIT.violated);
    expect(json).toMatchObject({ ok: false, violations: [{ subject: NIC }, {}, {}, {}] });
    const { stdout } = await reprobe('run', '--token', token);
    expect(stdout).toMatch(/^again: reprobe run --token 1\.\S+$/m);
    const fixed = await reprobe('run', '--token', token, '--patch', '+test_remove_dma_cleanup');
    expect(fixed.status).toBe(EXIT.holds);
  });

  it('fails where the run is another one', async ({ expect }) => {
    const other = [format, model, '0123456789ab', packed].join('.');
    const { status, stdout, stderr } = await reprobe('run', '--token', other);
    expect([status, stdout]).toEqual([EXIT.fatal, '']);
    expect(stderr).toContain('The inputs of the token make another run here');
  });

  it.each(['replay', 'bisect'])('ends a %s of what came from a pipe', async (command) => {
    const child = spawn(process.execPath, ['bin/run.js', command, '-'], { stdio: 'pipe' });
    createReadStream(leaky).pipe(child.stdin);
    const again = /^again: reprobe (run --token \S+)$/m.exec(await text(child.stdout))?.[1] ?? '';
    expect((await reprobe(...again.split(' '))).status).toBe(EXIT.violated);
  });
});
