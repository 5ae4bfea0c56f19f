import { describe, expect, it } from 'vitest';
import { verifyLines } from '../../src/report/verify-lines.ts';
import { CHECKS, createTally, type Mismatch } from '../../src/verify/tally.ts';

function text(mismatches: readonly Mismatch[], all = false): readonly string[] {
  const { checks } = createTally();
  const lines = verifyLines({ session: 'a-session', checks, mismatches, schedule: null }, all);
  return lines.slice(2 + Object.keys(checks).length).map((line) => line.text);
}

function called(i: number, at = 'action 1'): Mismatch {
  const ends = { expected: 'called', actual: 'not called' };
  return { check: 'kprobe', at, subject: `really_probe dev-${i}`, ...ends };
}

describe('verifyLines', () => {
  it('begins with the counts, and ends there when all agrees', () => {
    const tally = createTally();
    tally.agree('driver', 7);
    const lines = verifyLines({ session: 'a-session', ...tally, schedule: null }, false).map(
      (line) => line.text,
    );
    expect(lines.slice(0, 4)).toEqual([
      'a-session',
      'check     equal  of',
      'driver        7   7  equal',
      'group         0   0  nothing recorded',
    ]);
    expect(lines).toHaveLength(2 + CHECKS.length);
  });

  it('says that another schedule than the default one was found', () => {
    const { checks, mismatches } = createTally();
    const schedule = { choices: 412, notDefault: 37 };
    const lines = verifyLines({ session: 'a-session', checks, mismatches, schedule }, false);
    expect(lines.at(-1)?.text).toBe('schedule found: 412 choices, 37 not the default');
  });

  it.each<[string, Mismatch['check'], unknown, unknown]>([
    [
      'kernel ret -ENODEV, emulated ret 0',
      'kprobe',
      { drv: null, ret: -19 },
      { drv: null, ret: 0 },
    ],
    [
      'kernel drv nvme, ret 0, emulated not called',
      'kprobe',
      { drv: 'nvme', ret: 0 },
      'not called',
    ],
    [
      'kernel owner_cnt 3, owned no, emulated nothing',
      'owner',
      { owner_cnt: 3, owned: false },
      { owner_cnt: null, owned: null },
    ],
    [
      'kernel type DMA, devices a b, emulated nothing',
      'group',
      { type: 'DMA', devices: ['a', 'b'] },
      null,
    ],
    ['kernel -EIO, emulated nothing', 'errno', 5, null],
    [
      'kernel success, emulated -ENOENT',
      'errno',
      { call: 'x', errno: null, value: '' },
      { call: 'x', errno: 2, value: '' },
    ],
    [
      'kernel success, flags=0x3, emulated nothing',
      'errno',
      { call: 'x', errno: null, value: 'flags=0x3' },
      null,
    ],
    ['kernel success, y, emulated nothing', 'errno', { call: 'y', errno: null, value: '' }, null],
    ['kernel 1, emulated 0', 'status', 1, 0],
    ['not emulated: iommu: Allocated group 7', 'message', 'iommu: Allocated group 7 ', null],
    ['only emulated: iommu: Allocated group 7', 'message', null, 'iommu: Allocated group 7'],
  ])('says %s', (said, check, expected, actual) => {
    const lines = text([{ check, at: 'boot', subject: 'x', expected, actual }]);
    expect(lines).toEqual([
      `first difference: ${check}, boot: x: ${said}`,
      `  ${check}, boot: x: ${said}`,
    ]);
  });

  it('has the first difference in time on top, whatever is compared', () => {
    const driver: Mismatch = {
      ...{ check: 'driver', at: 'sysfs-2.txt', subject: 'd', expected: null, actual: 'nvme' },
    };
    const late = { ...driver, at: 'sysfs-end.txt', subject: 'e' };
    const shown = text([
      late,
      driver,
      called(10, 'action 10'),
      called(3, 'action 3'),
      called(2, 'action 2'),
    ]);
    expect(shown).toEqual([
      'first difference: kprobe, action 2: really_probe dev-2: kernel called, emulated not called',
      '  driver, sysfs-2.txt: d: kernel nothing, emulated nvme',
      '  driver, sysfs-end.txt: e: kernel nothing, emulated nvme',
      '  kprobe, action 2: really_probe dev-2: kernel called, emulated not called',
      '  kprobe, action 3: really_probe dev-3: kernel called, emulated not called',
      '  kprobe, action 10: really_probe dev-10: kernel called, emulated not called',
    ]);
    expect(text([called(1, 'sysfs-0.txt'), called(2, 'boot')])[0]).toContain('boot');
  });

  it('lists ten of a check, and says how many more there are', () => {
    const many = Array.from({ length: 13 }, (_, i) => called(i));
    const lines = text([...many, called(0, 'action 2')]);
    expect(lines).toHaveLength(12);
    expect(lines[1]).toMatch(/not called \(2 times\)$/);
    expect(lines.at(-1)).toBe('  kprobe: and 3 more; --all prints them');
    expect(text([...many, called(0, 'action 2')], true)).toHaveLength(15);
  });
});
