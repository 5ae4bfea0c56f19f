import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { KernelSpec } from '../../../src/events/machine.ts';
import { OPTION_NAMES, OPTIONS } from '../../../src/model/versions/option-table.ts';
import { PATCHES } from '../../../src/model/versions/patch-table.ts';
import {
  compareReleases,
  configOf,
  describeKernel,
  PATCH_NAMES,
  PROFILES,
  parseRelease,
  patchesOf,
  profileHas,
  profileOf,
} from '../../../src/model/versions/profile.ts';
import { kernel } from '../small-machine.ts';

describe('the name of a release', () => {
  it.each([
    ['6.1', '6.1', null],
    ['6.1.y', '6.1', null],
    ['v6.1.20', '6.1', 20],
    ['6.1.192-lab', '6.1', 192],
    ['6.1.0', '6.1', 0],
    ['6.1.0-rc2-13606-g8bd1db35ef72-dirty', '6.1', 0],
    ['6.1.0-56-arm64', '6.1', null],
    ['5.1.0-050100-generic', '5.1', null],
    ['6.1.18-200.fc37.x86_64', '6.1', 18],
    ['6.12.117+deb12-arm64', '6.12', 117],
    ['5.10.70.mx64.403', '5.10', 70],
    ['5.14.0-rc2_linus', '5.14', 0],
  ])('%s is of %s at %s', (text, series, patchlevel) => {
    expect(parseRelease(text)).toEqual({ series, patchlevel });
  });

  it.each(['', 'linux', '6', '6.1x', '5*1&.0-rc3-m', '6.1.x', '6.1 SMP', '-6.1', '__proto__'])(
    '%j is none',
    (text) => {
      expect(parseRelease(text)).toBeNull();
    },
  );
});

describe('profileOf', () => {
  it.each([
    ['3.10', '4.12'],
    ['5.4', '5.4'],
    ['5.15.20', '5.15'],
    ['6.1.192-lab', '6.1'],
    ['6.3', '6.1'],
    ['6.11.0-devel+', '6.8'],
    ['6.12', '6.12'],
    ['6.13.0', '6.12'],
    ['7.0', '6.12'],
    ['10.0', '7.2'],
    ['no release', '6.1'],
  ])('%s is emulated as %s', (release, profile) => {
    expect(profileOf(release)).toBe(profile);
  });

  it('is one of the profiles for any text, and never newer than a release that has an older one', () => {
    fc.assert(
      fc.property(fc.string(), (text) => {
        expect(PROFILES).toContain(profileOf(text));
      }),
    );
    fc.assert(
      fc.property(fc.nat(20), fc.nat(30), (major, minor) => {
        const release = `${major}.${minor}`;
        const chosen = profileOf(release);
        const older = PROFILES.filter((profile) => compareReleases(profile, release) <= 0);
        expect(chosen).toBe(older.at(-1) ?? PROFILES[0]);
      }),
    );
  });
});

describe('describeKernel', () => {
  it.each([
    ['6.1', '6.1.192-lab', '6.1.192-lab'],
    ['5.15', '5.16.20', '5.16.20 (modelled as 5.15)'],
    ['6.12', '7.0.0-rc1', '7.0.0-rc1 (modelled as 6.12)'],
    ['6.1.20', null, '6.1.20'],
    ['6.3', null, '6.3 (modelled as 6.1)'],
    ['6.12', null, '6.12'],
  ])('%s running %s is %s', (version, release, text) => {
    expect(describeKernel({ version, release })).toBe(text);
  });

  it('says that a kernel is assumed', () => {
    expect(describeKernel({ version: '6.1', release: null }, true)).toBe(
      'not in the log, 6.1 assumed',
    );
  });
});

const has = (over: Partial<KernelSpec>) => patchesOf(kernel(over)).has('test_remove_dma_cleanup');

describe('the patches of a kernel', () => {
  it.each([
    [{ version: '6.1' }, true],
    [{ version: '6.1.52' }, false],
    [{ version: '6.1.53' }, true],
    [{ version: '6.1', release: '6.1.20' }, false],
    [{ version: '6.1', release: '6.1.192-lab' }, true],
    // What was asked for comes before what the log's kernel was.
    [{ version: '6.1.20', release: '6.1.192-lab' }, false],
    // The release says what had landed, the profile only stands for it.
    [{ version: '5.15', release: '5.15.20' }, false],
    [{ version: '6.3' }, false],
    [{ version: '6.6' }, true],
    [{ version: '6.12', release: '6.15.2' }, true],
    [{ version: '6.1', release: '6.12.1' }, true],
    [{ version: '6.6.20' }, true],
    [{ version: '6.1', release: '6.1.0-56-arm64' }, true],
    [{ version: '6.12.0' }, true],
    [{ version: '6.1.20', patches: { test_remove_dma_cleanup: true } }, true],
    [{ version: '6.1', patches: { test_remove_dma_cleanup: false } }, false],
  ])('%j has the fix of the test removal: %s', (over, expected) => {
    expect(has(over)).toBe(expected);
  });

  it('are those of its series at the first release that took them', () => {
    const first = PATCH_NAMES.flatMap((name) =>
      PATCHES[name].stable.flatMap((release) => {
        const { series = '', patchlevel = null } = parseRelease(release) ?? {};
        const isKnown = patchlevel !== null && PROFILES.some((profile) => profile === series);
        return isKnown ? [[name, series, patchlevel] as const] : [];
      }),
    );
    expect(first.length).toBeGreaterThan(0);
    for (const [name, series, patchlevel] of first) {
      expect(profileHas(`${series}.${patchlevel}`, name)).toBe(true);
      expect(profileHas(`${series}.${patchlevel - 1}`, name)).toBe(false);
      expect(profileHas(series, name)).toBe(true);
    }
  });

  it('only grow with the patch level, up to those of the series alone', () => {
    const patchlevels = fc.tuple(fc.nat(250), fc.nat(250));
    fc.assert(
      fc.property(fc.constantFrom(...PROFILES), patchlevels, (profile, [a, b]) => {
        const [early, late] = [Math.min(a, b), Math.max(a, b)].map((patchlevel) =>
          patchesOf(kernel({ version: `${profile}.${patchlevel}` })),
        );
        const whole = patchesOf(kernel({ version: profile }));
        for (const name of early ?? []) expect(late).toContain(name);
        for (const name of late ?? []) expect(whole).toContain(name);
      }),
    );
  });

  it('name only releases', () => {
    for (const { landed, stable } of Object.values(PATCHES))
      for (const release of landed === null ? stable : [landed, ...stable])
        expect(parseRelease(release)).not.toBeNull();
  });
});

describe('the options', () => {
  it('have values that are possible, or assumed ones', () => {
    expect(configOf(kernel(), 'MODULES')).toBe('y');
    expect(configOf(kernel(), 'DEBUG_TEST_DRIVER_REMOVE')).toBe('n');
    expect(configOf(kernel({ config: { MODULES: 'n' } }), 'MODULES')).toBe('n');
    expect(configOf(kernel(), 'UNHEARD_OF')).toBe('n');
    for (const { values, assumed } of Object.values(OPTIONS)) expect(values).toContain(assumed);
  });

  it('are read, each of them, by a path of the kernel', () => {
    const folder = 'src/model/kernel';
    const code = readdirSync(folder)
      .map((file) => readFileSync(join(folder, file), 'utf8'))
      .join('\n');
    for (const name of OPTION_NAMES) expect(code).toContain(`'${name}'`);
  });
});
