import { createHash } from 'node:crypto';
import { type FileHandle, open, rename, rm } from 'node:fs/promises';
import { ReprobeError } from '../error.ts';
import { type BootChoice, createLogIntake, type ReadLog } from '../import/read-log.ts';
import { createSecretReader, type Redactor } from '../import/redact.ts';
import { eachPiece } from './read-log.ts';
import { openSource } from './read-source.ts';

/** A log that was read as it is and redacted. */
interface RedactedSource {
  readonly redactor: Redactor;
  readonly plain: ReadLog;
  readonly shared: ReadLog;
}

/** Where a redacted log goes; nobody sees it there before it is kept. */
export interface RedactedFile {
  write(bytes: Uint8Array): Promise<void>;
  keep(): Promise<void>;
  /** Takes it away, unless it was kept. */
  discard(): Promise<void>;
}

/** @throws ReprobeError UNWRITABLE where a file cannot be made beside `path`. */
export async function openRedacted(path: string): Promise<RedactedFile> {
  const partial = `${path}.partial`;
  const handle = await open(partial, 'w').catch((error: unknown) => {
    throw unwritable(error, path);
  });
  let isDone = false;
  const finish = async (last: () => Promise<void>): Promise<void> => {
    if (isDone) return;
    isDone = true;
    await handle.close();
    await last();
  };
  return {
    write: (bytes) => writeAll(handle, bytes, path),
    keep: () => finish(() => rename(partial, path)),
    discard: () => finish(() => rm(partial, { force: true })),
  };
}

async function writeAll(handle: FileHandle, bytes: Uint8Array, path: string): Promise<void> {
  try {
    await handle.writeFile(bytes);
  } catch (error) {
    throw unwritable(error, path);
  }
}

function unwritable(error: unknown, file: string): ReprobeError {
  const reason = error instanceof Error ? error.message : String(error);
  return new ReprobeError('UNWRITABLE', `The file cannot be written: ${reason}.`, { file });
}

/**
 * Redacts a log in two readings, so that it need not fit into memory; standard input, which can be read
 * once, must.
 *
 * @param pieces the source, opened.
 * @throws ReprobeError UNREADABLE for a file that changed between the two.
 */
export async function redactSource(
  path: string,
  pieces: AsyncIterable<Uint8Array>,
  boot: BootChoice,
  output: RedactedFile | null,
): Promise<RedactedSource> {
  const kept: Uint8Array[] = [];
  const first = createHash('sha256');
  const secrets = createSecretReader(boot);
  await eachPiece(pieces, 'MiB read:', (piece) => {
    if (path === '-') kept.push(piece);
    else first.update(piece);
    secrets.push(piece);
  });
  const { redactor, read: plain, rewriter } = secrets.end();

  const second = createHash('sha256');
  const intake = createLogIntake(boot);
  let ready: Uint8Array[] = [];
  const again = rewriter((bytes) => {
    intake.push(bytes);
    ready.push(bytes);
  });
  const flush = async (): Promise<void> => {
    for (const bytes of ready) await output?.write(bytes);
    ready = [];
  };
  const source = path === '-' ? kept : (await openSource(path)).pieces;
  await eachPiece(source, 'MiB redacted:', async (piece) => {
    if (path !== '-') second.update(piece);
    again.push(piece);
    await flush();
  });
  again.end();
  await flush();
  if (path !== '-' && first.digest('hex') !== second.digest('hex'))
    throw new ReprobeError('UNREADABLE', 'The file changed while it was read.', {
      file: path,
      hint: 'copy it first',
    });
  return { redactor, plain, shared: intake.end() };
}
