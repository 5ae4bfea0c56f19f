/** Bytes of a file to lines of clean text. */

/** A longer line is cut in two, which bounds every string made here. */
const LINE_MAX = 16 * 1024 * 1024;
/** Decoded at once. */
const BLOCK_BYTES = 64 * 1024;
const LF = 0x0a;

/**
 * Colours and cursor moves of a terminal, with a real ESC or as loggers spell it, `^[`; and commands to it,
 * such as that for its title.
 */
// biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is looked for
const ANSI = /(?:\x1b|\^\[)\[[0-?]{0,32}[ -/]{0,8}[@-~]|\x1b\][^\x07\x1b\n]{0,256}(?:\x07|\x1b\\)/g;
const IGNORED = /[\0\r\ufeff]/g;

export interface TextReader {
  push(bytes: Uint8Array): void;
  end(): void;
  /** The file has carriage returns before line ends or escape sequences, as a terminal gets them. */
  isFromTerminal(): boolean;
}

/** Gives text in blocks that begin and end where lines do, but for the last and for long lines. */
interface Decoder {
  push(bytes: Uint8Array): void;
  end(): void;
}

/**
 * Reads UTF-8, or UTF-16 with a byte order mark; what is not a character becomes U+FFFD.
 *
 * Gives lines without line ends, NUL, carriage returns and escape sequences, the same ones wherever the
 * file is cut into pieces. Linear in the bytes, for any bytes.
 */
export function createTextReader(take: (line: string) => void): TextReader {
  let fromTerminal = false;
  let decoder: Decoder | null = null;
  let first: Uint8Array = new Uint8Array();

  const takeBlock = (text: string): void => {
    const escapes = text.includes('\x1b') || text.includes('^[[');
    fromTerminal ||= escapes || text.includes('\r\n');
    const lines = withoutIgnored(escapes ? text.replace(ANSI, '') : text).split('\n');
    // After the last line end the split finds one more, empty line.
    if (lines.at(-1) === '') lines.pop();
    for (const line of lines) take(line);
  };
  const decoderOf = (start: Uint8Array): Decoder => {
    const encoding = encodingOf(start);
    return encoding === null ? narrowDecoder(takeBlock) : wideDecoder(encoding, takeBlock);
  };

  return {
    push(bytes) {
      if (decoder !== null) return decoder.push(bytes);
      first = first.length === 0 ? bytes : joined([first, bytes]);
      if (first.length < 2) return;
      decoder = decoderOf(first);
      decoder.push(first);
    },
    end() {
      if (decoder === null) {
        decoder = decoderOf(first);
        decoder.push(first);
      }
      decoder.end();
    },
    isFromTerminal: () => fromTerminal,
  };
}

function encodingOf(start: Uint8Array): string | null {
  if (start[0] === 0xff && start[1] === 0xfe) return 'utf-16le';
  if (start[0] === 0xfe && start[1] === 0xff) return 'utf-16be';
  return null;
}

function withoutIgnored(text: string): string {
  const ignored = text.includes('\r') || text.includes('\0') || text.includes('\ufeff');
  return ignored ? text.replace(IGNORED, '') : text;
}

/** UTF-8: a line end is one byte and part of no other character, so that whole lines are decoded. */
function narrowDecoder(take: (text: string) => void): Decoder {
  const decoder = new TextDecoder();
  let open: Uint8Array[] = [];
  let openBytes = 0;
  const flush = (last: Uint8Array): void => {
    take(decoder.decode(open.length === 0 ? last : joined([...open, last])));
    open = [];
    openBytes = 0;
  };
  return {
    push(bytes) {
      for (let start = 0; start < bytes.length; ) {
        const limit = Math.min(bytes.length, start + Math.min(BLOCK_BYTES, LINE_MAX - openBytes));
        const lineEnd = bytes.lastIndexOf(LF, limit - 1);
        const end = lineEnd < start ? limit : lineEnd + 1;
        const piece = bytes.subarray(start, end);
        if (lineEnd >= start || openBytes + piece.length === LINE_MAX) flush(piece);
        else {
          open.push(piece);
          openBytes += piece.length;
        }
        start = end;
      }
    },
    end: () => flush(new Uint8Array()),
  };
}

function wideDecoder(encoding: string, take: (text: string) => void): Decoder {
  const decoder = new TextDecoder(encoding);
  let open = '';
  const add = (text: string): void => {
    const end = text.lastIndexOf('\n') + 1;
    if (end > 0) take(open + text.slice(0, end));
    open = end > 0 ? text.slice(end) : open + text;
    for (; open.length >= LINE_MAX; open = open.slice(LINE_MAX)) take(open.slice(0, LINE_MAX));
  };
  return {
    push(bytes) {
      for (let start = 0; start < bytes.length; start += BLOCK_BYTES)
        add(decoder.decode(bytes.subarray(start, start + BLOCK_BYTES), { stream: true }));
    },
    end() {
      add(decoder.decode());
      take(open);
    },
  };
}

function joined(pieces: readonly Uint8Array[]): Uint8Array {
  const whole = new Uint8Array(pieces.reduce((sum, { length }) => sum + length, 0));
  let at = 0;
  for (const piece of pieces) {
    whole.set(piece, at);
    at += piece.length;
  }
  return whole;
}
