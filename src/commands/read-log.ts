import { ReprobeError } from '../error.ts';
import { type BootChoice, createLogIntake, type ReadLog } from '../import/read-log.ts';
import { progress } from './terminal.ts';

const MIB = 1024 ** 2;
/** Progress is told so often. */
const STEP_MIB = 16;

/** The boot that `--boot` names, counted from 1 there. */
export function bootNamed(given: string | undefined): BootChoice {
  if (given === undefined) return 'fullest';
  if (given === 'first' || given === 'last') return given;
  if (/^[1-9]\d{0,8}$/.test(given)) return Number(given) - 1;
  throw new ReprobeError('USAGE', `There is no boot '${given}'.`, {
    hint: '--boot takes a number from 1 on, first or last',
  });
}

/** @throws ReprobeError USAGE for a log that has no such boot. */
export function refuseOtherBoot({ boot, boots }: ReadLog, choice: BootChoice, file: string): void {
  if (typeof choice !== 'number' || boot === choice) return;
  const has = boots === 1 ? 'one boot' : `${boots} boots`;
  throw new ReprobeError('USAGE', `There is no boot ${choice + 1} in this log: it has ${has}.`, {
    file,
    hint: '`reprobe import` says which one it takes',
  });
}

/** Reads a log that need not fit into memory. */
export async function readLog(
  pieces: AsyncIterable<Uint8Array>,
  choice: BootChoice = 'fullest',
): Promise<ReadLog> {
  const intake = createLogIntake(choice);
  await eachPiece(pieces, 'MiB read:', intake.push);
  return intake.end();
}

/** Takes piece after piece, and tells how far it is. */
export async function eachPiece(
  pieces: AsyncIterable<Uint8Array> | Iterable<Uint8Array>,
  what: string,
  take: (piece: Uint8Array) => void | Promise<void>,
): Promise<void> {
  const counter = progress(what);
  let bytes = 0;
  let told = 0;
  try {
    for await (const piece of pieces) {
      await take(piece);
      bytes += piece.length;
      if (bytes < (told + STEP_MIB) * MIB) continue;
      told = Math.floor(bytes / MIB);
      counter.step(told);
    }
  } finally {
    counter.done();
  }
}
