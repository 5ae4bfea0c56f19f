import { ReprobeError } from '../error.ts';
import type { Machine } from '../events/machine.ts';
import { isFirmware, readFirmware } from '../model/firmware/firmware.ts';
import { boardScenario } from '../scenario/board.ts';
import { parseMachine } from '../scenario/parse.ts';
import type { GivenMachine } from './load-log.ts';
import { knowledgeOf } from './read-firmware.ts';
import { readSource } from './read-source.ts';

/**
 * Reads the machine that a log is of.
 *
 * @throws ReprobeError of its reader.
 */
export async function readMachineFile(path: string): Promise<GivenMachine> {
  const { file, bytes } = await readSource(path);
  if (isFirmware(bytes)) return { machine: null, firmware: readFirmware(bytes, file) };
  return { machine: parseMachine(decodeText(bytes, file), file, knowledgeOf(file)).machine };
}

/**
 * Reads a machine to run something on: of a board's firmware all that a boot of it has.
 *
 * @throws ReprobeError of its reader.
 */
export async function readOtherMachine(path: string): Promise<Machine> {
  const { machine, firmware = null } = await readMachineFile(path);
  if (machine !== null) return machine;
  if (firmware !== null) return boardScenario(firmware, path).machine;
  throw new ReprobeError('BAD_MACHINE', 'There is no machine in it.', { file: path });
}

/** @throws ReprobeError NOT_UTF8 */
export function decodeText(bytes: Uint8Array, file: string): string {
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(bytes);
  } catch {
    throw new ReprobeError('NOT_UTF8', 'The file is not UTF-8 text.', { file });
  }
}
