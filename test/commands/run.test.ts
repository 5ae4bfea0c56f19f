import { readFileSync } from 'node:fs';
import { describe, it, vi } from 'vitest';
import { EXIT } from '../../src/commands/exit.ts';
import { NIC } from '../model/small-machine.ts';
import { document, file, leaky, pathOf, reprobe, sane } from './program.ts';

vi.setConfig({ testTimeout: 60_000, maxConcurrency: 8 });

const STEPS = `
steps:
  - boot
  - unbind: { drv: e1000e, dev: '${NIC.replace('.0', '.7')}' }
  - unbind: { drv: e1000e, dev: '${NIC}' }
  - unbind: { drv: e1000e, dev: '${NIC}' }
expect:
`;

/** The small machine without the steps and expectations that it comes with. */
function scenario(name: string, rest: string): string {
  const text = readFileSync(sane, 'utf8');
  return file(name, text.slice(0, text.indexOf('\nsteps:')) + rest);
}

describe.concurrent('run', () => {
  it('names the steps that failed and were not expected to, first one first', async ({
    expect,
  }) => {
    const path = scenario('typo.yaml', `${STEPS}  - returns: { step: 4, ret: -EBUSY }\n`);
    const { stdout, status } = await reprobe('run', path);
    expect(status).toBe(EXIT.violated);
    const [, first, second] = stdout.split('\n');
    expect(first).toMatch(/^ {2}note {4}step 2 \(line \d+\) returned -ENODEV at #\d+, /);
    expect(first).toContain(
      `0000:01:00.7 > /sys/bus/pci/drivers/e1000e/unbind; did you mean ${NIC}?`,
    );
    expect(second).toContain('step 4 ');
    expect((await document('run', path)).json).toMatchObject({
      steps: [
        { ret: 0 },
        { step: 2, ret: -19, event: expect.any(Number) },
        { ret: 0 },
        { ret: -19 },
      ],
    });
  });

  it('leads back to the event at which an expectation is missed', async ({ expect }) => {
    const path = scenario('again.yaml', `${STEPS}  - returns: { step: 2, ret: -EBUSY }\n`);
    const { json } = await document('run', path);
    const { steps, events } = json as { steps: { event: number }[]; events: number };
    const event = steps[1]?.event ?? -1;
    expect(event).toBeLessThan(events - 1);
    expect((await reprobe('run', path)).stdout).toContain(`--to ${event}\n`);
  });

  it('goes on after a scenario that cannot be read', async ({ expect }) => {
    const bad = file('typing.yaml', 'nme: a\n');
    const args = ['run', sane, bad, pathOf('missing.yaml'), leaky];
    const { status, stdout, stderr } = await reprobe(...args);
    expect(status).toBe(EXIT.fatal);
    expect(stdout.split('\n').filter((line) => line.startsWith('ok '))).toHaveLength(2);
    expect(stdout).toContain('4 scenarios, 0 failed, 2 not read\n');
    expect(stderr).toContain(`${bad}:1:1: "nme" is not known in the scenario.`);
    expect(stderr).toContain('missing.yaml');
    expect(await document(...args)).toMatchObject({
      status: EXIT.fatal,
      json: {
        scenarios: [
          { ok: true },
          {
            file: bad,
            error: { code: 'BAD_SCENARIO', line: 1, column: 1, hint: 'did you mean name?' },
          },
          { error: { code: 'UNREADABLE' } },
          { ok: true },
        ],
      },
    });
  });

  it('says in which file a patch stands that there is not', async ({ expect }) => {
    const bad = file(
      'patch.yaml',
      "name: a\nkernel: { version: '6.1', patches: { x: on } }\nmachine: {}\n",
    );
    const { status, stderr } = await reprobe('run', bad, sane);
    expect(status).toBe(EXIT.fatal);
    expect(stderr).toContain(bad);
  });

  it('warns where nothing happens or nothing is expected', async ({ expect }) => {
    const nothing = file('nothing.yaml', "name: a\nkernel: '6.1'\nmachine: {}\n");
    const { stdout, status } = await reprobe('run', nothing);
    expect(status).toBe(EXIT.holds);
    expect(stdout).toMatch(/warning nothing happens.*\n.*warning nothing is expected/);
    expect((await document('run', nothing)).json).toMatchObject({
      warnings: [expect.any(String), expect.any(String)],
    });
    expect((await reprobe('run', sane)).stdout).not.toContain('warning');
  });

  it('tells a log from a scenario', async ({ expect }) => {
    const { status, stderr } = await reprobe('run', 'examples/owner_cnt-leak.dmesg.txt');
    expect(status).toBe(EXIT.usage);
    expect(stderr).toMatch(/This is a log, not a scenario/);
    const trace = file('run.jsonl', '{"reprobe":1}\n');
    const given = await reprobe('explore', trace);
    expect(given.status).toBe(EXIT.usage);
    expect(given.stderr).toMatch(
      /This is a trace, not a scenario.*\nhint: `reprobe export SOURCE --yaml/,
    );
  });
});
