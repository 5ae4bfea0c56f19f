/** Broken firmware: bytes changed and cut off, which must be refused with a place, or must boot. */
import fc from 'fast-check';
import { expect } from 'vitest';
import { runAll } from '../../../src/engine/run.ts';
import { ReprobeError } from '../../../src/error.ts';
import { readFirmware } from '../../../src/model/firmware/firmware.ts';
import { boardScenario } from '../../../src/scenario/board.ts';

/** Numbers that counts and offsets are worst at. */
const HOSTILE = [0, 1, 0x7f, 0x80, 0xff];

/** The property that no change to `blob` crashes the reader or the boot of what it reads. */
export function survives(blob: Uint8Array, file: string) {
  const byte = fc.oneof(fc.nat(255), fc.constantFrom(...HOSTILE));
  const change = fc.tuple(fc.nat(blob.length - 1), fc.array(byte, { minLength: 1, maxLength: 4 }));
  const broken = fc
    .tuple(fc.array(change, { maxLength: 5 }), fc.option(fc.nat(blob.length)))
    .map(([changes, end]) => {
      const copy = Uint8Array.from(blob);
      for (const [at, bytes] of changes) copy.set(bytes.slice(0, copy.length - at), at);
      return copy.slice(0, end ?? copy.length);
    });
  return fc.property(broken, (bytes) => {
    try {
      const { kernel, machine, steps } = boardScenario(readFirmware(bytes, file), file);
      runAll({ machine, kernel }, steps, { choices: [] });
    } catch (error) {
      if (!(error instanceof ReprobeError)) throw error;
      expect(error).toMatchObject({ code: 'BAD_MACHINE', file });
      expect(error.message).toMatch(/^at byte 0x[0-9a-f]+: /);
    }
  });
}
