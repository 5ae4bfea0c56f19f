// The logs in examples/ are of real kernels; what is said of them is what happened there.
import { describe, expect, it } from 'vitest';
import { EXIT } from '../../src/commands/exit.ts';
import { reprobe } from './program.ts';

describe('groups that depend on who is probed first', () => {
  const LOG = 'examples/groups-by-probe-order.dmesg.txt';

  it('are found in the log alone, with the commit that ended it', async () => {
    const { status, stdout } = await reprobe('bisect', LOG, '--json');
    expect(status).toBe(EXIT.violated);
    expect(JSON.parse(stdout)).toMatchObject({
      outcome: 'found',
      violation: { invariant: 'non-isolated-devices-share-a-group', subject: '0000:01:00.0' },
      verification: { verified: true },
      changes: {
        reproduced: true,
        remedies: [{ kind: 'patch', name: 'fw_parse_at_add', commit: 'bcb81ac6ae3c' }],
      },
    });
  });

  it('would not have come about under a kernel with that commit, which prints other lines', async () => {
    const { status, stdout } = await reprobe('whatif', LOG, '--patch', 'fw_parse_at_add', '--diff');
    expect(status).toBe(EXIT.violated);
    expect(stdout).toMatch(/^6\.1 +-fw_parse_at_add +violates +#/m);
    expect(stdout).toMatch(/^6\.1 +\+fw_parse_at_add +holds +-\d+ \+\d+$/m);
    expect(stdout).not.toContain('diverges');
    expect(stdout).toMatch(/^the runs part: - the source, \+ 6\.1 \+fw_parse_at_add$/m);
  });

  it('heal where the log has the card join the group of its port', async () => {
    const { stdout } = await reprobe('replay', LOG, '--follow', '0000:01:00.0', '--json');
    const { final } = JSON.parse(stdout);
    expect(final.groups[4].devices).toEqual(expect.arrayContaining(['0000:00:01.0']));
    expect(final.devices['0000:01:00.0'].iommu_group).toBe(4);
  });
});
