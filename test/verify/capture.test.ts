// The capture script on a root directory made from a recording: what it writes, verify reads, with the
// numbers of the recording itself.
import { spawnSync } from 'node:child_process';
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gunzipSync } from 'node:zlib';
import { afterAll, describe, expect, it } from 'vitest';
import { readSessionFolder } from '../../src/commands/read-session.ts';
import type { SysfsDevice } from '../../src/import/sysfs-file.ts';
import { readSession, type Session } from '../../src/verify/session.ts';
import { verifySession } from '../../src/verify/verify.ts';
import { TRACES } from '../corpora.ts';
import { fakeRoot, type SessionFiles } from './fake-root.ts';
import { SMALL_SESSION } from './small-session.ts';

const SCRIPT = join(process.cwd(), 'bin/capture.sh');
const scratch = mkdtempSync(join(tmpdir(), 'reprobe-capture-'));
afterAll(() => rmSync(scratch, { recursive: true, force: true }), 60_000);
const folder = (): string => mkdtempSync(join(scratch, 'x-'));
const decode = (bytes: Uint8Array | undefined) => new TextDecoder().decode(bytes);

const SHELLS = [['sh'], ['dash'], ['busybox', 'sh'], ['bash', '--posix']];
const shells = SHELLS.filter(
  ([shell = '', ...args]) => spawnSync(shell, [...args, '-c', 'true']).status === 0,
);
const hasShell = shells.some(([shell]) => shell === 'sh');
if (!hasShell) console.warn('there is no sh: the capture script is not tried');

/** Runs the script, with nothing of this machine to be seen. */
function capture(env: Readonly<Record<string, string>>, ...args: readonly string[]) {
  return captureBy(['sh'], env, ...args);
}

function captureBy(
  [shell = 'sh', ...flags]: readonly string[],
  env: Readonly<Record<string, string>>,
  ...args: readonly string[]
) {
  const path = env['PATH'] ?? process.env['PATH'] ?? '';
  const { status, stdout, stderr } = spawnSync(shell, [...flags, SCRIPT, ...args], {
    env: { ROOT: join(scratch, 'nowhere'), ...env, PATH: path },
    encoding: 'utf8',
  });
  return { status, stdout, stderr };
}

/** The tools that any machine has. */
const TOOLS = ['sh', 'mkdir', 'cat', 'rm', 'sed', 'tr', 'sleep', 'ls'];

/** A folder with these tools of the machine and no others. */
function toolbox(dir: string, tools: readonly string[]): string {
  const few = join(dir, 'tools');
  mkdirSync(few);
  for (const tool of tools) {
    const { stdout } = spawnSync('sh', ['-c', `command -v ${tool}`], { encoding: 'utf8' });
    symlinkSync(stdout.trim(), join(few, tool));
  }
  return few;
}

/** The recording without what the script does not do: a state taken twice, an end of its own. */
function comparable(files: SessionFiles): SessionFiles {
  const kept = Object.entries(files).filter(
    ([file]) => !/^sysfs-\d+\.\d+\.txt$|^(?:NOTES\.md|serial\.txt|cmdline\.txt)$/.test(file),
  );
  const session = readSession(files, '');
  const actions = decode(files['actions.txt']).replace(
    /^\d+\.\d+ (?:SNAPSHOT sysfs-\d+\.\d+\.txt|NOTE .*)\n/gm,
    '',
  );
  const last = session.actions?.actions.findLast(
    ({ n }) => files[`sysfs-${n}.txt`] !== undefined,
  )?.n;
  const end = files[`sysfs-${last ?? 0}.txt`] ?? new Uint8Array();
  return {
    ...Object.fromEntries(kept),
    'actions.txt': new TextEncoder().encode(actions),
    'sysfs-end.txt': end,
  };
}

/** What the script records of the session as it is played to it, in a folder of its name. */
async function recorded(
  shell: readonly string[],
  name: string,
  session: Session,
  files: SessionFiles,
): Promise<Session> {
  const dir = folder();
  const { root, run, bin, commands } = fakeRoot(dir, session, files);
  const out = join(dir, 'out', name);
  mkdirSync(join(dir, 'out'));
  const PATH = `${bin}:${process.env['PATH']}`;
  const options = ['--settle', '0', '--kprobes', out, '--', ...commands];
  const { status, stderr } = captureBy(shell, { ROOT: root, RUN: run, PATH }, ...options);
  expect(stderr).toMatch(/^recorded in /);
  expect(status).toBe(0);
  return readSessionFolder(out);
}

async function expectSameNumbers(
  name: string,
  files: SessionFiles,
  shell: readonly string[] = ['sh'],
): Promise<void> {
  const given = comparable(files);
  const session = readSession(given, name);
  const mine = await recorded(shell, name, session, given);
  const told = ({ actions }: Session) =>
    actions?.actions.map(({ n, command, rc, errno, stdout, stderr }) => {
      return { n, command, rc, errno, stdout, stderr };
    });
  expect(told(mine)).toEqual(told(session));
  const states = ({ snapshots }: Session) =>
    Object.entries(snapshots).map(([file, state]) => [
      file,
      {
        ...state,
        uptimeUs: 0,
        // In another order they stand on other lines.
        devices: withoutLines(byPath(state.devices)),
        groups: withoutLines(state.groups),
        devices_deferred: withoutLines(state.devices_deferred),
        modules: withoutLines(state.modules),
        drivers: sortedLists(state.drivers),
      },
    ]);
  expect(states(mine)).toEqual(states(session));
  expect(mine.machine.pciConfig?.trim()).toBe(session.machine.pciConfig?.trim());
  const [verdict, expected] = [verifySession(mine, null), verifySession(session, null)];
  expect(verdict.mismatches).toEqual(expected.mismatches);
  expect(verdict.checks).toEqual(expected.checks);
}

const withoutLines = <T extends { readonly line: number }>(listed: readonly T[]) =>
  listed.map((one) => ({ ...one, line: 0 }));

const byPath = (devices: readonly SysfsDevice[]) =>
  [...devices].sort((a, b) => (a.path < b.path ? -1 : 1));
const sortedLists = (lists: Readonly<Record<string, readonly string[]>>) =>
  Object.fromEntries(Object.entries(lists).map(([key, list]) => [key, [...list].sort()]));

describe.skipIf(!hasShell)('the capture script', () => {
  it('is a script for any POSIX shell', () => {
    for (const [shell = '', ...args] of shells)
      expect(spawnSync(shell, [...args, '-n', SCRIPT], { encoding: 'utf8' }).stderr).toBe('');
    const text = readFileSync(SCRIPT, 'utf8');
    expect(text).not.toMatch(
      /\[\[|\bfunction \w|\blocal |<<<|&>|\bdeclare |\bsource |=~|(?<!\$)\(\(/,
    );
  });

  it.each(shells)(
    'records what verify reads, with the numbers of the recording: %s',
    async (...shell) => {
      await expectSameNumbers('small', SMALL_SESSION, shell);
      const { checks } = verifySession(readSession(SMALL_SESSION, 'small'), null);
      for (const check of ['driver', 'group', 'status', 'errno', 'kprobe', 'message'] as const)
        expect([check, checks[check].of > 0]).toEqual([check, true]);
    },
  );

  it('leaves the machine as it was, but for marks in the log', async () => {
    const dir = folder();
    const { root } = fakeRoot(dir, readSession(SMALL_SESSION, 'small'), SMALL_SESSION);
    const before = filesIn(join(dir, 'root-0'));
    const { status } = capture(
      { ROOT: root },
      '--settle',
      '0',
      '--kprobes',
      join(dir, 'out'),
      '--',
      'true',
    );
    expect(status).toBe(0);
    const after = filesIn(join(dir, 'root-0'));
    const probes = after['sys/kernel/tracing/kprobe_events'] ?? '';
    const added = [...probes.matchAll(/^[pr]:reprobe\/(\S+) /gm)].map(([, name]) => name);
    const removed = [...probes.matchAll(/^-:reprobe\/(\S+)$/gm)].map(([, name]) => name);
    expect(added).toContain('really_probe_ret');
    expect(removed).toEqual(added);
    const events = 'sys/kernel/tracing/kprobe_events';
    const buffer = 'sys/kernel/tracing/buffer_size_kb';
    expect({ ...after, [events]: '', [buffer]: '' }).toEqual({ ...before, [buffer]: '' });
    expect(readFileSync(join(dir, 'kmsg'), 'utf8')).toMatch(/^reprobe-action: 1: true$/m);
  });

  it('stops at nothing that a machine lacks, and says what it was', async () => {
    const dir = folder();
    const few = toolbox(dir, ['sh', 'mkdir', 'cat']);
    const out = join(dir, 'out');
    const { status, stderr } = capture({ PATH: few }, '--settle', '0', out, '--', 'echo hi');
    expect(status).toBe(0);
    expect(stderr).not.toMatch(/not found/);
    for (const what of [
      'kernel log',
      'firmware',
      'devices',
      'groups',
      'kernel configuration',
      'not root',
    ])
      expect(stderr).toContain(what);
    expect(readFileSync(join(out, 'NOTES.md'), 'utf8')).toContain('- kernel log: ');
    const session = await readSessionFolder(out);
    expect(session.actions?.actions).toMatchObject([{ command: 'echo hi', rc: 0, stdout: ['hi'] }]);
    expect(verifySession(session, null).checks.driver).toEqual({ ok: 0, of: 0 });
  });

  it.each([
    ['readlink', ['readlink']],
    ['ls', []],
  ])('reads links to what is gone by %s', async (_, more) => {
    const dir = folder();
    const { root } = fakeRoot(dir, readSession(SMALL_SESSION, 'small'), SMALL_SESSION);
    rmSync(join(root, 'sys/bus/pci/drivers/e1000e'), { recursive: true });
    const few = toolbox(dir, [...TOOLS, 'find', 'sort', ...more]);
    const out = join(dir, 'out');
    expect(capture({ ROOT: root, PATH: few }, '--settle', '0', out).status).toBe(0);
    const { snapshots } = await readSessionFolder(out);
    const nic = snapshots['sysfs-0.txt']?.devices.find(({ name }) => name === '0000:01:00.0');
    expect(nic).toMatchObject({ bus: 'pci', driver: 'e1000e', iommu_group: 1 });
  });

  it('notes how commands end: by themselves, beside others, never', async () => {
    const out = join(folder(), 'out');
    const commands = [
      'echo out; echo err >&2; exit 7',
      'sleep 0.3; echo late &',
      'echo x > /nonexistent/file',
      'sleep 4',
      'if',
    ];
    const { stderr } = capture({}, '--settle', '0', '--limit', '1', out, '--', ...commands);
    expect(stderr).toContain('command 4: it did not end within 1 s');
    const { actions } = await readSessionFolder(out);
    expect(actions?.actions).toMatchObject([
      { n: 1, command: commands[0], rc: 7, stdout: ['out'], stderr: ['err'] },
      { n: 2, background: true, command: 'sleep 0.3; echo late', rc: 0, stdout: ['late'] },
      { n: 3, rc: 1, errno: 2 },
      { n: 4, rc: null },
      { n: 5, rc: 2 },
    ]);
  });

  it('refuses a folder that has a recording, and arguments that make no sense', () => {
    const out = join(folder(), 'out');
    expect(capture({}, '--settle', '0', out).status).toBe(0);
    expect(capture({}, '--settle', '0', out)).toMatchObject({ status: 1 });
    for (const args of [[], ['--no-such-flag', out], ['--settle', 'x', out], [out, 'true']])
      expect(capture({}, ...args)).toMatchObject({ status: 2, stdout: '' });
    writeFileSync(join(out, 'plain'), '');
    expect(capture({}, join(out, 'plain', 'below'))).toMatchObject({ status: 1 });
  });
});

/** Every file below, by its path, with its content. */
function filesIn(dir: string): Record<string, string> {
  const found: Record<string, string> = {};
  for (const file of readdirSync(dir, { recursive: true, withFileTypes: true }))
    if (file.isFile()) {
      const path = join(file.parentPath, file.name);
      found[path.slice(dir.length + 1)] = readFileSync(path, 'latin1');
    }
  return found;
}

const PLAYED = [
  's02-bs612-ownercnt-remove-verbose',
  's03-cm61-late-default',
  's07-c61-no-iommu-plain',
  's08-c61-dt-map-cycle-verbose',
  's08-c61-dt-platdev-plain',
];
const there = PLAYED.filter((name) => existsSync(join(TRACES, name)));

describe.skipIf(!hasShell || there.length === 0)(
  `sessions of ${TRACES} (skipped where absent)`,
  () => {
    it.each(there)(
      '%s, played to the script, has the same numbers',
      { timeout: 120_000 },
      async (name) => {
        const files: Record<string, Uint8Array> = {};
        for (const file of readdirSync(join(TRACES, name))) {
          const bytes = readFileSync(join(TRACES, name, file));
          if (file.endsWith('.gz')) files[file.slice(0, -3)] = gunzipSync(bytes);
          else files[file] = bytes;
        }
        await expectSameNumbers(name, files);
      },
    );
  },
);
