import { describe, expect, it } from 'vitest';
import {
  joinSignedValues,
  optionOf,
  patchNamed,
  readChange,
  releaseNamed,
} from '../../src/commands/kernel-flags.ts';
import { eventNumber } from '../../src/commands/position.ts';
import { leakyTrace } from '../model/small-machine.ts';

describe('joinSignedValues', () => {
  it.each([
    [
      ['--patch', '-x', 'a'],
      ['--patch=-x', 'a'],
    ],
    [
      ['--patch', '+x', '--patch=-y'],
      ['--patch', '+x', '--patch=-y'],
    ],
    [
      ['--patch', '--json'],
      ['--patch', '--json'],
    ],
    [
      ['a', '--', '--patch', '-x'],
      ['a', '--', '--patch', '-x'],
    ],
    [
      ['--to', '-1'],
      ['--to', '-1'],
    ],
    [['--patch'], ['--patch']],
  ])('%j is %j', (given, joined) => {
    expect(joinSignedValues(given)).toEqual(joined);
  });
});

describe('a kernel on the command line', () => {
  it.each([
    ['CONFIG_VFIO=m', ['VFIO', 'm']],
    ['VFIO=', ['VFIO', '']],
    ['CMDLINE="a=b"', ['CMDLINE', 'a=b']],
    ['boot/config-6.1', null],
  ])('%s sets %j', (given, option) => {
    expect(optionOf(given)).toEqual(option);
  });

  it('is what all flags say, the last one winning', async () => {
    const flags = { kernel: 'v6.12.3-arm64', patch: ['-ready_to_probe', '+ready_to_probe'] };
    expect(await readChange({ ...flags, config: ['A=1', 'A=2'] })).toEqual({
      version: '6.12',
      patches: { ready_to_probe: true },
      config: { A: '2' },
    });
    expect(await readChange({})).toEqual({});
  });

  it.each([
    [() => patchNamed('-test_remov_dma_cleanup'), 'did you mean test_remove_dma_cleanup?'],
    [() => patchNamed('__proto__'), '`reprobe list patches` prints the names'],
    [() => releaseNamed('6.1x'), 'did you mean 6.1?'],
    [() => releaseNamed('linux'), '`reprobe list kernels` prints the names'],
  ])('%s', (read, hint) => {
    expect(read).toThrow(expect.objectContaining({ code: 'UNKNOWN_NAME', hint }));
  });
});

describe('eventNumber', () => {
  const trace = leakyTrace();
  const timed = {
    ...trace,
    events: trace.events.map((one, n) => ({ ...one, timeUs: n < 3 ? null : n * 500_000 })),
  };

  it.each([
    ['0', 0],
    ['#17', 17],
    ['2s', 4],
    ['2.4', 4],
    ['1e', null],
    ['0.5', null],
    ['99999', null],
    ['-1', null],
  ])('%s', (given, event) => {
    if (event === null) expect(() => eventNumber(given, timed)).toThrow();
    else expect(eventNumber(given, timed)).toBe(event);
  });
});
