/** Bytes of a file to lines of clean text. */

/** Decoded at once. A line longer than that is cut in two, which bounds every string made here. */
const CHUNK_BYTES = 16 * 1024 * 1024;
const LF = 0x0a;

/** Colours and cursor moves of a terminal, with a real ESC or as loggers spell it, `^[`. */
// biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is looked for
const ANSI = /(?:\x1b|\^\[)\[[0-?]{0,32}[ -/]{0,8}[@-~]/g;
const IGNORED = /[\0\r\ufeff]/g;

export interface CleanText {
  /** Without line ends, NUL, carriage returns and escape sequences. */
  readonly lines: readonly string[];
  /** The file has carriage returns before line ends or escape sequences, as a terminal gets them. */
  readonly fromTerminal: boolean;
}

/**
 * Reads UTF-8, or UTF-16 with a byte order mark; what is not a character becomes U+FFFD.
 *
 * Linear in the bytes, for any bytes.
 */
export function cleanText(bytes: Uint8Array): CleanText {
  const decoder = new TextDecoder(encodingOf(bytes));
  const wide = decoder.encoding !== 'utf-8';
  const lines: string[] = [];
  let fromTerminal = false;
  for (let start = 0; start < bytes.length; ) {
    const end = chunkEnd(bytes, start, wide);
    const text = decoder.decode(bytes.subarray(start, end));
    const escapes = text.includes('\x1b') || text.includes('^[[');
    fromTerminal ||= escapes || text.includes('\r\n');
    const clean = (escapes ? text.replace(ANSI, '') : text).replace(IGNORED, '');
    for (const line of clean.split('\n')) lines.push(line);
    // The chunk ended with a line end, after which the split found one more, empty line.
    if (lines.at(-1) === '') lines.pop();
    start = end;
  }
  return { lines, fromTerminal };
}

function encodingOf(bytes: Uint8Array): string {
  if (bytes[0] === 0xff && bytes[1] === 0xfe) return 'utf-16le';
  if (bytes[0] === 0xfe && bytes[1] === 0xff) return 'utf-16be';
  return 'utf-8';
}

/** One past the last line end within the chunk, or the chunk's size where it has none. */
function chunkEnd(bytes: Uint8Array, start: number, wide: boolean): number {
  const limit = start + CHUNK_BYTES;
  if (limit >= bytes.length) return bytes.length;
  const lineEnd = bytes.lastIndexOf(LF, limit - 1);
  if (lineEnd < start || wide) return limit;
  return lineEnd + 1;
}
