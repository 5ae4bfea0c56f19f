import { link, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { hostname } from 'node:os';
import { join } from 'node:path';
import { ReprobeError } from '../error.ts';

/** Who holds a folder: a process, told from a later one of the same number by when it started. */
interface Holder {
  readonly host: string;
  readonly pid: number;
  readonly started: string;
}

export interface Lock {
  /** @throws ReprobeError BAD_CAMPAIGN when somebody took the folder away. */
  check(): Promise<void>;
  release(): Promise<void>;
}

const NAME = 'lock';

/**
 * Takes the folder for this process. A lock whose process is gone is taken over; one of another host
 * is not, as nobody here can know.
 *
 * @throws ReprobeError BAD_CAMPAIGN when another process has it.
 */
export async function lockFolder(dir: string): Promise<Lock> {
  const path = join(dir, NAME);
  const own = JSON.stringify(await holderOf(process.pid));
  const mine = join(dir, `.${NAME}-${process.pid}`);
  await writeFile(mine, own);
  try {
    // A link is made whole or not at all, and only where there is none.
    while (!(await linked(mine, path))) await takeOver(path, mine);
  } finally {
    await rm(mine, { force: true });
  }
  return {
    async check() {
      if ((await textOf(path)) !== own)
        throw new ReprobeError('BAD_CAMPAIGN', 'Another process took the folder over.', {
          file: path,
          hint: 'one campaign a folder: give the other one its own --out',
        });
    },
    async release() {
      if ((await textOf(path)) === own) await rm(path, { force: true });
    },
  };
}

async function linked(from: string, to: string): Promise<boolean> {
  try {
    await link(from, to);
    return true;
  } catch (error) {
    if (isCode(error, 'EEXIST')) return false;
    throw error;
  }
}

/** Moves a lock whose holder is gone out of the way; of two that try, one moves it. */
async function takeOver(path: string, mine: string): Promise<void> {
  const text = await textOf(path);
  if (text === null) return;
  await refuseLiving(text, path);
  const aside = `${mine}-old`;
  try {
    await rename(path, aside);
  } catch (error) {
    if (isCode(error, 'ENOENT')) return;
    throw error;
  }
  // Was it taken by another in the meantime, it goes back to that one.
  if ((await textOf(aside)) !== text) await linked(aside, path);
  await rm(aside, { force: true });
}

async function refuseLiving(text: string, path: string): Promise<void> {
  const holder = parseHolder(text);
  if (holder === null) return;
  const { host, pid } = holder;
  const isHere = host === hostname();
  const present = isHere ? await holderOf(pid) : null;
  if (isHere && (present === null || present.started !== holder.started)) return;
  throw new ReprobeError('BAD_CAMPAIGN', `Process ${pid} on ${host} works in this folder.`, {
    file: path,
    hint: isHere ? 'wait for it, or give another --out' : 'if it is gone, remove this file',
  });
}

/** null for what was cut off as it was written: nobody holds anything by that. */
function parseHolder(text: string): Holder | null {
  try {
    const { host, pid, started } = JSON.parse(text) as Partial<Holder>;
    const isWhole = typeof host === 'string' && typeof pid === 'number';
    return isWhole && typeof started === 'string' ? { host, pid, started } : null;
  } catch {
    return null;
  }
}

/** null where there is no such process. */
async function holderOf(pid: number): Promise<Holder | null> {
  try {
    process.kill(pid, 0);
  } catch (error) {
    if (!isCode(error, 'EPERM')) return null;
  }
  return { host: hostname(), pid, started: await startOf(pid) };
}

/** When the process started, as /proc tells it; the same text for all where there is none. */
async function startOf(pid: number): Promise<string> {
  const stat = await textOf(`/proc/${pid}/stat`);
  // Field 22, counted from behind the name, which may hold anything.
  return stat?.slice(stat.lastIndexOf(')') + 2).split(' ')[19] ?? '';
}

async function textOf(path: string): Promise<string | null> {
  try {
    return await readFile(path, 'utf8');
  } catch (error) {
    if (isCode(error, 'ENOENT') || isCode(error, 'ESRCH')) return null;
    throw error;
  }
}

export function isCode(error: unknown, code: string): boolean {
  return error instanceof Error && 'code' in error && error.code === code;
}
