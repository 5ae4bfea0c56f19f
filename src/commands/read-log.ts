import { createLogIntake, type ReadLog } from '../import/read-log.ts';
import { progress } from './terminal.ts';

const MIB = 1024 ** 2;
/** Progress is told so often. */
const STEP_MIB = 16;

/** Reads a log that need not fit into memory. */
export async function readLog(pieces: AsyncIterable<Uint8Array>): Promise<ReadLog> {
  const intake = createLogIntake();
  const counter = progress('MiB read:');
  let bytes = 0;
  let told = 0;
  try {
    for await (const piece of pieces) {
      intake.push(piece);
      bytes += piece.length;
      if (bytes < (told + STEP_MIB) * MIB) continue;
      told = Math.floor(bytes / MIB);
      counter.step(told);
    }
    return intake.end();
  } finally {
    counter.done();
  }
}
