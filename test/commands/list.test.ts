import { describe, expect, it, vi } from 'vitest';
import { compareReleases } from '../../src/model/versions/profile.ts';
import { document, reprobe } from './program.ts';

vi.setConfig({ testTimeout: 60_000, maxConcurrency: 8 });

describe.concurrent('list', () => {
  it('patches stand by release, then by name; those that never landed come last', async () => {
    const { json } = await document('list', 'patches');
    const { patches } = json as { patches: { name: string; landed: string | null }[] };
    for (const [i, patch] of patches.slice(1).entries()) {
      const before = patches[i] ?? patch;
      const order = compareReleases(before.landed ?? '999', patch.landed ?? '999');
      expect(order).toBeLessThanOrEqual(0);
      if (order === 0) expect(before.name < patch.name).toBe(true);
    }
  });

  it.each([
    ['steps', 'unbind', 'unbind: { dev, [drv], [bus] }'],
    ['steps', 'vfio_release', 'vfio_release: HOLD'],
    ['expectations', 'returns', 'returns: { step, ret }'],
    ['expectations', 'holds', 'holds: INVARIANT'],
  ])('%s has %s', async (what, word, written) => {
    const { stdout } = await reprobe('list', what);
    const row = stdout.split('\n').find((line) => line.startsWith(`${word} `));
    expect(row).toContain(`  ${written}  `);
    const { json } = await document('list', what);
    expect(json).toMatchObject({
      [what]: expect.arrayContaining([{ word, written, doc: expect.any(String) }]),
    });
  });

  it.each([
    ['variables', 'groups', 'owner_cnt'],
    ['variables', 'stimulus', 'from outside'],
    ['questions', 'vfio-open GROUP|DEVICE', 'would a VFIO user get the group'],
  ])('%s has %s', async (what, name, part) => {
    const { stdout } = await reprobe('list', what);
    expect(stdout.split('\n').find((line) => line.startsWith(`${name} `))).toContain(part);
    const { json } = await document('list', what);
    expect(json).toMatchObject({
      [what]: expect.arrayContaining([{ name, doc: expect.stringContaining(part) }]),
    });
  });

  it('keys has those of every map, and the machine among the first', async () => {
    const { stdout } = await reprobe('list', 'keys');
    expect(stdout).toMatch(/^scenario +machine +the machine; must be there$/m);
    expect(stdout).toMatch(/^device +iommu_map +of a host bridge/m);
  });
});
