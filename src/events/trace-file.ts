/**
 * Trace files: bytes from traces and back. The lines are those of trace-lines.ts; the last one holds
 * a digest of all bytes before it, so that a torn or edited file is never taken for a whole one.
 */
import { createHash } from 'node:crypto';
import { constants, gunzipSync, gzipSync } from 'node:zlib';
import { assert } from '../assert.ts';
import { ReprobeError } from '../error.ts';
import { canonicalJson } from './canonical.ts';
import type { Recorded } from './event.ts';
import { createInterner } from './intern.ts';
import { createReading, type RawObject } from './shape.ts';
import { SCHEMA_VERSION, type Trace } from './trace.ts';
import { EDIT_HINT, edited, type Spot, torn, wrongPart } from './trace-error.ts';
import {
  createLineReader,
  createLineWriter,
  type LineReader,
  type LineWriter,
  MAGIC,
  parseObject,
} from './trace-lines.ts';
import { UPCASTS, type UpcastTable, upcastFrom } from './upcast.ts';

const BYTES_MAX = 2 * 1024 ** 3;
/** Lines are encoded and hashed in pieces of about this many characters. */
const PIECE_LENGTH = 1 << 16;
/** In bytes; JavaScript cannot hold a string of more than twice as much. */
const LINE_MAX = 1 << 28;
const NEWLINE = 0x0a;
const TRAILER_START = '{"events":';
const TRAILER = /^\{"events":(\d{1,15}),"digest":"(sha256:[0-9a-f]{64})"\}$/;

/** `sha256:` and the digest of the value's canonical JSON. */
export function digestOf(value: unknown): string {
  return `sha256:${createHash('sha256').update(canonicalJson(value)).digest('hex')}`;
}

/** The text of the trace file in order, in pieces of whole lines, each with its newline. */
export function* encodeTrace(trace: Trace): Generator<string, void> {
  assert(trace.header.schema === SCHEMA_VERSION, 'a trace in memory has the current schema');
  const writer = createLineWriter();
  const hash = createHash('sha256');
  let piece = `${writer.header(trace.header, digestOf(trace.header.machine))}\n`;
  for (const recorded of trace.events) {
    for (const line of written(writer, recorded)) piece += `${line}\n`;
    if (piece.length < PIECE_LENGTH) continue;
    hash.update(piece);
    yield piece;
    piece = '';
  }
  const digest = `sha256:${hash.update(piece).digest('hex')}`;
  yield `${piece}{"events":${trace.events.length},"digest":"${digest}"}\n`;
}

/** What a kernel path yields has been typed: an event that cannot be written is a bug. */
function written(writer: LineWriter, recorded: Recorded): readonly string[] {
  try {
    return writer.event(recorded);
  } catch (error) {
    const reason = error instanceof ReprobeError ? error.message : String(error);
    throw new Error(
      `This is a bug in reprobe: a ${recorded.event.type} event cannot be written: ${reason}`,
    );
  }
}

/**
 * The trace as a file. The same trace gives the same bytes; compressed, the same bytes on one
 * version of zlib.
 */
export function writeTrace(trace: Trace, options: { readonly gzip?: boolean } = {}): Uint8Array {
  const pieces: Buffer[] = [];
  for (const piece of encodeTrace(trace)) pieces.push(Buffer.from(piece, 'utf8'));
  const bytes = Buffer.concat(pieces);
  return options.gzip === true ? gzipSync(bytes) : bytes;
}

/** True for decompressed bytes that say they are a trace; it may still be torn or edited. */
export function looksLikeTrace(bytes: Uint8Array): boolean {
  return viewOf(bytes).toString('latin1', 0, MAGIC.length) === MAGIC;
}

export interface ReadOptions {
  /** Limit for the decompressed size. */
  readonly bytesMax?: number;
  readonly upcasts?: UpcastTable;
}

/**
 * Reads a trace file, gzipped or not, and validates every event in it.
 *
 * Takes time and memory linear in the file; strings and stacks are shared between events.
 *
 * @throws ReprobeError TORN_TRACE when the end of the file is missing, EDITED_TRACE when its bytes
 * are not those that were written, BAD_TRACE when it is no trace or one of a foreign version,
 * TOO_LARGE when it decompresses to more than `bytesMax`.
 */
export function readTrace(bytes: Uint8Array, file: string, options: ReadOptions = {}): Trace {
  const { content, cut } = gunzip(viewOf(bytes), file, options.bytesMax ?? BYTES_MAX);
  expectMagic(content, file);
  const seal = readSeal(content);
  const spot: Spot = { file, line: 1, start: 0, end: content.indexOf(NEWLINE), wrongKey: null };
  if (spot.end < 0) throw torn(content, spot, 0);

  const raw = atSpot(content, spot, seal, () => parseHeader(textAt(content, spot)));
  const reader = createLineReader(createInterner(), liftFor(raw, file, options.upcasts ?? UPCASTS));
  const { machineDigest, ...header } = atSpot(content, spot, seal, () =>
    keepKey(spot, reader, () => reader.header(raw)),
  );
  const events = readEvents(content, spot, seal, reader);

  if (cut || seal.kind === 'torn') throw torn(content, spot, reader.count());
  const isWhole = seal.kind === 'sealed' && seal.events === reader.count();
  const isMachine = raw['schema'] !== SCHEMA_VERSION || machineDigest === digestOf(header.machine);
  if (!isWhole || !isMachine) throw edited(content, spot, isMachine);
  return { header, events };
}

/** What the end of the file says of the rest. */
type Seal =
  | { readonly kind: 'sealed'; readonly events: number; readonly start: number }
  | { readonly kind: 'edited'; readonly start: number }
  | { readonly kind: 'torn' };
const TORN: Seal = { kind: 'torn' };

function readSeal(content: Buffer): Seal {
  const length = content.length;
  if (content[length - 1] !== NEWLINE) return TORN;
  const start = content.lastIndexOf(NEWLINE, length - 2) + 1;
  const last = content.toString('latin1', start, Math.min(length - 1, start + 128));
  if (!last.startsWith(TRAILER_START)) return TORN;
  const [, events, digest] = TRAILER.exec(last) ?? [];
  const hash = createHash('sha256').update(content.subarray(0, start)).digest('hex');
  if (digest !== `sha256:${hash}` || start + last.length !== length - 1) {
    return { kind: 'edited', start };
  }
  return { kind: 'sealed', events: Number(events), start };
}

/** Reads all lines after the header; leaves `spot` at the trailer or at the unfinished line. */
function readEvents(content: Buffer, spot: Spot, seal: Seal, reader: LineReader): Recorded[] {
  const events: Recorded[] = [];
  const stop = seal.kind === 'torn' ? content.length : seal.start;
  for (;;) {
    spot.start = spot.end + 1;
    spot.line++;
    const newline = content.indexOf(NEWLINE, spot.start);
    spot.end = newline < 0 ? content.length : newline;
    if (spot.start >= stop || newline < 0) return events;
    const text = atSpot(content, spot, seal, () => textAt(content, spot));
    const read = atSpot(content, spot, seal, () =>
      keepKey(spot, reader, () => reader.events(text)),
    );
    for (const event of read) events.push(event);
  }
}

/** The text of a line; anything but UTF-8 is refused. */
function textAt(content: Buffer, { start, end }: Spot): string {
  if (end - start > LINE_MAX) throw new ReprobeError('BAD_TRACE', 'This line is too long.');
  const text = content.toString('utf8', start, end);
  // Buffer puts U+FFFD in place of what is not UTF-8; only a strict decoder tells it from a real one.
  if (text.includes('\ufffd')) {
    try {
      new TextDecoder('utf-8', { fatal: true }).decode(content.subarray(start, end));
    } catch {
      throw new ReprobeError('BAD_TRACE', 'This line is not UTF-8.');
    }
  }
  return text;
}

function keepKey<T>(spot: Spot, reader: LineReader, read: () => T): T {
  try {
    return read();
  } catch (error) {
    spot.wrongKey = reader.wrongKey();
    throw error;
  }
}

/** Runs `read`, and gives an error it throws its place and the code that the seal calls for. */
function atSpot<T>(content: Buffer, spot: Spot, seal: Seal, read: () => T): T {
  try {
    return read();
  } catch (error) {
    if (!(error instanceof ReprobeError)) throw error;
    const { sourceLine, column } = wrongPart(content, spot);
    const place = { file: spot.file, line: spot.line, column, sourceLine };
    if (seal.kind === 'sealed') throw new ReprobeError('BAD_TRACE', error.message, place);
    throw new ReprobeError('EDITED_TRACE', `The trace was changed: ${error.message}`, {
      ...place,
      hint: EDIT_HINT,
    });
  }
}

function expectMagic(content: Buffer, file: string): void {
  const start = content.toString('latin1', 0, MAGIC.length);
  if (start === MAGIC) return;
  if (MAGIC.startsWith(start)) {
    const spot = { file, line: 1, start: 0, end: content.length, wrongKey: null };
    throw torn(content, spot, 0);
  }
  throw new ReprobeError('BAD_TRACE', `This is not a trace: it does not begin with ${MAGIC}.`, {
    file,
    line: 1,
    column: 1,
  });
}

function parseHeader(text: string): RawObject {
  return parseObject(text, createReading(createInterner()));
}

/** How events of the header's schema are lifted; null when they need not be. */
function liftFor(raw: RawObject, file: string, upcasts: UpcastTable) {
  const schema = raw['schema'];
  if (schema === SCHEMA_VERSION) return null;
  const isVersion = typeof schema === 'number' && Number.isSafeInteger(schema) && schema >= 0;
  const lift = isVersion ? upcastFrom(schema, upcasts) : null;
  if (lift !== null) return lift;
  const isNewer = isVersion && schema > SCHEMA_VERSION;
  const which = isVersion ? `schema ${schema}` : 'a schema that is no version number';
  const message = `The trace has ${which}; this reprobe reads schema ${SCHEMA_VERSION}.`;
  throw new ReprobeError('BAD_TRACE', message, {
    file,
    line: 1,
    column: MAGIC.length + 1,
    hint: isNewer ? 'it was written by a newer reprobe: update this one' : 'make the trace again',
  });
}

function gunzip(bytes: Buffer, file: string, bytesMax: number): { content: Buffer; cut: boolean } {
  if (bytes[0] !== 0x1f || bytes[1] !== 0x8b) return { content: bytes, cut: false };
  try {
    return { content: gunzipSync(bytes, { maxOutputLength: bytesMax }), cut: false };
  } catch (error) {
    const code = error instanceof Error && 'code' in error ? error.code : '';
    if (code === 'Z_BUF_ERROR') return { content: salvage(bytes, bytesMax), cut: true };
    const isLarge = code === 'ERR_BUFFER_TOO_LARGE';
    const message = isLarge
      ? `The trace decompresses to more than ${bytesMax} bytes.`
      : 'The compressed data of the trace is damaged.';
    throw new ReprobeError(isLarge ? 'TOO_LARGE' : 'EDITED_TRACE', message, { file });
  }
}

/** What can be decompressed of a gzip file that ends too early. */
function salvage(bytes: Buffer, bytesMax: number): Buffer {
  try {
    const finishFlush = constants.Z_SYNC_FLUSH;
    return gunzipSync(bytes, { finishFlush, maxOutputLength: bytesMax });
  } catch {
    return Buffer.alloc(0);
  }
}

function viewOf(bytes: Uint8Array): Buffer {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}
