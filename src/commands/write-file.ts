import { open, rm, stat, writeFile } from 'node:fs/promises';
import { resolve } from 'node:path';
import { ReprobeError } from '../error.ts';

/** @throws ReprobeError UNWRITABLE with the path. */
export async function writeTo(path: string, content: Uint8Array | string): Promise<void> {
  try {
    await writeFile(path, content);
  } catch (error) {
    throw unwritable(error, path);
  }
}

/**
 * Looks before long work whether its results can be written: nobody is to wait for what then is lost.
 * Leaves nothing behind, and what is there as it is.
 *
 * @param outputs flag and path; those without a path are left out.
 * @throws ReprobeError UNWRITABLE with the path; USAGE where one would overwrite a source, or another.
 */
export async function checkOutputs(
  sources: readonly string[],
  outputs: readonly (readonly [flag: string, path: string | undefined])[],
): Promise<void> {
  const read = sources.filter((source) => source !== '-').map((source) => resolve(source));
  const taken = new Set<string>();
  for (const [flag, path] of outputs) {
    if (path === undefined) continue;
    if (path === '-')
      throw new ReprobeError('USAGE', `${flag} takes a file, and '-' is none.`, {
        hint: 'a file of that name is ./-',
      });
    const whole = resolve(path);
    if (read.includes(whole))
      throw new ReprobeError('USAGE', `${flag} is the source itself, which it would overwrite.`);
    if (taken.has(whole)) throw new ReprobeError('USAGE', `Two outputs cannot go to ${path}.`);
    taken.add(whole);
    await tryToOpen(path);
  }
}

async function tryToOpen(path: string): Promise<void> {
  const there = await stat(path).catch(() => null);
  // A pipe or a device is not opened twice.
  if (there !== null && !there.isFile() && !there.isDirectory()) return;
  try {
    const file = await open(path, there === null ? 'wx' : 'a');
    await file.close();
    if (there === null) await rm(path, { force: true });
  } catch (error) {
    throw unwritable(error, path);
  }
}

function unwritable(error: unknown, file: string): ReprobeError {
  const reason = error instanceof Error ? error.message : String(error);
  return new ReprobeError('UNWRITABLE', `The file cannot be written: ${reason}.`, { file });
}
