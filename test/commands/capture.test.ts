import { readFileSync } from 'node:fs';
import { describe, it, vi } from 'vitest';
import { EXIT } from '../../src/commands/exit.ts';
import { document, reprobe } from './program.ts';

vi.setConfig({ testTimeout: 60_000 });

describe.concurrent('capture', () => {
  it('prints the script that the package has', async ({ expect }) => {
    const script = readFileSync('bin/capture.sh', 'utf8');
    const ran = await reprobe('capture', '--script');
    expect(ran).toEqual({ status: EXIT.holds, stdout: script, stderr: '' });
    expect((await document('capture', '--script')).json).toEqual({ script });
  });

  it('does not record by itself', async ({ expect }) => {
    const { status, stdout, stderr } = await reprobe('capture');
    expect({ status, stdout }).toEqual({ status: EXIT.usage, stdout: '' });
    expect(stderr).toContain('--script');
    expect((await document('capture')).status).toBe(EXIT.usage);
  });
});
