import { createReadStream } from 'node:fs';
import { pipeline, Readable } from 'node:stream';
import { createGunzip } from 'node:zlib';
import { ReprobeError } from '../error.ts';

/** A source as read: its name for messages, and its bytes, decompressed. */
export interface Source {
  /** The path as given, or `<stdin>`. */
  readonly file: string;
  readonly bytes: Uint8Array;
  readonly compressed: boolean;
}

/** A source as it is being read. */
export interface OpenSource {
  /** The path as given, or `<stdin>`. */
  readonly file: string;
  readonly compressed: boolean;
  /** Its bytes, decompressed, which can be taken once. */
  readonly pieces: AsyncGenerator<Uint8Array>;
}

const BYTES_MAX = 2 * 1024 ** 3;
const PIECE_BYTES = 1024 ** 2;
/** Tell how a file is compressed. */
const MAGIC_BYTES = 16;

/**
 * Reads the file at `path`, or standard input for `-`, and decompresses it when it is gzipped.
 *
 * @throws ReprobeError UNREADABLE when it is missing, a directory, forbidden, damaged or compressed
 * by another program, TOO_LARGE
 * when it has more than `bytesMax` bytes, compressed or not.
 */
export async function readSource(path: string, bytesMax: number = BYTES_MAX): Promise<Source> {
  const { file, compressed, pieces } = await openSource(path, bytesMax);
  return { file, bytes: await joined(pieces), compressed };
}

/**
 * Opens a source as `readSource` does, for reading it piece by piece.
 *
 * @throws ReprobeError as `readSource` does, here and while pieces are taken.
 */
export async function openSource(path: string, bytesMax: number = BYTES_MAX): Promise<OpenSource> {
  const file = path === '-' ? '<stdin>' : path;
  const { start, pieces: raw } = await splitAfter(MAGIC_BYTES, piecesOf(path, file, bytesMax));
  refuseOtherCompression(start, file);
  const compressed = start[0] === 0x1f && start[1] === 0x8b;
  return { file, compressed, pieces: compressed ? gunzipped(raw, file, bytesMax) : raw };
}

/** The first bytes, `count` or more where there are as many, and all pieces, those bytes first. */
export async function splitAfter(
  count: number,
  pieces: AsyncGenerator<Uint8Array>,
): Promise<{ readonly start: Uint8Array; readonly pieces: AsyncGenerator<Uint8Array> }> {
  const first: Uint8Array[] = [];
  let length = 0;
  while (length < count) {
    const next = await pieces.next();
    if (next.done === true) break;
    first.push(next.value);
    length += next.value.length;
  }
  const start = Buffer.concat(first, length);
  async function* all(): AsyncGenerator<Uint8Array> {
    if (length > 0) yield start;
    yield* pieces;
  }
  return { start, pieces: all() };
}

export async function joined(pieces: AsyncIterable<Uint8Array>): Promise<Uint8Array> {
  const all: Uint8Array[] = [];
  for await (const piece of pieces) all.push(piece);
  const [only] = all;
  return all.length === 1 && only !== undefined ? only : Buffer.concat(all);
}

/** The limit also holds for pipes and for files without an end. */
async function* piecesOf(path: string, file: string, bytesMax: number): AsyncGenerator<Uint8Array> {
  let length = 0;
  try {
    const input =
      path === '-' ? process.stdin : createReadStream(path, { highWaterMark: PIECE_BYTES });
    for await (const piece of input as AsyncIterable<Buffer>) {
      length += piece.length;
      if (length > bytesMax) throw tooLarge(file, bytesMax);
      yield piece;
    }
  } catch (error) {
    throw error instanceof ReprobeError ? error : unreadable(error, file);
  }
}

async function* gunzipped(
  raw: AsyncGenerator<Uint8Array>,
  file: string,
  bytesMax: number,
): AsyncGenerator<Uint8Array> {
  const gunzip = createGunzip({ chunkSize: PIECE_BYTES });
  // What goes wrong in the source comes out of the loop below.
  pipeline(Readable.from(raw), gunzip, () => {});
  let length = 0;
  try {
    for await (const piece of gunzip as AsyncIterable<Buffer>) {
      length += piece.length;
      if (length > bytesMax) throw tooLarge(file, bytesMax);
      yield piece;
    }
  } catch (error) {
    if (error instanceof ReprobeError) throw error;
    throw new ReprobeError('UNREADABLE', 'The gzip data is damaged or cut off.', {
      file,
      hint: 'copy the file again, or decompress what can be saved with zcat',
    });
  }
}

/** How files of other compressors begin, each with a program that unpacks to standard output. */
const COMPRESSORS: readonly (readonly [name: string, magic: string, unpack: string])[] = [
  ['xz', '\xfd7zXZ\0', 'xz -dc'],
  ['zstd', '\x28\xb5\x2f\xfd', 'zstd -dc'],
  ['bzip2', 'BZh91AY&SY', 'bzip2 -dc'],
  ['lz4', '\x04\x22\x4d\x18', 'lz4 -dc'],
  ['zip', 'PK\x03\x04', 'unzip -p'],
];

function refuseOtherCompression(raw: Uint8Array, file: string): void {
  const start = String.fromCharCode(...raw.subarray(0, 16));
  const [name, , unpack] = COMPRESSORS.find(([, magic]) => start.startsWith(magic)) ?? [];
  if (name === undefined) return;
  throw new ReprobeError(
    'UNREADABLE',
    `The file is compressed with ${name}; decompress it first.`,
    {
      file,
      hint: `for example \`${unpack} FILE | reprobe import -\``,
    },
  );
}

function tooLarge(file: string, bytesMax: number): ReprobeError {
  const limit = bytesMax >= 1024 ** 2 ? `${bytesMax / 1024 ** 2} MiB` : `${bytesMax} bytes`;
  return new ReprobeError('TOO_LARGE', `The source is longer than ${limit}.`, {
    file,
    hint: 'give the boot of interest only',
  });
}

const REASONS: Readonly<Record<string, readonly [message: string, hint: string]>> = {
  ENOENT: ['There is no such file.', 'check the path; - reads standard input'],
  EISDIR: [
    'This is a directory, not a file.',
    'name a file in it; a recorded session has a dmesg.txt, and verify and explain take its folder',
  ],
  ENOTDIR: ['A part of the path is not a directory.', 'check the path'],
  EACCES: ['Permission to read the file is denied.', 'change its mode, or read a copy'],
  ELOOP: ['The path is a loop of symbolic links.', 'name the file itself'],
};

function unreadable(error: unknown, file: string): ReprobeError {
  const code = codeOf(error);
  const [message, hint] = (Object.hasOwn(REASONS, code) ? REASONS[code] : undefined) ?? [
    `The source cannot be read: ${error instanceof Error ? error.message : String(error)}.`,
    'check the path',
  ];
  return new ReprobeError('UNREADABLE', message, { file, hint });
}

function codeOf(error: unknown): string {
  return error instanceof Error && 'code' in error ? String(error.code) : '';
}
