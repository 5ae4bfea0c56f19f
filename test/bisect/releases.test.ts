import { describe, expect, it } from 'vitest';
import { kernelWith, mainlineRelease, releaseLine, stableLine } from '../../src/bisect/releases.ts';
import { PROFILES, parseRelease, patchesOf, profileHas } from '../../src/model/versions/profile.ts';
import { kernel } from '../model/small-machine.ts';

const namesOf = (from: string | null, to: string | null) =>
  releaseLine(from, to).map(({ name }) => name);

describe('releaseLine', () => {
  it('has every mainline release from the oldest profile to the newest', () => {
    const all = namesOf(null, null);
    expect(all[0]).toBe('4.12.0');
    expect(all.at(-1)).toBe('7.2.0');
    expect(all.slice(all.indexOf('4.20.0'), all.indexOf('5.1.0'))).toEqual(['4.20.0', '5.0.0']);
    expect(all.slice(all.indexOf('6.19.0')).slice(0, 2)).toEqual(['6.19.0', '7.0.0']);
    for (const profile of PROFILES) expect(all).toContain(`${profile}.0`);
    expect(new Set(all).size).toBe(all.length);
  });

  it('begins and ends with what was given', () => {
    expect(namesOf('6.4', '6.6')).toEqual(['6.4.0', '6.5.0', '6.6.0']);
    expect(namesOf('6.1.60', '6.3')).toEqual(['6.1.60', '6.2.0', '6.3.0']);
    expect(namesOf('6.6', '6.4')).toEqual([]);
  });

  it('is a stable line within one series', () => {
    const line = namesOf('6.1', '6.1');
    expect(line[0]).toBe('6.1.0');
    expect(line).toEqual(expect.arrayContaining(['6.1.6', '6.1.7', '6.1.52', '6.1.53']));
    expect(line.at(-1)).toBe('6.1.y');
    expect(namesOf('6.1.53', '6.1.64')).toEqual(['6.1.53', '6.1.63', '6.1.64']);
    expect(namesOf('6.1.60', '6.1.20')).toEqual([]);
  });
});

describe('a mainline release', () => {
  it('has what had landed, and no backport', () => {
    expect(mainlineRelease('6.5').patches.has('test_remove_dma_cleanup')).toBe(false);
    expect(profileHas('6.5', 'test_remove_dma_cleanup')).toBe(true);
    expect(mainlineRelease('6.6').patches.has('test_remove_dma_cleanup')).toBe(true);
  });

  it('loses what went again', () => {
    const has = (series: string) => mainlineRelease(series).patches.has('identity_default_ok');
    expect([has('6.0'), has('6.1'), has('6.7'), has('6.8')]).toEqual([false, true, true, false]);
  });
});

describe('kernelWith', () => {
  it('makes a kernel with just these patches, and the proposals it had', () => {
    const given = kernel({
      release: '6.1.0-9-amd64',
      config: { DEBUG_TEST_DRIVER_REMOVE: 'y' },
      patches: { test_remove_dma_cleanup: false, smmu_module_v1: true },
    });
    for (const { series, patches } of [...releaseLine(null, null), ...stableLine('6.1')]) {
      const made = kernelWith(given, series, patches);
      expect(new Set(patchesOf(made))).toEqual(new Set([...patches, 'smmu_module_v1']));
      expect(made).toMatchObject({ release: null, config: given.config });
      expect(parseRelease(made.version)?.series).toBe(series);
    }
  });
});
