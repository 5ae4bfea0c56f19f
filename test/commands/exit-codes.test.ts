// Runs the built program: `npm run build` comes first.
import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { beforeAll, describe, expect, it } from 'vitest';
import { EXIT, exitFor } from '../../src/commands/exit.ts';
import { nearestName } from '../../src/commands/main.ts';
import { ReprobeError } from '../../src/error.ts';

beforeAll(() => {
  if (!existsSync('dist/commands/main.js'))
    throw new Error('Run `npm run build` before the tests.');
});

function reprobe(...args: readonly string[]) {
  return spawnSync(process.execPath, ['bin/run.js', ...args], { encoding: 'utf8', input: '' });
}

describe('the program exits', () => {
  it.each([
    [EXIT.holds, []],
    [EXIT.holds, ['--version']],
    [EXIT.holds, ['--help']],
    [EXIT.holds, ['help', 'import']],
    [EXIT.holds, ['import', 'package.json']],
    [EXIT.holds, ['import', '-']],
  ])('%i for %j, with nothing on stderr', (status, args) => {
    expect(reprobe(...args)).toMatchObject({ status, stderr: '' });
  });

  it.each([
    [EXIT.usage, 'USAGE', ['no-such-command']],
    [EXIT.usage, 'USAGE', ['constructor']],
    [EXIT.usage, 'USAGE', ['--no-such-flag']],
    [EXIT.usage, 'USAGE', ['replay', '--no-such-flag']],
    [EXIT.usage, 'USAGE', ['replay']],
    [EXIT.usage, 'USAGE', ['replay', 'package.json', 'surplus']],
    [EXIT.fatal, 'UNREADABLE', ['replay', 'no-such-file']],
    [EXIT.fatal, 'UNREADABLE', ['replay', 'src']],
  ])('%i, %s for %j, with and without --json', (status, code, args) => {
    const text = reprobe(...args);
    expect(text).toMatchObject({ status, stdout: '' });
    expect(text.stderr).not.toBe('');
    expect(text.stderr).not.toMatch(/^\s+at /m);

    const json = reprobe(...args, '--json');
    expect(json).toMatchObject({ status, stderr: '' });
    expect(JSON.parse(json.stdout)).toMatchObject({ error: { code } });
  });

  it('130 when interrupted', async () => {
    const child = spawn(process.execPath, ['bin/run.js', 'replay', '-'], { stdio: 'pipe' });
    // The handler is there once the command reads, which is when the pipe drains.
    child.stdin.write(Buffer.alloc(4 << 20), () => child.kill('SIGINT'));
    expect(await once(child, 'exit')).toEqual([EXIT.interrupted, null]);
  });

  it('0 and quietly when the pipe closes', () => {
    const run = spawnSync(
      'sh',
      ['-c', `(sleep 0.5; "$0" bin/run.js --help; echo $? >&2) | true`, process.execPath],
      {
        encoding: 'utf8',
      },
    );
    expect(run.stderr).toBe('0\n');
  });
});

it('prints one JSON document', () => {
  const { stdout } = reprobe('import', 'LICENSE', '--json');
  expect(JSON.parse(stdout)).toMatchObject({ observations: { total: 0 }, devices: 0 });
});

it.each([
  [['show', 'LICENSE'], 'Missing required flag --at.'],
  [['show', 'LICENSE', '--at'], 'Flag --at expects a value.'],
  [['replay', 'LICENSE', '--a', '--b'], 'Nonexistent flags: --a, --b.'],
  [['replay', 'LICENSE', 'surplus'], 'Unexpected argument: surplus.'],
  [['verify'], 'Missing 1 required arg: folder (folder of a recorded session; several are fine).'],
])('says what is wrong with %j in a line and a hint', (args, message) => {
  const hint = '--help lists the arguments and flags of a command';
  expect(reprobe(...args).stderr).toBe(`${message}\nhint: ${hint}\n`);
  const { stdout } = reprobe(...args, '--json');
  expect(JSON.parse(stdout)).toMatchObject({ error: { code: 'USAGE', message, hint } });
});

it('escapes what it repeats', () => {
  expect(reprobe('replay', 'no\x1b[2Jfile').stderr).toContain('no\\x1b[2Jfile');
});

describe('nearestName', () => {
  it.each([
    ['replya', 'replay'],
    ['Bisect', 'bisect'],
    ['min', 'minimize'],
    ['xyzzy', null],
    ['', null],
  ])('%j means %j', (name, nearest) => {
    expect(nearestName(name, ['replay', 'bisect', 'minimize', 'run'])).toBe(nearest);
  });
});

it.each([
  [new ReprobeError('USAGE', ''), EXIT.usage],
  [new ReprobeError('UNKNOWN_NAME', ''), EXIT.usage],
  [new ReprobeError('UNKNOWN_NAME', '', { file: 'a.yaml' }), EXIT.fatal],
  [new ReprobeError('NO_EVIDENCE', ''), EXIT.inconclusive],
  [new ReprobeError('BAD_TRACE', ''), EXIT.fatal],
])('%j gives its exit code', (error, exit) => {
  expect(exitFor(error)).toBe(exit);
});
