import { createReadStream } from 'node:fs';
import { gunzipSync } from 'node:zlib';
import { ReprobeError } from '../error.ts';

/** A source as read: its name for messages, and its bytes, decompressed. */
export interface Source {
  /** The path as given, or `<stdin>`. */
  readonly file: string;
  readonly bytes: Uint8Array;
  readonly compressed: boolean;
}

const BYTES_MAX = 2 * 1024 ** 3;

/**
 * Reads the file at `path`, or standard input for `-`, and decompresses it when it is gzipped.
 *
 * @throws ReprobeError UNREADABLE when it is missing, a directory, forbidden, damaged or compressed
 * by another program, TOO_LARGE
 * when it has more than `bytesMax` bytes, compressed or not.
 */
export async function readSource(path: string, bytesMax: number = BYTES_MAX): Promise<Source> {
  const file = path === '-' ? '<stdin>' : path;
  const raw = await readAll(path, file, bytesMax);
  refuseOtherCompression(raw, file);
  const compressed = raw[0] === 0x1f && raw[1] === 0x8b;
  return { file, bytes: compressed ? gunzip(raw, file, bytesMax) : raw, compressed };
}

/** Reads in pieces, so that the limit also holds for pipes and for files without an end. */
async function readAll(path: string, file: string, bytesMax: number): Promise<Uint8Array> {
  const pieces: Buffer[] = [];
  let length = 0;
  try {
    const input = path === '-' ? process.stdin : createReadStream(path, { highWaterMark: 1 << 20 });
    for await (const piece of input as AsyncIterable<Buffer>) {
      length += piece.length;
      if (length > bytesMax) throw tooLarge(file, bytesMax);
      pieces.push(piece);
    }
  } catch (error) {
    throw error instanceof ReprobeError ? error : unreadable(error, file);
  }
  return Buffer.concat(pieces, length);
}

function gunzip(raw: Uint8Array, file: string, bytesMax: number): Uint8Array {
  try {
    return gunzipSync(raw, { maxOutputLength: bytesMax });
  } catch (error) {
    if (codeOf(error) === 'ERR_BUFFER_TOO_LARGE') throw tooLarge(file, bytesMax);
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
  EISDIR: ['This is a directory, not a file.', 'name a file in it'],
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
