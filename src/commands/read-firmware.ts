import { closeSync, constants, openSync, readSync, statSync } from 'node:fs';
import { dirname, resolve } from 'node:path';
import { ReprobeError } from '../error.ts';
import { FIRMWARE_BYTES_MAX, type Firmware, readFirmware } from '../model/firmware/firmware.ts';
import type { Knowledge } from '../scenario/driver.ts';
import { driverKnowledge } from '../scenario/known-drivers.ts';

/** What the scenario in `file` may look up: known drivers, and firmware by paths from its folder. */
export function knowledgeOf(file: string): Knowledge {
  const folder = file === '<stdin>' ? '.' : dirname(file);
  return { ...driverKnowledge, firmware: (path) => firmwareAt(resolve(folder, path), path) };
}

/** Reads no more than firmware can be long, and only plain files: others may never end. */
function firmwareAt(path: string, file: string): Firmware {
  const bytes = Buffer.alloc(FIRMWARE_BYTES_MAX + 1);
  let length = 0;
  try {
    if (!statSync(path).isFile()) throw new Error('it is no plain file');
    const fd = openSync(path, constants.O_RDONLY);
    try {
      for (let read = -1; read !== 0 && length < bytes.length; length += read)
        read = readSync(fd, bytes, length, bytes.length - length, null);
    } finally {
      closeSync(fd);
    }
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    throw new ReprobeError('UNREADABLE', `The machine's firmware cannot be read: ${reason}.`, {
      file,
      hint: 'the path counts from the folder of the file that names it',
    });
  }
  return readFirmware(bytes.subarray(0, length), file);
}
