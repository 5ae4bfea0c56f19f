/** Reads the folder of a recorded session from disk. */
import { readdir, readFile, stat } from 'node:fs/promises';
import { basename, join, resolve } from 'node:path';
import { promisify } from 'node:util';
import { gunzip } from 'node:zlib';
import { ReprobeError } from '../error.ts';
import { emptyTable, type Table } from '../events/table.ts';
import { readSession, type Session } from '../verify/session.ts';
import { machineOfCmdline, twinNames } from '../verify/twin.ts';

const FILE_BYTES_MAX = 256 * 2 ** 20;
const unpack = promisify(gunzip);

/**
 * The session in `folder`, with the names and contents of its plain files; `.gz` is unpacked.
 *
 * @throws ReprobeError UNREADABLE for a folder that cannot be read or holds nothing of a session.
 */
export async function readSessionFolder(folder: string): Promise<Session> {
  const names = await readdir(folder).catch((cause: NodeJS.ErrnoException) => {
    throw new ReprobeError('UNREADABLE', `cannot read the folder: ${cause.code ?? cause.message}`, {
      file: folder,
      hint: 'give the folder of a recorded session, with dmesg.txt and actions.txt in it',
    });
  });
  if (!names.some((name) => name.startsWith('dmesg.txt') || name === 'actions.txt'))
    throw new ReprobeError('BAD_SESSION', 'there is neither a dmesg.txt nor an actions.txt', {
      file: folder,
      hint: '`reprobe verify` compares a recorded session: a folder with the kernel log and what was done',
    });
  const files: Table<Uint8Array> = emptyTable();
  for (const name of names.sort()) {
    const path = join(folder, name);
    const info = await stat(path);
    if (!info.isFile() || info.size > FILE_BYTES_MAX) continue;
    const bytes = await readFile(path);
    if (name.endsWith('.gz')) files[name.slice(0, -3)] = await unpackFile(path, bytes);
    else files[name] = bytes;
  }
  return readSession(files, basename(resolve(folder)));
}

async function unpackFile(path: string, bytes: Uint8Array): Promise<Uint8Array> {
  try {
    return await unpack(bytes, { maxOutputLength: FILE_BYTES_MAX });
  } catch (cause) {
    const why = cause instanceof Error ? cause.message : String(cause);
    throw new ReprobeError('UNREADABLE', `not a whole gzip file: ${why}`, { file: path });
  }
}

/**
 * A recording of the same machine, where one stands beside the folder: by its name, else, for a
 * folder without a description of its machine, by the emulator's command line.
 */
export async function readTwin(folder: string): Promise<Session | null> {
  const whole = resolve(folder);
  for (const name of twinNames(basename(whole))) {
    const path = join(whole, '..', name);
    const info = await stat(path).catch(() => null);
    if (info?.isDirectory() === true) return readSessionFolder(path);
  }
  const names = await readdir(whole);
  return names.some((name) => name.startsWith('machine-')) ? null : twinByMachine(whole);
}

/** A recording beside `whole` with the same kernel on the same machine, and a description of it. */
async function twinByMachine(whole: string): Promise<Session | null> {
  const own = await whatRan(whole);
  if (own === null) return null;
  for (const name of (await readdir(join(whole, '..'))).sort()) {
    const path = join(whole, '..', name);
    const names = await readdir(path).catch(() => []);
    if (path === whole || !names.some((file) => file.startsWith('machine-config'))) continue;
    if ((await whatRan(path)) === own) return readSessionFolder(path);
  }
  return null;
}

/** The machine and the kernel's build that a folder's files name; null where they do not. */
async function whatRan(folder: string): Promise<string | null> {
  const [cmdline, actions] = await Promise.all(
    ['cmdline.txt', 'actions.txt'].map((file) =>
      readFile(join(folder, file), 'utf8').catch(() => ''),
    ),
  );
  const machine = machineOfCmdline(cmdline ?? '');
  const kernel = /^# session \S+ (kernel .*)$/m.exec(actions ?? '')?.[1];
  return machine === null || kernel === undefined ? null : `${machine} ${kernel}`;
}
