/** A log file of any format, to records. */
import { createPass, type Manner, type Pass } from './format-pass.ts';
import type { LogRecord, LogTotals, ParsedLog } from './record.ts';

/** What a log is, is told from so much of it. */
const HEAD_BYTES = 64 * 1024 * 1024;

export interface LogReader<T> {
  /** Takes the next bytes of the file, which must not change afterwards. */
  push(bytes: Uint8Array): void;
  end(): LogTotals & { readonly result: T };
}

/**
 * Reads a log piece by piece, in whatever format it is, which is told from its content.
 *
 * Total: any bytes give a result, the same one however they are cut into pieces. Linear in the bytes;
 * what stays in memory is bounded. Every line that is not empty is a record, part of one, or counted
 * as skipped; `journalctl` lines of user space are skipped.
 *
 * A log is read in the manner that its first lines suggest. Where its first 64 MiB, or all of it, tell
 * otherwise, these are read again, into a new result.
 *
 * @param begin makes an empty result, into which `take` puts records.
 */
export function createLogReader<T>(
  begin: () => T,
  take: (result: T, record: LogRecord) => void,
): LogReader<T> {
  let result = begin();
  let pass = passOf(null);
  /** What was read, as long as it may have to be read again. */
  let head: Uint8Array[] | null = [];
  let headBytes = 0;

  function passOf(manner: Manner | null): Pass {
    const into = begin();
    result = into;
    return createPass(manner, (record) => take(into, record));
  }
  const again = (manner: Manner): void => {
    pass = passOf(manner);
    for (const bytes of head ?? []) pass.push(bytes);
  };

  return {
    push(bytes) {
      if (head === null) return pass.push(bytes);
      const piece = bytes.subarray(0, HEAD_BYTES - headBytes);
      head.push(piece);
      headBytes += piece.length;
      pass.push(piece);
      if (headBytes < HEAD_BYTES) return;
      for (let to = pass.correction(); to !== null; to = pass.correction()) again(to);
      head = null;
      pass.push(bytes.subarray(piece.length));
    },
    end() {
      let totals = pass.end();
      for (let to = pass.correction(); head !== null && to !== null; to = pass.correction()) {
        again(to);
        totals = pass.end();
      }
      return { ...totals, result };
    },
  };
}

/** Reads a log that is in memory. */
export function parseLog(bytes: Uint8Array): ParsedLog {
  const reader = createLogReader<LogRecord[]>(
    () => [],
    (records, record) => records.push(record),
  );
  reader.push(bytes);
  const { format, lines, skipped, result: records } = reader.end();
  return { format, lines, records, skipped };
}
