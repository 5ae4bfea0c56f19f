import { writeFile } from 'node:fs/promises';
import { ReprobeError } from '../error.ts';

/** @throws ReprobeError UNWRITABLE with the path. */
export async function writeTo(path: string, content: Uint8Array | string): Promise<void> {
  try {
    await writeFile(path, content);
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    throw new ReprobeError('UNWRITABLE', `The file cannot be written: ${reason}.`, { file: path });
  }
}
