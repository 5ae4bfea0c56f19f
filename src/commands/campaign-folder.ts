import {
  type FileHandle,
  mkdir,
  open,
  readdir,
  readFile,
  rename,
  rm,
  stat,
} from 'node:fs/promises';
import { dirname, join, resolve } from 'node:path';
import { ReprobeError } from '../error.ts';
import {
  decodeJournal,
  encodeRecords,
  JOURNAL_START,
  type JournalEnd,
  type JournalRecord,
} from '../fuzz/journal.ts';
import { isCode, type Lock, lockFolder } from './campaign-lock.ts';

/**
 * A campaign's folder: `journal.jsonl`, which holds all that is known and is only ever added to,
 * `findings/`, whose scenarios also stand in the journal, and `goal.json`, how far it was last to go.
 *
 * A record counts once it is on the disk. A crash leaves a journal that ends early, perhaps in the
 * middle of a line; what is behind its last good line was promised to nobody, and is made again.
 */
export interface Folder {
  readonly dir: string;
  /** Adds records, in the order of the calls. Resolves when they are on the disk. */
  append(...records: readonly JournalRecord[]): Promise<void>;
  /** Puts a scenario into `findings/`. Resolves when it is on the disk, whole. */
  save(name: string, text: string): Promise<void>;
  /** Waits for what is under way and gives the folder back. */
  close(): Promise<void>;
}

const JOURNAL = 'journal.jsonl';
const FINDINGS = 'findings';
const GOAL = 'goal.json';
const SUFFIX = '.yaml';
const UNFINISHED = '.tmp';

/** Where the scenario of that name is, or will be. */
export function scenarioPath(dir: string, name: string): string {
  return join(dir, FINDINGS, `${name}${SUFFIX}`);
}

/** The journal in the folder as far as it is good; null where there is none. */
export async function readJournal(dir: string): Promise<ReturnType<typeof decodeJournal> | null> {
  try {
    return decodeJournal(await readFile(join(dir, JOURNAL)));
  } catch (error) {
    if (isCode(error, 'ENOENT')) return null;
    throw unusable(error, join(dir, JOURNAL));
  }
}

/** How many runs the campaign is to have; null for any number, or where nobody said. */
export async function readGoal(dir: string): Promise<number | null> {
  try {
    const runs = /^\{"runs":(\d+)\}\n$/.exec(await readFile(join(dir, GOAL), 'utf8'))?.[1];
    return runs === undefined ? null : Number(runs);
  } catch (error) {
    if (isCode(error, 'ENOENT')) return null;
    throw unusable(error, join(dir, GOAL));
  }
}

/** Remembers how many runs the campaign is to have, for who goes on with it. */
export function saveGoal(dir: string, runs: number | null): Promise<void> {
  return saveWhole(join(dir, GOAL), `${JSON.stringify({ runs })}\n`);
}

/** Makes the folder where there is none, and takes it for this process. */
export async function takeFolder(dir: string): Promise<Lock> {
  try {
    await makeFolder(resolve(dir, FINDINGS));
  } catch (error) {
    throw unusable(error, dir, 'give another --out');
  }
  try {
    await syncFolder(dirname(resolve(dir)));
    await syncFolder(dir);
    return await lockFolder(dir);
  } catch (error) {
    throw unusable(error, dir);
  }
}

/**
 * Makes a folder with those above it that are not there. Node's own way never returns where one can
 * neither be made nor is there, as below /proc.
 */
async function makeFolder(dir: string): Promise<void> {
  const above = dirname(dir);
  if (!(await isFolder(above)) && above !== dir) await makeFolder(above);
  if (await isFolder(dir)) return;
  await mkdir(dir).catch(async (error: unknown) => {
    // Another process may have been faster.
    if (!(await isFolder(dir))) throw error;
  });
}

async function isFolder(path: string): Promise<boolean> {
  return await stat(path).then(
    (there) => there.isDirectory(),
    () => false,
  );
}

/** Goes on with the journal of a folder that is taken; what stands behind `end` is cut off. */
export async function openFolder(
  dir: string,
  lock: Lock,
  end: JournalEnd = JOURNAL_START,
): Promise<Folder> {
  try {
    for (const file of await readdir(join(dir, FINDINGS)))
      if (file.endsWith(UNFINISHED)) await rm(join(dir, FINDINGS, file), { force: true });
    const file = await open(join(dir, JOURNAL), end.bytes === 0 ? 'w' : 'r+');
    await file.truncate(end.bytes);
    await file.sync();
    await syncFolder(dir);
    return folderOf(dir, lock, file, end);
  } catch (error) {
    throw unusable(error, dir);
  }
}

/** Records that wait for the next group. */
interface Waiting {
  readonly records: readonly JournalRecord[];
  readonly done: () => void;
  readonly failed: (error: unknown) => void;
}

function folderOf(dir: string, lock: Lock, file: FileHandle, start: JournalEnd): Folder {
  let end = start;
  let waiting: Waiting[] = [];
  let writer: Promise<void> | null = null;
  let broken: { readonly error: unknown } | null = null;

  /** Writes groups until nothing waits: what comes while the disk is busy makes the next group. */
  const writeAll = async (): Promise<void> => {
    while (waiting.length > 0) {
      const group = waiting;
      waiting = [];
      try {
        if (broken !== null) throw broken.error;
        await lock.check();
        const records = group.flatMap((one) => one.records);
        const encoded = encodeRecords(records, end);
        await writeAt(file, encoded.lines, end.bytes);
        await file.datasync();
        end = encoded.end;
        for (const { done } of group) done();
      } catch (error) {
        // What is on the disk is not known any more: nothing is written behind it.
        broken ??= { error: unusable(error, join(dir, JOURNAL)) };
        for (const { failed } of group) failed(broken.error);
      }
    }
    writer = null;
  };

  return {
    dir,
    append: (...records) =>
      new Promise((done, failed) => {
        waiting.push({ records, done, failed });
        writer ??= writeAll();
      }),
    save: (name, text) => saveWhole(scenarioPath(dir, name), text),
    async close() {
      await writer;
      await file.close();
      await lock.release();
    },
  };
}

async function writeAt(file: FileHandle, bytes: Uint8Array, at: number): Promise<void> {
  let written = 0;
  while (written < bytes.length) {
    const { bytesWritten } = await file.write(bytes, written, bytes.length - written, at + written);
    written += bytesWritten;
  }
}

/** A reader sees the file whole or not at all. */
async function saveWhole(path: string, text: string): Promise<void> {
  const unfinished = `${path}${UNFINISHED}`;
  try {
    const file = await open(unfinished, 'w');
    try {
      await file.writeFile(text);
      await file.sync();
    } finally {
      await file.close();
    }
    await rename(unfinished, path);
    await syncFolder(dirname(path));
  } catch (error) {
    throw unusable(error, path);
  }
}

/** A new name is in its folder for good once that is on the disk. */
async function syncFolder(dir: string): Promise<void> {
  const folder = await open(dir, 'r');
  try {
    await folder.sync();
  } finally {
    await folder.close();
  }
}

const MAKE_ROOM = 'make room or give another --out; --resume goes on with what was saved';

function unusable(error: unknown, file: string, hint = MAKE_ROOM): unknown {
  if (error instanceof ReprobeError || !(error instanceof Error) || !('code' in error))
    return error;
  return new ReprobeError('UNWRITABLE', `The folder cannot be used: ${error.message}.`, {
    file,
    hint,
  });
}
