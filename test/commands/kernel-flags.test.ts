import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { EXIT } from '../../src/commands/exit.ts';
import {
  joinSignedValues,
  optionNamed,
  optionOf,
  patchNamed,
  readChange,
  releaseNamed,
} from '../../src/commands/kernel-flags.ts';
import { eventNumber } from '../../src/commands/position.ts';
import { leakyTrace } from '../model/small-machine.ts';
import { file, log, reprobe } from './program.ts';

/** A scenario that breaks nothing in a kernel with the fix of the test removal. */
const cleaned = 'scenarios/test-remove-gives-owner_cnt-back.yaml';

function kernelOf(scenario: string, version: string): string {
  return readFileSync(scenario, 'utf8').replace(/version: '[^']*'/, `version: '${version}'`);
}

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
    expect(await readChange({ ...flags, config: ['MODULES=y', 'MODULES=n'] })).toEqual({
      version: '6.12.3',
      patches: { ready_to_probe: true },
      config: { MODULES: 'n' },
    });
    expect(await readChange({})).toEqual({});
  });

  it.each([
    [() => patchNamed('-test_remov_dma_cleanup'), 'did you mean test_remove_dma_cleanup?'],
    [() => patchNamed('__proto__'), '`reprobe list patches` prints the names'],
    [() => releaseNamed('6.1x'), 'did you mean 6.1?'],
    [() => releaseNamed('linux'), '`reprobe list kernels` prints the names'],
    [() => releaseNamed('2.6'), '2.6 is older; `reprobe list kernels` prints those that are'],
    [() => releaseNamed('4.11.99'), '4.11 is older; `reprobe list kernels` prints those that are'],
  ])('%s', (read, hint) => {
    expect(read).toThrow(expect.objectContaining({ code: 'UNKNOWN_NAME', hint }));
  });
});

describe('a release on the command line', () => {
  it.each([
    ['6.1', '6.1'],
    ['v6.1', '6.1'],
    ['6.1.20', '6.1.20'],
    ['6.1.0-56-arm64', '6.1'],
    ['6.6', '6.6'],
    ['7.0.0-rc1', '7.0.0'],
  ])('%s is %s', (given, release) => {
    expect(releaseNamed(given)).toBe(release);
  });

  it('may be one that another stands for, and then the output says so', async () => {
    const { status, stdout } = await reprobe(
      'whatif',
      cleaned,
      '--kernel',
      '6.7',
      '--kernel',
      '7.0',
    );
    expect(status).toBe(EXIT.holds);
    expect(stdout).toContain('6.7 (modelled as 6.6)');
    expect(stdout).toContain('7.0 (modelled as 6.12)');
  });

  it.each([
    ['run', ['run', cleaned, '--kernel', '2.6']],
    ['bisect', ['bisect', cleaned, '--kernels', '--from', '4.1']],
    ['whatif', ['whatif', cleaned, '--kernel', '3.10']],
    ['fuzz', ['fuzz', '--kernel', '4.9', '--runs', '1', '--out', '/tmp/never-made']],
    ['a scenario', ['run', file('old.yaml', kernelOf(cleaned, '2.6'))]],
  ])('is refused by %s where it is older than all that are modelled', async (_, argv) => {
    const { status, stderr } = await reprobe(...argv);
    expect(status).toBeGreaterThan(EXIT.inconclusive);
    expect(stderr).toContain('Kernels before 4.12 are not modelled.');
  });

  it('may be newer than all that are modelled, and then standard error says so', async () => {
    const { status, stdout, stderr } = await reprobe('whatif', cleaned, '--kernel', '9.9');
    expect(status).toBe(EXIT.holds);
    expect(stderr).toBe('warning: kernels after 7.2 are not modelled yet: it is taken for 9.9\n');
    expect(stdout).toMatch(/^7\.2 .*holds/m);
    const inFile = await reprobe('run', file('new.yaml', kernelOf(cleaned, '9.9')));
    expect(inFile.stderr).toContain('Kernels after 7.2 are not modelled.');
  });

  it('is told where a log has one that is not modelled, unless flags name another', async () => {
    const old = `[    0.000000] Linux version 3.10.108-lab (a@b) #1 SMP\n${readFileSync(log, 'utf8')}`;
    const path = file('old-kernel.txt', old);
    const { stderr } = await reprobe('import', path);
    expect(stderr).toBe(
      "warning: kernels before 4.12 are not modelled: the log's 3.10.108-lab is read as one of 4.12\n",
    );
    expect((await reprobe('import', path, '--kernel', '5.4')).stderr).toBe('');
    expect((await reprobe('import', log)).stderr).toBe('');
  });

  it('has the fixes that were in it by then', async () => {
    const verdicts = async (kernel: string) =>
      (await reprobe('run', cleaned, '--kernel', kernel)).status;
    expect(await verdicts('6.1.20')).toBe(EXIT.violated);
    expect(await verdicts('6.1.53')).toBe(EXIT.holds);
    expect(await verdicts('6.1')).toBe(EXIT.holds);
  });
});

describe('an option on the command line', () => {
  it.each([
    ['DEBUG_TEST_DRIVER_REMOVE=y', ['DEBUG_TEST_DRIVER_REMOVE', 'y']],
    ['CONFIG_MODULES="n"', ['MODULES', 'n']],
    ['boot/config-6.1', null],
  ])('%s sets %j', (given, option) => {
    expect(optionNamed(given)).toEqual(option);
  });

  it.each([
    ['DEBUG_TEST_DRIVER_REMOV=y', 'UNKNOWN_NAME', 'did you mean DEBUG_TEST_DRIVER_REMOVE?'],
    ['debug_test_driver_remove=y', 'UNKNOWN_NAME', 'did you mean DEBUG_TEST_DRIVER_REMOVE?'],
    ['__proto__=y', 'UNKNOWN_NAME', 'it reads MODULES, MODULE_FORCE_UNLOAD'],
    ['DEBUG_TEST_DRIVER_REMOVE=maybe', 'USAGE', 'it is y or n'],
    ['DEBUG_TEST_DRIVER_REMOVE=m', 'USAGE', 'it is y or n'],
    ['MODULES=', 'USAGE', 'it is y or n'],
  ])('%s is refused', async (given, code, hint) => {
    const refusal = expect.objectContaining({ code, hint: expect.stringContaining(hint) });
    expect(() => optionNamed(given)).toThrow(refusal);
    await expect(readChange({ config: [given] })).rejects.toThrow(refusal);
  });

  it('is not tried by whatif before it is known', async () => {
    const { status, stderr } = await reprobe('whatif', cleaned, '--config', 'MODULE=n');
    expect(status).toBe(EXIT.usage);
    expect(stderr).toContain('The model does not read CONFIG_MODULE.');
  });

  it('may be any in a file, which holds thousands', async () => {
    const config = file('all.config', 'CONFIG_UNHEARD_OF=m\nCONFIG_MODULES=y\n');
    expect((await readChange({ config: [config] })).config).toEqual({
      UNHEARD_OF: 'm',
      MODULES: 'y',
    });
  });
});

describe('list kernels', () => {
  it('says which tree a profile stands for', async () => {
    expect((await reprobe('list', 'kernels')).stdout).toMatch(/^6\.1 +the newest 6\.1\.y /m);
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
