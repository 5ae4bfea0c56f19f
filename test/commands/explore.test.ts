// Runs the built program: `npm run build` comes first.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { text } from 'node:stream/consumers';
import { describe, it, vi } from 'vitest';
import { EXIT } from '../../src/commands/exit.ts';
import { document, leaky, pathOf, reprobe, sane } from './program.ts';

vi.setConfig({ testTimeout: 120_000, maxConcurrency: 4 });

const RACE = 'scenarios/two-drivers-are-bound-to-one-card-at-once.yaml';
/** More schedules than anybody will walk. */
const LONG = 'scenarios/driver-waits-for-the-default-domain.yaml';

describe.concurrent('explore', () => {
  it('walks all schedules of a race, and says that nothing was left out', async ({ expect }) => {
    const { status, stdout, stderr } = await reprobe('explore', RACE);
    expect([status, stderr]).toEqual([EXIT.holds, '']);
    expect(stdout).toMatch(/^complete {3}yes$/m);
    expect(stdout).toMatch(/^reduced {4}about \d+ times$/m);
    expect(stdout).toMatch(/^states {5}\d+ met, 2 at the end$/m);
  });

  it('says it in JSON too', async ({ expect }) => {
    const { status, json } = await document('explore', RACE);
    expect(status).toBe(EXIT.holds);
    expect(json).toMatchObject({
      ...{ strategy: 'por', complete: true, bounded: null, finalStates: 2, violations: [] },
      schedules: { isEstimated: true, walked: expect.any(Number) },
    });
  });

  it('writes the first schedule that breaks something as a scenario', async ({ expect }) => {
    const path = pathOf('witness.yaml');
    const { status, stdout } = await reprobe('explore', leaky, '-o', path);
    expect(status).toBe(EXIT.violated);
    expect(stdout).toContain('owner_cnt-matches-users');
    expect((await reprobe('run', path)).status).toBe(EXIT.holds);
  });

  it('writes nothing where nothing is broken', async ({ expect }) => {
    const path = pathOf('no-witness.yaml');
    expect((await reprobe('explore', sane, '-o', path)).status).toBe(EXIT.holds);
    expect(existsSync(path)).toBe(false);
  });

  it('cannot tell where schedules are left out and nothing is broken', async ({ expect }) => {
    const { status, stdout } = await reprobe('explore', RACE, '--schedules', '3');
    expect(status).toBe(EXIT.inconclusive);
    expect(stdout).toMatch(/^complete {3}no: /m);
    expect((await reprobe('explore', RACE, '--bound', '0')).status).toBe(EXIT.inconclusive);
  });

  it.for([
    ['--strategy', 'random'],
    ['--strategy', 'por', '--bound', '2'],
    ['--strategy', 'pct:d=0'],
    ['--schedules', '0'],
    ['--time', 'soon'],
  ])('is not asked for %j', async (flags, { expect }) => {
    const { status, stdout, stderr } = await reprobe('explore', RACE, ...flags);
    expect([status, stdout]).toEqual([EXIT.usage, '']);
    expect(stderr).toContain('hint:');
  });

  it('ends in time, and tells what it has', async ({ expect }) => {
    const { status, stdout } = await reprobe('explore', LONG, '--time', '1s');
    expect(status).toBe(EXIT.violated);
    expect(stdout).toContain('no: the time was up');
  });

  it('saves what it has when it is interrupted', async ({ expect }) => {
    const path = pathOf('interrupted.yaml');
    const args = ['bin/run.js', 'explore', LONG, '-o', path];
    const child = spawn(process.execPath, args, { stdio: 'pipe' });
    setTimeout(() => child.kill('SIGINT'), 8000);
    const [stdout, [status]] = await Promise.all([text(child.stdout), once(child, 'close')]);
    expect(status).toBe(EXIT.interrupted);
    expect(stdout).toContain('no: it was interrupted');
    expect((await reprobe('run', path)).status).toBe(EXIT.holds);
  });
});
