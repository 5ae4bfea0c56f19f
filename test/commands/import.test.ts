import { readFileSync } from 'node:fs';
import { describe, it, vi } from 'vitest';
import { EXIT } from '../../src/commands/exit.ts';
import { document, pathOf, reprobe } from './program.ts';

vi.setConfig({ testTimeout: 60_000, maxConcurrency: 8 });

const LOG = 'examples/groups-by-probe-order.dmesg.txt';

describe.concurrent('import --machine-out', () => {
  it('writes what --machine takes back, with the same verdict', async ({ expect }) => {
    const path = pathOf('inferred.yaml');
    const { status } = await reprobe('import', LOG, '--machine-out', path, '--kernel', '6.1');
    expect(status).toBe(EXIT.holds);
    const again = /^# {3}reprobe (bisect .*)$/m.exec(readFileSync(path, 'utf8'))?.[1] ?? '';
    expect(again).toBe(`bisect ${LOG} --kernel 6.1 --machine ${path}`);
    const { json } = await document(...again.split(' '));
    const inferred = await document('bisect', LOG, '--kernel', '6.1');
    expect(inferred.status).toBe(EXIT.violated);
    expect(json).toEqual({ ...Object(inferred.json), again: Object(json).again });
  });
});
